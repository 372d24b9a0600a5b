"""Throughput of the trainer against a bare loop of the same model and batch: ``python -m benchmarks.training``.

The bare loop repeats one batch that is already there: forward, backward, clipping, AdamW. The trainer does all of it
with data, schedule and moving average. Both train copies of one network and take turns, so that whatever else the
machine does meets both. With ``--clips`` the data are video files, which the trainer's workers decode while it
computes; both encode their frames in every step.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from copy import deepcopy
from pathlib import Path
from statistics import median

import numpy as np
import torch
from accelerate.utils import send_to_device
from torch import nn
from tqdm import tqdm

from fyp_core.synthetic import sample_clip
from fyp_core.training.config import OwnClips, TrainConfig
from fyp_core.training.config_file import load_config
from fyp_core.training.loop import TrainingRun
from fyp_core.training.stage import Draws, create_stage
from fyp_media.errors import InputError

_WARM_UP = 3  # steps of a turn
LATENTS, _CLIPS = "configs/mini_temporal.yaml", "configs/pose_train.yaml"
_TABLE, _CLIP_FILES, _FPS = "clips.jsonl", 16, 24
_SHRUNK = 2  # times that the files are larger than what is trained on


def bare_loop(run: TrainingRun, network: nn.Module) -> Generator[float]:
    """Train ``network`` on one batch; yields the loss after each step."""
    config, count = run.config, run.config.train_batch_size
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=config.learning_rate)
    batch = torch.utils.data.default_collate([run.stage.data[i] for i in range(count)])
    batch = send_to_device(batch, run.accelerator.device)
    draws = Draws(config.seed, range(count), run.accelerator.device)
    network.train()
    while True:
        with run.accelerator.autocast():
            loss = run.stage.loss(network, batch, draws)
        loss.backward()
        nn.utils.clip_grad_norm_(learning, config.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        yield loss.item()


def compare(config: TrainConfig, turns: int, steps: int) -> dict[str, float | str | int]:
    """Samples a second of both; the ratio is the median over turns."""
    stage = create_stage(config)
    network = deepcopy(stage.network)
    run = TrainingRun(stage, config)
    network.to(run.accelerator.device)
    seconds: dict[str, list[float]] = {"trainer": [], "bare loop": []}
    for _ in tqdm(range(turns), unit=" turns", disable=None, leave=False):
        # New for each turn: workers that continued in the other's turn would slow it down and be ahead in their own.
        loops = {"trainer": run.steps(), "bare loop": bare_loop(run, network)}
        for name, loop in loops.items():
            with closing(loop):
                seconds[name].append(seconds_a_step(loop, steps))
    ratios = [bare / trained for bare, trained in zip(seconds["bare loop"], seconds["trainer"], strict=True)]
    return {
        "stage": config.stage,
        "data": config.train_data.kind,
        "workers": config.dataloader_num_workers,
        "batch": config.train_batch_size,
        "threads": torch.get_num_threads(),
        "precision": config.mixed_precision,
        **{
            f"{name}, samples/s": round(config.train_batch_size / median(s), 2) for name, s in seconds.items()
        },
        "trainer / bare loop": round(median(ratios), 3),
    }


def seconds_a_step(loop: Iterator[float], steps: int) -> float:
    for _ in range(_WARM_UP):
        next(loop)
    started = time.perf_counter()
    for _ in range(steps):
        next(loop)
    return (time.perf_counter() - started) / steps


def own_settings(folder: Path, *, clips: bool) -> dict[str, object]:
    """What the benchmark sets in place of the configuration's, unless an override says otherwise."""
    shared = {"pretrained_model_path": "mini", "output_dir": folder / "run"}
    if not clips:
        return shared | {"train_data.cache": folder / "latents", "train_data.clips": 32}
    return shared | {
        "train_data.path": folder / _TABLE,
        "train_data.width": 128,
        "train_data.height": 128,
        "train_batch_size": 4,
        "mixed_precision": "no",
        "gradient_checkpointing": "false",
        "dataloader_num_workers": 1,
    }


def write_clips(folder: Path, data: OwnClips) -> None:
    """Render video files of the procedural world, long enough for what is taken of each, and their table."""
    from fyp_media.write_video import write_video

    rows = []
    for index in range(_CLIP_FILES):
        frames = (data.sample_start_idx or 0) + data.n_sample_frames * data.sample_frame_rate
        clip = sample_clip(np.random.default_rng(index), frames, _SHRUNK * max(data.height, data.width))
        write_video(folder / f"{index}.mp4", clip.frames, _FPS)
        rows.append(json.dumps({"path": f"{index}.mp4", "caption": clip.caption}))
    (folder / _TABLE).write_text("\n".join(rows))


def from_one(text: str) -> int:
    """A whole number from 1; argparse reports what is wrong with another."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"give a whole number from 1, not {text!r}")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--clips", action="store_true", help="video files in place of latents")
    parser.add_argument("--config", help=f"default: {LATENTS}, with --clips {_CLIPS}")
    parser.add_argument("--turns", type=from_one, default=5, help="of each (default: %(default)s)")
    parser.add_argument("--steps", type=from_one, default=5, help="timed of a turn (default: %(default)s)")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings in place of the file's")
    options = parser.parse_intermixed_args(arguments)
    path = options.config or (_CLIPS if options.clips else LATENTS)
    with tempfile.TemporaryDirectory() as folder:
        own = own_settings(Path(folder), clips=options.clips)
        own["max_train_steps"] = options.turns * (_WARM_UP + options.steps)
        try:
            config = load_config(
                path, [*(f"{key}={value}" for key, value in own.items()), *options.overrides]
            )
            if options.clips and isinstance(config.train_data, OwnClips):
                write_clips(Path(folder), config.train_data)
            print(json.dumps(compare(config, options.turns, options.steps)))
        except InputError as error:
            print(error, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
