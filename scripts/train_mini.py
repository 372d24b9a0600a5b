"""Trains mini: its stages one after the other in one process, the judges that measure it beside them.

python -m scripts.train_mini [key=value …] [--minutes 7] [--initial-model checkpoints/mini] [--judges] [--only STAGE …]

Without ``--minutes`` each stage takes the steps of its configuration: hours on two cores; after an interruption the
same command continues. With ``--minutes`` the stages share that time, in large batches as a GPU needs them. The model
is then in ``output/mini/model``, fp16, the judges in ``output/mini/judges``.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

STAGES = ("autoencoder", "text_to_image", "pose", "pose_joint", "temporal", "turbo")
JUDGES = ("judge_pose", "judge_classifier")
# Of the time, and settings for large batches. Most of it goes where poses are learnt.
SHARES = {"autoencoder": 0.19, "text_to_image": 0.01, "pose_joint": 0.58, "temporal": 0.1, "turbo": 0.12}
_LARGE_BATCHES = {
    "autoencoder": ["train_batch_size=96", "learning_rate=1.5e-3", "max_train_steps=2000"],
    "text_to_image": ["train_batch_size=256", "learning_rate=1e-4", "max_train_steps=20"],
    "pose_joint": ["train_batch_size=512", "learning_rate=1e-3", "max_train_steps=4000"],
    "temporal": ["train_batch_size=48", "max_train_steps=1000"],
    "turbo": ["train_batch_size=32", "max_train_steps=1000"],
}
_WARM_UP = {"autoencoder": 100, "text_to_image": 5, "pose_joint": 400, "temporal": 60, "turbo": 50}
_FROM_NOTHING = ("autoencoder", "text_to_image")  # unless they take over an earlier model's layers
_USABLE = ("pose_joint", "temporal", "turbo")  # what these leave makes videos
_JUDGES_SHARE = 0.45
OUTPUT = Path("output/mini")


def stage_settings(stage: str, minutes: float | None, initial_model: str | None, workers: int) -> list[str]:
    """Settings of a stage beside its configuration."""
    own = [f"initial_model={initial_model}"] if initial_model and stage in _FROM_NOTHING else []
    if minutes is None:
        return own
    if stage == "pose_joint":  # the pose encoder alone is left out: the joint stage teaches it as well
        own.append(f"pretrained_model_path={OUTPUT}/text_to_image/model")
    return [
        *own,
        *_LARGE_BATCHES[stage],
        f"lr_warmup_steps={_WARM_UP[stage]}",
        f"max_minutes={minutes * SHARES[stage]:.3f}",
        f"dataloader_num_workers={workers}",
        "train_data.clips=20000",
        "mixed_precision=bf16",
        "checkpointing_steps=100000",
        "validation_steps=100000",
    ]


def train_stage(stage: str, settings: Sequence[str]) -> Path:
    """The folder of the trained model; a stage that has ended is not trained again."""
    import torch

    from fyp_core.training.config_file import load_config
    from fyp_core.training.loop import train
    from fyp_core.training.stage import create_stage

    config = load_config(f"configs/mini_{stage}.yaml", settings)
    finished = Path(config.output_dir) / "model"
    if finished.is_dir():
        return finished
    folder = train(create_stage(config), config)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return folder


def start_judges(minutes: float | None, workers: int) -> list[subprocess.Popen[bytes]]:
    limits = [] if minutes is None else [f"max_minutes={minutes * _JUDGES_SHARE:.3f}"]
    return [
        subprocess.Popen(
            [
                sys.executable, "train_followyourpose.py", f"--config=configs/{judge}.yaml",
                f"dataloader_num_workers={workers}", "validation_steps=100000", *limits,
            ]
        )
        for judge in JUDGES
    ]  # fmt: skip


def collect_judges() -> None:
    (OUTPUT / "judges").mkdir(parents=True, exist_ok=True)
    for judge in JUDGES:
        for weights in (Path("output") / judge / "model").glob("*.safetensors"):
            shutil.copy(weights, OUTPUT / "judges")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    judges = start_judges(options.minutes, max(1, cores // 5)) if options.judges else []
    workers = max(1, cores * 5 // 8 if judges else cores - 2)
    started = time.monotonic()
    folder = None
    for stage in options.only or (STAGES if options.minutes is None else list(SHARES)):
        settings = stage_settings(stage, options.minutes, options.initial_model, workers)
        folder = train_stage(stage, [*settings, *options.settings])
        logging.info("%s ended after %.0f s", stage, time.monotonic() - started)
        if stage in _USABLE:
            _save_half(folder)
    for judge in judges:
        judge.wait()
    if judges:
        collect_judges()
    return int(any(judge.returncode for judge in judges))


def _save_half(folder: Path) -> None:
    import torch

    from fyp_core.weights.convert import convert_model
    from fyp_core.weights.sources import resolve_model

    convert_model(resolve_model(str(folder)), OUTPUT / "model", torch.float16)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, help="of all stages together; default: the configured steps")
    parser.add_argument("--initial-model", metavar="MODEL", help="whose layers are taken over where they fit")
    parser.add_argument("--judges", action="store_true", help="train the judges beside it")
    parser.add_argument("--only", nargs="+", choices=STAGES, metavar="STAGE", help="default: all")
    parser.add_argument("settings", nargs="*", metavar="key=value", help="of every stage")
    return parser.parse_intermixed_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
