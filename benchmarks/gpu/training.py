"""Training at full size: memory and time of a step against the estimate of ``--dry-run``; ``mini``'s throughput."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import send_to_device

from benchmarks import training as throughput_benchmark
from benchmarks.gpu.scale import Row, Scale
from benchmarks.random_model import FULL_WIDTH
from benchmarks.speed import SD14, load
from fyp_core.generation.running.memory import free_memory, peak_memory, reset_peak
from fyp_core.training.config import TrainConfig
from fyp_core.training.config_file import load_config
from fyp_core.training.loop import TrainingRun
from fyp_core.training.memory import estimate
from fyp_core.training.stage import stage_class

GIB = 2**30
_CONFIGS = ("configs/pose_train_stage1.yaml", "configs/pose_train.yaml")


def steps(scale: Scale, device: str, dtype: str) -> Iterator[Row]:
    """Both stages with and without gradient checkpointing."""
    with tempfile.TemporaryDirectory() as folder:
        _save_sizes(scale, Path(folder))
        for path in _CONFIGS:
            for checkpointing in (True, False):  # the smaller first
                yield _train(_config(path, checkpointing, scale, device, folder), scale, device)


def _save_sizes(scale: Scale, folder: Path) -> None:
    """Configurations without weights, from which the estimate knows the networks' sizes."""
    if scale.width == FULL_WIDTH:  # the estimate takes Stable Diffusion's sizes where there is no file
        return
    pipeline = load(SD14, "fp32", "cpu", scale.width)
    for name in ("unet", "vae", "pose_encoder", "scheduler"):
        getattr(pipeline, name).save_config(folder / name)
    pipeline.text_encoder.config.save_pretrained(folder / "text_encoder")


def _config(path: str, checkpointing: bool, scale: Scale, device: str, folder: str) -> TrainConfig:
    overrides = {
        "pretrained_model_path": folder,
        "output_dir": Path(folder) / "run",
        "gradient_checkpointing": checkpointing,
        "mixed_precision": "fp16" if device == "cuda" else "no",
        "train_data.width": scale.size,
        "train_data.height": scale.size,
        "validation_data.skeleton_path": "null",
    }
    return load_config(path, [f"{name}={value}" for name, value in overrides.items()])


def _train(config: TrainConfig, scale: Scale, device: str) -> Row:
    """Three steps of the optimizer on one batch; the seconds are the last one's."""
    row: Row = {
        "stage": config.stage,
        "gradient checkpointing": getattr(config, "gradient_checkpointing", False),
    }
    expected = {"estimated, GiB": estimate(config).total / GIB}
    free_memory()
    reset_peak(device)
    try:
        seconds = _seconds_a_step(config, scale, device)
    except torch.OutOfMemoryError as error:
        return {**row, **expected, "note": str(error)[:100]}
    return {**row, "batch": config.train_batch_size, "seconds a step": seconds} | {
        "peak, GiB": peak_memory(device) / GIB,
        **expected,
    }


def _seconds_a_step(config: TrainConfig, scale: Scale, device: str) -> float:
    class OfRandomWeights(stage_class(config.stage)):  # type: ignore[misc]  # the class is chosen by name
        def open_pipeline(self) -> Any:
            return load(SD14, "fp32", device, scale.width)

    stage = OfRandomWeights(config)
    run = TrainingRun(stage, config)
    batch = stage.example(config.train_batch_size)
    batch["position"] = torch.arange(config.train_batch_size)
    batch = send_to_device(batch, run.accelerator.device)
    start = 0.0
    for _ in range(3):
        start = time.perf_counter()
        run.update(iter([batch] * config.gradient_accumulation_steps))  # ends with the loss's value
    return time.perf_counter() - start


def throughput(scale: Scale, device: str, dtype: str) -> Iterator[Row]:
    """Samples a second of the temporal stage of ``mini``'s training, and of a bare loop."""
    turns, count = (3, 5) if device == "cuda" else (1, 1)
    with tempfile.TemporaryDirectory() as folder:
        settings = throughput_benchmark.own_settings(Path(folder), clips=False)
        settings |= {
            "max_train_steps": 1000,
            "mixed_precision": "fp16" if device == "cuda" else "no",
        }
        if device != "cuda":  # to try this program
            settings |= {"train_data.clips": 2, "train_data.size": 32, "train_batch_size": 2}
        overrides = [f"{name}={value}" for name, value in settings.items()]
        config = load_config(throughput_benchmark.LATENTS, overrides)
        yield throughput_benchmark.compare(config, turns, count)
