"""The training loop all stages share: resumable, with progress, checkpoints and sample sheets."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from accelerate.utils import ProjectConfiguration, set_seed
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel
from torch import nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from fyp_core.training.config import TrainConfig

logger = logging.getLogger(__name__)


class Stage(Protocol):
    """What a stage brings to the loop.

    network: one module around all that the stage runs forward; only parameters that require gradients learn.
    data: a map-style dataset; item i of it must depend on i alone, so that a resumed run sees the same data.
    """

    network: nn.Module
    data: Dataset

    def loss(self, network: nn.Module, batch: dict[str, Any], generator: torch.Generator) -> torch.Tensor:
        """Scalar loss of a batch; all its randomness comes from ``generator``."""

    def preview(self, path: Path) -> None:
        """Write a picture that shows what has been learnt so far."""

    def export(self, folder: Path) -> None:
        """Write the model with what this stage has learnt, in diffusers layout."""


def train(stage: Stage, config: TrainConfig) -> Path:
    """Run a stage to its last step and export the model; continues from the newest checkpoint if there is one.

    Checkpoints appear whole or not at all; SIGTERM and Ctrl-C save one before leaving.

    Returns:
        The folder of the exported model.
    """
    run = _Run(stage, config)
    run.resume()
    run.fit()
    return run.finish()


class _Run:
    def __init__(self, stage: Stage, config: TrainConfig) -> None:
        self.stage, self.config = stage, config
        self.folder = Path(config.output_dir)
        self.accelerator = Accelerator(
            mixed_precision=config.mixed_precision,
            gradient_accumulation_steps=config.gradient_accumulation_steps,
            log_with=config.report_to,
            project_config=ProjectConfiguration(str(self.folder), str(self.folder / "logs")),
        )
        set_seed(config.seed)
        if config.report_to:
            self.accelerator.init_trackers("followyourpose")
        learning = [p for p in stage.network.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(
            learning,
            lr=config.learning_rate,
            weight_decay=config.adam_weight_decay,
            betas=(0.9, 0.99),
            fused=True,
        )
        processes = self.accelerator.num_processes
        scheduler = get_scheduler(
            config.lr_scheduler,
            optimizer,
            num_warmup_steps=config.lr_warmup_steps * processes,
            num_training_steps=config.max_train_steps * processes,
        )
        self.network, self.optimizer, self.scheduler = self.accelerator.prepare(
            stage.network, optimizer, scheduler
        )
        self.learning = learning
        self.ema = EMAModel(learning, decay=config.ema_decay, foreach=True) if config.ema_decay else None
        if self.ema:
            self.ema.to(self.accelerator.device)
        self.step = 0
        self.seconds = 0.0
        self.stopping = False

    def resume(self) -> None:
        checkpoints = self._checkpoints()
        if not (self.config.resume_from_checkpoint and checkpoints):
            return
        newest = checkpoints[-1]
        self.accelerator.load_state(str(newest))
        progress = json.loads((newest / "progress.json").read_text())
        self.step, self.seconds = progress["step"], progress["seconds"]
        if self.ema:
            self.ema.load_state_dict(torch.load(newest / "ema.pt", weights_only=True))
        logger.info("Resumed from step %d", self.step)

    def fit(self) -> None:
        handlers = {sig: signal.signal(sig, self._ask_to_stop) for sig in (signal.SIGTERM, signal.SIGINT)}
        bar = tqdm(
            total=self.config.max_train_steps,
            initial=self.step,
            desc=self.config.stage,
            disable=not self.accelerator.is_main_process,
            mininterval=5,
        )
        average = None
        started = time.monotonic() - self.seconds
        for batch in self._batches():
            loss = self._update(batch)
            self.step += 1
            self.seconds = time.monotonic() - started
            average = loss if average is None else 0.98 * average + 0.02 * loss
            bar.set_postfix(loss=f"{average:.4f}", refresh=False)
            bar.update()
            if self.config.report_to:
                self.accelerator.log({"loss": loss, "lr": self.scheduler.get_last_lr()[0]}, self.step)
            if self.step % self.config.validation_steps == 0:
                self._preview()
            if self.step % self.config.checkpointing_steps == 0 or self.stopping:
                self._save()
            if self.stopping:
                raise SystemExit(f"Stopped at step {self.step}; the same command continues from there.")
        bar.close()
        for sig, handler in handlers.items():
            signal.signal(sig, handler)

    def finish(self) -> Path:
        self._save()
        target = self.folder / "model"
        if self.accelerator.is_main_process:
            if self.ema:
                self.ema.copy_to(self.learning)
            partial = self.folder / "model.partial"
            shutil.rmtree(partial, ignore_errors=True)
            self.stage.export(partial)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(partial, target)
            logger.info("%s: %d steps in %.1f minutes", self.config.stage, self.step, self.seconds / 60)
        self.accelerator.end_training()
        return target

    def _batches(self) -> Iterator[dict[str, Any]]:
        """The batches from the current step to the last; the i-th of a run is always the same."""
        size = self.config.train_batch_size * self.config.gradient_accumulation_steps
        per_process = size * self.accelerator.num_processes
        order = range(self.step * per_process, self.config.max_train_steps * per_process)
        loader = DataLoader(self.stage.data, batch_size=size, sampler=order)
        yield from self.accelerator.prepare(loader)

    def _update(self, batch: dict[str, Any]) -> float:
        self.network.train()
        generator = torch.Generator(self.accelerator.device)
        generator.manual_seed(
            (self.config.seed * 1_000_003 + self.step) * 4096 + self.accelerator.process_index
        )
        parts = self.config.gradient_accumulation_steps
        total = 0.0
        for index in range(parts):
            part = {key: value[index::parts] for key, value in batch.items()}
            with self.accelerator.accumulate(self.network), self.accelerator.autocast():
                loss = self.stage.loss(self.network, part, generator)
                self.accelerator.backward(loss)
                if self.accelerator.sync_gradients:
                    self.accelerator.clip_grad_norm_(self.learning, self.config.max_grad_norm)
                self.optimizer.step()
                self.scheduler.step()
                self.optimizer.zero_grad()
            total += loss.item() / parts
        if self.ema:
            self.ema.step(self.learning)
        return total

    def _preview(self) -> None:
        if not self.accelerator.is_main_process:
            return
        folder = self.folder / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        if self.ema:
            self.ema.store(self.learning)
            self.ema.copy_to(self.learning)
        self.network.eval()
        with torch.no_grad():
            self.stage.preview(folder / f"step-{self.step:06d}.png")
        if self.ema:
            self.ema.restore(self.learning)

    def _save(self) -> None:
        if not self.accelerator.is_main_process:
            return
        target = self.folder / f"checkpoint-{self.step:06d}"
        partial = self.folder / "checkpoint.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self.accelerator.save_state(str(partial))
        if self.ema:
            torch.save(self.ema.state_dict(), partial / "ema.pt")
        (partial / "progress.json").write_text(json.dumps({"step": self.step, "seconds": self.seconds}))
        shutil.rmtree(target, ignore_errors=True)
        os.replace(partial, target)
        for old in self._checkpoints()[: -self.config.checkpoints_total_limit]:
            shutil.rmtree(old)

    def _checkpoints(self) -> list[Path]:
        return sorted(self.folder.glob("checkpoint-*"))

    def _ask_to_stop(self, signum: int, frame: FrameType | None) -> None:
        self.stopping = True
