"""Throughput of the trainer against a bare loop of the same model and batch: ``python -m benchmarks.training``.

The bare loop repeats one batch that is already there: forward, backward, clipping, AdamW. The trainer does all of it
with data, schedule and moving average. Both train copies of one network and take
turns, so that whatever else the machine does meets both.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from pathlib import Path
from statistics import median

import torch
from torch import nn
from tqdm import tqdm

from fyp_core.training.config import TrainConfig, load_config
from fyp_core.training.draws import Draws
from fyp_core.training.loop import Run
from fyp_core.training.stages import create_stage

_WARM_UP = 3  # turns


def bare_loop(run: Run, network: nn.Module) -> Iterator[None]:
    """Train ``network`` on one batch, a step a turn."""
    config, count = run.config, run.config.train_batch_size
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=config.learning_rate)
    batch = torch.utils.data.default_collate([run.stage.data[i] for i in range(count)])
    draws = Draws(config.seed, range(count), run.accelerator.device)
    network.train()
    while True:
        with run.accelerator.autocast():
            loss = run.stage.loss(network, batch, draws)
        loss.backward()
        nn.utils.clip_grad_norm_(learning, config.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        yield


def compare(config: TrainConfig, turns: int) -> dict[str, float | str | int]:
    """Samples a second of both; the ratio is the median over turns, one beside the other."""
    stage = create_stage(config)
    network = deepcopy(stage.network)
    run = Run(stage, config)
    loops = {"trainer": run.steps(), "bare loop": bare_loop(run, network)}
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in tqdm(range(_WARM_UP + turns), unit=" turns", disable=None, leave=False):
        for name, loop in loops.items():
            seconds[name].append(timed(partial(next, loop)))
    kept = {name: some[_WARM_UP:] for name, some in seconds.items()}
    ratios = [bare / trained for bare, trained in zip(kept["bare loop"], kept["trainer"], strict=True)]
    return {
        "stage": config.stage,
        "batch": config.train_batch_size,
        "threads": torch.get_num_threads(),
        "precision": config.mixed_precision,
        **{f"{name}, samples/s": round(config.train_batch_size / median(s), 2) for name, s in kept.items()},
        "trainer / bare loop": round(median(ratios), 3),
    }


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--config", default="configs/mini_temporal.yaml", help="default: %(default)s")
    parser.add_argument("--turns", type=int, default=20, help="steps of each (default: %(default)s)")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings in place of the file's")
    args = parser.parse_intermixed_args()
    with tempfile.TemporaryDirectory() as folder:
        own = {
            "pretrained_model_path": "mini",
            "output_dir": Path(folder) / "run",
            "train_data.cache": Path(folder) / "latents",
            "train_data.clips": 32,
            "max_train_steps": _WARM_UP + args.turns,
        }
        overrides = [f"{name}={value}" for name, value in own.items()]
        print(json.dumps(compare(load_config(args.config, overrides + args.overrides), args.turns)))


if __name__ == "__main__":
    main()
