"""The published model's size on this machine: load seconds, peak memory, seconds a step. Weights are random.

python -m benchmarks.full_size [--dtype fp32] [--format safetensors] [--folder FOLDER] [--width 320]
python -m benchmarks.full_size --device cuda --dtype fp16 --frames 8 24 --size 512 --steps 50 [--low-vram]

Builds a checkpoint in the published layout once (5 GB on disk in the folder, kept for the next run), loads it as
users do, generates guided videos. Each part runs in a process of its own, so that peaks do not mix.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from benchmarks.random_model import FULL_WIDTH, clip_tokenizer, published_names, random_parts
from fyp_core.generation.device import DTYPES, Runtime, device_name, place, torch_dtype
from fyp_core.generation.running.memory import estimate_peak, in_gib, peak_memory, reset_peak
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.pose_encoder import PUBLISHED_PREFIX
from fyp_core.weights.sources import assembled_source

FORMATS = {"bin": "pytorch_model.bin", "safetensors": "model.safetensors"}
LARGEST_SHARE, LONGEST_LOAD = 1.2, 15.0  # of the weights' size; seconds, of safetensors


def main() -> int:
    """Build, load and generate; exit status 1 where loading takes more than it should."""
    options = _options()
    if options.part == "build":
        build(options.folder, options.format, options.width)
    elif options.part == "run":
        print(json.dumps(run(options)))
    else:
        return _report(options)
    return 0


def build(folder: Path, form: str, width: int) -> None:
    """Write a random checkpoint in the published layout, its networks ``width / 320`` as wide."""
    torch.manual_seed(0)
    base = folder / "stable-diffusion-v1-4"
    (base / "tokenizer").mkdir(parents=True, exist_ok=True)
    clip_tokenizer(base / "tokenizer")
    parts = random_parts(width)
    for name in ("text_encoder", "vae", "scheduler"):
        parts[name].save_pretrained(base / name)
    published = published_names(parts["pose_encoder"].state_dict())
    torch.save(published, folder / "pose_encoder.pth")
    unet = parts["unet"]
    unet.save_config(base / "unet")
    state = {**unet.state_dict(), **{PUBLISHED_PREFIX + name: tensor for name, tensor in published.items()}}
    network = folder / "followyourpose_checkpoint-1000"
    network.mkdir(exist_ok=True)
    (save_file if form == "safetensors" else torch.save)(state, network / FORMATS[form])


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Load and generate; bytes and seconds."""
    folder, device = options.folder, options.device
    network = folder / "followyourpose_checkpoint-1000" / FORMATS[options.format]
    source = assembled_source(folder / "stable-diffusion-v1-4", network, folder / "pose_encoder.pth")
    before = peak_memory("cpu")
    start = time.perf_counter()
    pipeline = FollowYourPosePipeline.from_source(source, torch_dtype(options.dtype))
    load_seconds = time.perf_counter() - start
    load_peak = peak_memory("cpu") - before
    parts = (pipeline.unet, pipeline.vae, pipeline.text_encoder, pipeline.pose_encoder)
    weights = sum(parameter.nbytes for part in parts for parameter in part.parameters())

    runtime = Runtime(device=device, dtype=options.dtype, low_vram=options.low_vram)
    place(pipeline, device, runtime.low_vram)
    if device != "cpu":  # its first video includes the choice of kernels
        _generate(pipeline, options.frames[0], options.size, 1, runtime)
        before = 0  # a GPU's peak can be reset
    return {
        "parameters_of_unet": sum(p.numel() for p in pipeline.unet.parameters()),
        "weights": weights,
        "load_seconds": round(load_seconds, 2),
        "load_peak": load_peak,
        "videos": [_measure(pipeline, frames, options, runtime, before) for frames in options.frames],
    }


def _measure(
    pipeline: FollowYourPosePipeline, frames: int, options: argparse.Namespace, runtime: Runtime, before: int
) -> dict[str, float]:
    size, device = options.size, options.device
    reset_peak(device)
    return {
        "frames": frames,
        "seconds": round(_generate(pipeline, frames, size, options.steps, runtime), 2),
        "peak": peak_memory(device) - before,
        "estimated_peak": estimate_peak(pipeline, frames, size, size, True, runtime),
    }


def _generate(
    pipeline: FollowYourPosePipeline, frames: int, size: int, steps: int, runtime: Runtime
) -> float:
    start = time.perf_counter()
    pipeline(
        "a robot",
        torch.rand(frames, 3, size, size),
        height=size,
        width=size,
        num_inference_steps=steps,
        decode_chunk_size=runtime.decode_chunk,
        generator=torch.Generator().manual_seed(0),
    )
    return time.perf_counter() - start


def _report(options: argparse.Namespace) -> int:
    network = options.folder / "followyourpose_checkpoint-1000" / FORMATS[options.format]
    if not network.is_file():
        print(f"Building a random checkpoint in {options.folder}")
        _in_own_process("build", options)
    result = json.loads(_in_own_process("run", options).splitlines()[-1])
    share = result["load_peak"] / result["weights"]
    print(
        f"{result['parameters_of_unet'] / 1e6:.0f} M parameters in the UNet, {options.dtype}, {options.format}"
    )
    print(f"load: {result['load_seconds']} s, peak {in_gib(result['load_peak'])}: {share:.2f} × the weights")
    for video in result["videos"]:
        print(
            f"{video['frames']} frames of {options.size}×{options.size} in {options.steps} steps on {_place(options)}:"
            f" {video['seconds']} s, peak {in_gib(video['peak'])}, estimated {in_gib(video['estimated_peak'])}"
        )
    is_slow = options.format == "safetensors" and result["load_seconds"] > LONGEST_LOAD
    return int(share > LARGEST_SHARE or is_slow)


def _place(options: argparse.Namespace) -> str:
    name = device_name(options.device)
    return f"{name}, low VRAM" if options.low_vram else name


def _in_own_process(part: str, options: argparse.Namespace) -> str:
    command = [sys.executable, "-m", "benchmarks.full_size", "--part", part, "--folder", str(options.folder)]
    command += ["--dtype", options.dtype, "--format", options.format, "--width", str(options.width)]
    command += ["--device", options.device, "--size", str(options.size), "--steps", str(options.steps)]
    command += ["--frames", *map(str, options.frames), *(["--low-vram"] if options.low_vram else [])]
    root = Path(__file__).resolve().parent.parent
    return subprocess.run(command, cwd=root, check=True, text=True, stdout=subprocess.PIPE).stdout


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dtype", choices=DTYPES, default="fp32")
    parser.add_argument("--format", choices=FORMATS, default="safetensors", help="of the inflated network")
    parser.add_argument(
        "--folder", type=Path, help="where the checkpoint lies; default: the temporary folder"
    )
    parser.add_argument(
        "--width", type=int, default=FULL_WIDTH, help="multiple of 32: smaller, to try this program"
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--frames", type=int, nargs="+", default=[4], help="of each video")
    parser.add_argument("--size", type=int, default=256, help="pixels a side")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--low-vram", action="store_true")
    parser.add_argument("--part", choices=("build", "run"), help="one part only, in this process")
    options = parser.parse_args()
    default = Path(tempfile.gettempdir()) / f"fyp-width-{options.width}"
    options.folder = (options.folder or default).resolve()
    return options


if __name__ == "__main__":
    sys.exit(main())
