"""The same video of ``mini`` on the CPU in fp32 and on a device: seconds, and how alike both are.

python -m benchmarks.device [--device cuda] [--dtype fp16]
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch
from torchmetrics.functional.image import peak_signal_noise_ratio

from fyp_core import FollowYourPosePipeline
from fyp_core.generation.device import (
    AUTO_DTYPE,
    DTYPES,
    choose_device,
    choose_dtype,
    device_name,
    torch_dtype,
)
from fyp_core.synthetic import sample_clip

PROMPT, MOTION, FRAMES, SIZE = "an astronaut on the beach", "kick", 8, 128


def compare(device: str, dtype: str) -> dict[str, float | str]:
    """Seconds of both, with the model in memory, and the peak signal-to-noise ratio between them in dB."""
    clip = sample_clip(np.random.default_rng(3), FRAMES, SIZE, motion=MOTION)
    reference, seconds_there = _generate(clip.skeletons(), "cpu", "fp32")
    video, seconds = _generate(clip.skeletons(), device, dtype)
    ratio = peak_signal_noise_ratio(torch.from_numpy(video), torch.from_numpy(reference), data_range=1.0)
    return {
        "device": device_name(device),
        "dtype": dtype,
        "seconds": round(seconds, 2),
        "seconds on the CPU in fp32": round(seconds_there, 2),
        "PSNR, dB": round(float(ratio), 1),
    }


def _generate(skeletons: np.ndarray, device: str, dtype: str) -> tuple[np.ndarray, float]:
    """The video, (F, H, W, 3) in 0..1, and its seconds."""
    pipeline = FollowYourPosePipeline.from_pretrained("mini", dtype=torch_dtype(dtype)).to(device)
    pipeline.set_progress_bar_config(disable=True)
    if device != "cpu":  # its first pass includes the choice of kernels
        pipeline(PROMPT, skeletons, num_inference_steps=1)
    start = time.perf_counter()
    video = pipeline(PROMPT, skeletons, generator=torch.Generator().manual_seed(1)).frames[0]
    return video, time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", help="default: a GPU where there is one")
    parser.add_argument("--dtype", choices=(AUTO_DTYPE, *DTYPES), default=AUTO_DTYPE)
    options = parser.parse_args()
    device = choose_device(options.device)
    print(json.dumps(compare(device, choose_dtype(options.dtype, device))))


if __name__ == "__main__":
    main()
