"""Inference from a configuration file; the processes of one launch share the prompts.

accelerate launch txt2video.py --config=configs/pose_sample.yaml --skeleton_path=SKELETON_VIDEO [key=value ...]
"""

from __future__ import annotations

import argparse
import logging
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fyp_core.cli.published_config import Config, load_config
from fyp_core.generation.device import AUTO_DTYPE, Runtime
from fyp_core.generation.engine import Engine
from fyp_core.generation.output import save_video
from fyp_core.generation.request import GenerationRequest
from fyp_core.training.launcher import relaunch_with_requested_processes
from fyp_core.weights.sources import ModelSource, assembled_source
from fyp_media.errors import InputError
from fyp_media.files import check_target
from fyp_media.terminal import print_in_any_encoding

logger = logging.getLogger("txt2video")

_DTYPES = {None: AUTO_DTYPE, "no": "fp32", "fp16": "fp16", "bf16": "bf16"}  # of mixed_precision


def main(arguments: Sequence[str] | None = None) -> int:
    """Run inference; the exit status is 0, or 2 for bad input."""
    print_in_any_encoding()
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    logger.setLevel(logging.INFO)
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", required=True, help="YAML file")
    parser.add_argument("--skeleton_path", help="skeleton video")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="for example validation_data.stride=2"
    )
    options = parser.parse_args(arguments)
    overrides = list(options.overrides)
    if options.skeleton_path:
        overrides.append(f"skeleton_path={options.skeleton_path}")
    try:
        run(load_config(options.config, overrides))
    except InputError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command line
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def run(config: Config) -> None:
    """Generate a video for every prompt, and a grid of all videos.

    Raises:
        InputError: a setting, the skeleton video or the model cannot work.
    """
    import torch
    from accelerate import PartialState
    from accelerate.utils import gather_object, parse_flag_from_env

    # Only with cpu=True does it distribute work over processes on a CPU.
    state = PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU") or not torch.cuda.is_available())
    data = config.validation_data
    requests = [_request(config, prompt) for prompt in data.prompts]
    for request in requests:
        request.check()
    folder = Path(config.output_dir) / "inference" / Path(config.skeleton_path).stem
    check_target(folder / "grid.mp4")
    engine = Engine(_source(config), runtime=_runtime(config, str(state.device)))
    guide = engine.prepare(requests[0])
    source = engine.load()
    logger.info("Model: %s. %s", source.name, source.note)

    videos: list[tuple[int, np.ndarray]] = []
    with state.split_between_processes(list(enumerate(requests))) as share:
        for index, request in share:
            result = engine.render(request, guide)
            name = f"{index:02d}_{_slug(request.prompt)}"
            settings = result.settings() | {"input": config.skeleton_path, "model": engine.model_name}
            for suffix in (".gif", ".mp4"):
                save_video(folder / f"{name}{suffix}", result.frames, result.fps, settings)
            logger.info("%s: %s, seed %d", folder / f"{name}.mp4", request.prompt, result.request.seed)
            videos.append((index, result.frames))

    everything = sorted(gather_object(videos), key=lambda video: video[0])
    if state.is_main_process:
        overview = grid([frames for _, frames in everything])
        for suffix in (".gif", ".mp4"):
            save_video(folder / f"grid{suffix}", overview, guide.fps, {"prompts": list(data.prompts)})
        logger.info("%s: all of them", folder / "grid.mp4")


def grid(videos: Sequence[np.ndarray]) -> np.ndarray:
    """Put N videos (F, H, W, 3) side by side in about as many rows as columns: (F, rows H, columns W, 3)."""
    columns = math.ceil(math.sqrt(len(videos)))
    rows = math.ceil(len(videos) / columns)
    blank = np.zeros_like(videos[0])
    cells = [*videos, *[blank] * (rows * columns - len(videos))]
    lines = [np.concatenate(cells[row * columns : (row + 1) * columns], axis=2) for row in range(rows)]
    return np.concatenate(lines, axis=1)


def _request(config: Config, prompt: str) -> GenerationRequest:
    data = config.validation_data
    return GenerationRequest(
        input=config.skeleton_path,
        prompt=prompt,
        input_type="skeleton",
        frames=data.video_length,
        stride=data.stride,
        start=data.start,
        steps=data.num_inference_steps,
        guidance=data.guidance_scale,
        scheduler=data.scheduler,
        seed=config.seed,
        width=data.width,
        height=data.height,
    )


def _runtime(config: Config, device: str) -> Runtime:
    precision = config.mixed_precision
    if precision not in _DTYPES:
        raise InputError(f"There is no mixed_precision {precision}; choose no, fp16 or bf16.")
    if precision is not None and not device.startswith("cuda"):  # the key was written with a GPU in mind
        logger.info("Without effect on a CPU: mixed_precision; the fastest number format is used there.")
        return Runtime(device=device)
    return Runtime(device=device, dtype=_DTYPES[precision])


def _source(config: Config) -> str | ModelSource:
    if config.resume_from_checkpoint is None:
        return config.pretrained_model_path
    base = Path(config.pretrained_model_path)
    return assembled_source(base, Path(config.resume_from_checkpoint), base.parent / "pose_encoder.pth")


def _slug(text: str) -> str:
    """A short file name that reads like the text."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "video"


if __name__ == "__main__":
    relaunch_with_requested_processes(sys.argv[1:])
    sys.exit(main())
