"""The training loop all stages share: distributed, resumable, with progress, checkpoints and sample sheets."""

from __future__ import annotations

import logging
import math
import signal
import time
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from diffusers.training_utils import EMAModel
from PIL import Image
from torch.utils.data import Dataset
from tqdm import tqdm

from fyp_core.generation.device import use_attention
from fyp_core.training.accelerator import UNUSABLE, create_accelerator, is_sharded
from fyp_core.training.batches import batches
from fyp_core.training.checkpointing import LATEST, Checkpoints, disk_full_as_input_error, writing_folder
from fyp_core.training.config import TrainConfig, VideoConfig
from fyp_core.training.launcher import launcher_has_ended
from fyp_core.training.optimizers import apply_settings, create_optimizer, create_scheduler
from fyp_core.training.stage import Draws, Stage
from fyp_core.training.trainable import learnt_names
from fyp_media.errors import InputError, as_input_error
from fyp_media.files import check_folder

logger = logging.getLogger(__name__)

_LOSS_MEMORY = 0.98  # of the average shown
_STOPPING_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def train(stage: Stage, config: TrainConfig) -> Path:
    """Run a stage to its last step and export the model; continues from a checkpoint as configured.

    A checkpoint is complete or absent; SIGTERM and Ctrl-C, to this process or accelerate's launcher, save one before
    the process exits.

    Returns:
        The folder of the exported model.

    Raises:
        InputError: settings or a checkpoint that cannot be used here, a full disk, or a loss that is not finite.
        SystemExit: stopped by a signal.
    """
    with disk_full_as_input_error(Path(config.output_dir)):
        run = TrainingRun(stage, config)
        run.resume()
        run.fit()
        return run.finish()


class TrainingRun:
    """One training run and its state.

    Raises:
        InputError: the settings cannot work on this machine.
    """

    def __init__(self, stage: Stage, config: TrainConfig) -> None:
        self.stage, self.config = stage, config
        self.folder = Path(config.output_dir)
        check_folder(self.folder, "output_dir")
        self.accelerator = create_accelerator(config)
        set_seed(config.seed)
        self.samples_a_step = (
            config.train_batch_size * config.gradient_accumulation_steps * self.accelerator.num_processes
        )
        names = learnt_names(stage.network)
        optimizer = create_optimizer(
            [p for p in stage.network.parameters() if p.requires_grad], config, self.samples_a_step
        )
        self.scheduler = create_scheduler(optimizer, config)
        with as_input_error(UNUSABLE):
            self.network, self.optimizer = self.accelerator.prepare(stage.network, optimizer)
        self.learning = [p for p in self.network.parameters() if p.requires_grad]
        self.ema = self._create_average()
        self.checkpoints = Checkpoints(
            self.folder, config.checkpoints_total_limit, self.accelerator, self.network, names, self.ema
        )
        self.step = 0
        self.position = 0  # samples seen by all processes
        self.seconds = 0.0
        self.stop_requested = False  # by a signal to this process
        self.stop_agreed = False  # by all processes: this step is the last

    def resume(self) -> None:
        """Continue from the configured checkpoint, if there is one.

        Raises:
            InputError: it is damaged, of another stage or run, or not the same for all processes.
        """
        progress = self.checkpoints.load(self.config.resume_from_checkpoint)
        found = torch.tensor([progress["step"] if progress else 0], device=self.accelerator.device)
        if len(self.accelerator.gather(found).unique()) > 1:
            raise InputError(
                f"Not every process finds the same checkpoint in {self.folder}; name an output_dir on storage"
                " that all machines share."
            )
        if progress is None:
            return
        if progress["stage"] != self.config.stage:
            raise InputError(
                f"{self.folder} holds checkpoints of the {progress['stage']} stage; name another output_dir."
            )
        self.step, self.position, self.seconds = (progress[key] for key in ("step", "position", "seconds"))
        self.scheduler.load_state_dict(progress["scheduler"])
        apply_settings(self.optimizer, self.scheduler, self.config, self.samples_a_step)
        if self.ema:
            self.ema.decay = self.config.ema_decay
        if self.accelerator.is_main_process:
            self.checkpoints.rename_after(self.step)
        logger.info("Resumed from step %d", self.step)

    def fit(self) -> None:
        """Train to the last step with checkpoints, sample sheets and a progress bar."""
        if self.config.report_to:
            self.accelerator.init_trackers("followyourpose", config=_flat(self.config.model_dump()))
        self._open_data()  # before signals wait for the end of a step
        with self._attention(), self._saving_on_signals(), self._progress_bar() as bar:
            average = None
            for loss in self.steps():
                average = loss if average is None else _LOSS_MEMORY * average + (1 - _LOSS_MEMORY) * loss
                rate = self.samples_a_step * (bar.format_dict["rate"] or 0)
                bar.set_postfix_str(f"loss={average:.4f}, {rate:.1f} samples/s", refresh=False)
                bar.update()
                self.accelerator.log({"loss": loss, "lr": self.scheduler.get_last_lr()[0]}, self.step)
                if self.step % self.config.checkpointing_steps == 0 or self.stop_agreed:
                    self.save()  # first: if drawing samples fails, the steps are not lost
                if self.step % self.config.validation_steps == 0:
                    self.preview()
                if self.stop_agreed:
                    raise SystemExit(self._stop_message() if self.accelerator.is_main_process else 1)

    def steps(self) -> Generator[float]:
        """Train step by step; yields the mean loss of all processes after each.

        Raises:
            InputError: the loss is not finite.
        """
        last = self.position + (self.config.max_train_steps - self.step) * self.samples_a_step
        own = batches(
            self._open_data(),
            self.position,
            last,
            self.config.train_batch_size,
            self.config.dataloader_num_workers,
            self.accelerator,
        )
        started = time.monotonic() - self.seconds
        while self._share_done() < 1:
            loss = self._agree(self.update(own))
            self.step += 1
            self.position += self.samples_a_step
            self.seconds = time.monotonic() - started
            if not math.isfinite(loss):
                raise InputError(
                    f"The loss is {loss} at step {self.step}; lower learning_rate, or use mixed_precision=bf16,"
                    " and continue from the last checkpoint."
                )
            yield loss

    def update(self, own: Iterator[dict[str, Any]]) -> float:
        """One step of the optimizer over as many batches as configured; the mean loss of this process."""
        self.network.train()
        total = 0.0
        for _ in range(self.config.gradient_accumulation_steps):
            batch = next(own)
            draws = Draws(self.config.seed, batch["position"].tolist(), self.accelerator.device)
            with self.accelerator.accumulate(self.network), self.accelerator.autocast():
                loss = self.stage.loss(self.network, batch, draws)
                self.accelerator.backward(loss)
                if self.accelerator.sync_gradients and self.config.max_grad_norm:
                    self.accelerator.clip_grad_norm_(self.learning, self.config.max_grad_norm)
                self.optimizer.step()
                self.optimizer.zero_grad()
            total += loss.item() / self.config.gradient_accumulation_steps
        if not self.accelerator.optimizer_step_was_skipped:  # fp16 skips where gradients overflow
            self._advance_scheduler()
        if self.ema:
            self.ema.step(self.learning)
        return total

    def _share_done(self) -> float:
        """Share of the steps, or of the minutes if that is more."""
        minutes = self.config.max_minutes
        share = self.step / self.config.max_train_steps
        return share if minutes is None else max(share, self.seconds / (60 * minutes))

    def _advance_scheduler(self) -> None:
        """Advance by a step, or with ``max_minutes`` to the share of the time that has passed."""
        if self.config.max_minutes is not None:
            reached = int(self._share_done() * self.config.max_train_steps)
            self.scheduler.last_epoch = max(self.scheduler.last_epoch, reached - 1)
        self.scheduler.step()

    def save(self) -> None:
        """Write a checkpoint of this step; all processes take part."""
        state = {
            "stage": self.config.stage,
            "position": self.position,
            "seconds": self.seconds,
            "scheduler": self.scheduler.state_dict(),
        }
        self.checkpoints.save(self.step, state)

    def preview(self) -> None:
        """Write the sample sheet of this step; all processes take part."""
        if is_sharded(self.accelerator):
            return  # samples would need the weights of the other processes
        if self.accelerator.is_main_process:
            path = self.folder / "samples" / f"step-{self.step:06d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            self.network.eval()
            with self._averaged_weights(), torch.no_grad(), self.accelerator.autocast():
                self.stage.preview(path)
            _log_picture(self.accelerator, path, self.step)
        self.accelerator.wait_for_everyone()

    def finish(self) -> Path:
        """Save the last checkpoint and export the model."""
        if self.step % self.config.checkpointing_steps:
            self.save()
        if self.ema:
            self.ema.copy_to(self.learning)
        learnt = self.checkpoints.learnt()
        target = self.folder / "model"
        with writing_folder(target, self.folder / "model.partial", self.accelerator) as partial:
            if self.accelerator.is_main_process:
                self.stage.export(partial, learnt)
        if self.accelerator.is_main_process:
            logger.info("%s: %d steps in %.1f minutes", self.config.stage, self.step, self.seconds / 60)
        self.accelerator.end_training()
        return target

    def _open_data(self) -> Dataset:
        with self.accelerator.main_process_first():  # the data may have to be rendered
            return self.stage.data

    def _create_average(self) -> EMAModel | None:
        if not self.config.ema_decay:
            return None
        if is_sharded(self.accelerator):
            raise InputError(
                "ema_decay needs whole weights in every process; set it to 0 with FSDP or DeepSpeed."
            )
        average = EMAModel(self.learning, decay=self.config.ema_decay, foreach=True)
        average.to(self.accelerator.device)
        return average

    def _agree(self, loss: float) -> float:
        """The mean loss of all processes, which agree whether this step is their last."""
        stopping = self.stop_requested or launcher_has_ended()
        if self.accelerator.num_processes == 1:
            self.stop_agreed = stopping
            return loss
        own = torch.tensor([loss, float(stopping)], device=self.accelerator.device)
        loss, stopping = self.accelerator.reduce(own, "mean").tolist()
        self.stop_agreed = stopping > 0
        return loss

    def _stop_message(self) -> str:
        follows = self.config.resume_from_checkpoint == LATEST
        how = "the same command continues" if follows else f"resume_from_checkpoint={LATEST} continues"
        return f"Stopped at step {self.step}; {how} from there."

    @contextmanager
    def _averaged_weights(self) -> Iterator[None]:
        if self.ema is None:
            yield
            return
        self.ema.store(self.learning)
        self.ema.copy_to(self.learning)
        try:
            yield
        finally:
            self.ema.restore(self.learning)

    @contextmanager
    def _saving_on_signals(self) -> Iterator[None]:
        """A first signal ends the run after its step; a second one at once."""

        def stop(number: int, frame: FrameType | None) -> None:
            self.stop_requested = True
            for each, handler in before.items():
                signal.signal(each, handler)

        before = {number: signal.signal(number, stop) for number in _STOPPING_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _attention(self) -> AbstractContextManager[None]:
        config = self.config
        if not (isinstance(config, VideoConfig) and config.enable_xformers_memory_efficient_attention):
            return nullcontext()  # image networks have PyTorch's own
        if self.accelerator.device.type != "cuda":
            logger.info("xformers serves GPUs only; PyTorch's own attention is used.")
            return nullcontext()
        return use_attention("xformers")

    def _progress_bar(self) -> tqdm:
        return tqdm(
            total=self.config.max_train_steps,
            initial=self.step,
            desc=self.config.stage,
            disable=not self.accelerator.is_main_process,
            mininterval=5,
        )


def _log_picture(accelerator: Accelerator, path: Path, step: int) -> None:
    for tracker in accelerator.trackers:
        if hasattr(tracker, "log_images"):
            picture = np.asarray(Image.open(path).convert("RGB"))[None]
            layout = {"dataformats": "NHWC"} if tracker.name == "tensorboard" else {}
            tracker.log_images({"samples": picture}, step=step, **layout)


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted names, and values as trackers take them."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value if isinstance(value, (int, float, str, bool)) else str(value)
    return flat
