"""Checkpoints of a run: complete or absent, the newest few kept, resumable by any number of processes."""

from __future__ import annotations

import errno
import json
import logging
import os
import pickle
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from diffusers.training_utils import EMAModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from fyp_core.training.accelerator import is_sharded
from fyp_media.errors import InputError, first_line

logger = logging.getLogger(__name__)

LATEST = "latest"
_LEARNT, _AVERAGE, _PROGRESS = "learnt.safetensors", "average.pt", "progress.json"
_COMPILED = "_orig_mod."  # torch.compile's mark in names
_NAME = re.compile("checkpoint-[0-9]+")
# What reading a damaged file raises, or one that does not fit.
_UNREADABLE = (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError, SafetensorError)


@contextmanager
def writing_folder(target: Path, partial: Path, accelerator: Accelerator) -> Iterator[Path]:
    """A folder that all processes write into; it takes its name once it is complete and flushed to the disk.

    Args:
        partial: its path until then; files of an earlier attempt are deleted.
    """
    try:
        if accelerator.is_main_process:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
        accelerator.wait_for_everyone()
        yield partial
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            for path in [*partial.rglob("*"), partial]:
                _flush(path)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(partial, target)
            _flush(target.parent)
        accelerator.wait_for_everyone()
    except BaseException:
        if accelerator.is_main_process:
            shutil.rmtree(partial, ignore_errors=True)
        raise


@contextmanager
def disk_full_as_input_error(folder: Path) -> Iterator[None]:
    """Turn the exceptions of any library that mean a full disk into an InputError."""
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        if not _is_disk_full(error):
            raise
        raise InputError(
            f"The disk is full: nothing more can be written into {folder}; free some space, and the same command"
            " continues from the last checkpoint."
        ) from error


def _is_disk_full(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    # safetensors quotes the system's message; torch.save reports only its own source file.
    return "No space left" in str(error) or "inline_container" in str(error)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


class Checkpoints:
    """The checkpoints of a run, as folders ``checkpoint-STEP``.

    Only what learns is stored, except where the weights are sharded over the processes: there each process writes
    its shard.

    Args:
        folder: of the run.
        keep: how many of the newest to keep.
        network: prepared by ``accelerator``.
        names: of what training changes in the network's state.
        average: moving average of these, if there is one.
    """

    def __init__(
        self,
        folder: Path,
        keep: int,
        accelerator: Accelerator,
        network: nn.Module,
        names: list[str],
        average: EMAModel | None,
    ) -> None:
        self.folder, self.keep, self.accelerator = folder, keep, accelerator
        self.network, self.names, self.average = network, names, average
        if not is_sharded(accelerator):
            accelerator.register_save_state_pre_hook(self._save_learnt)
            accelerator.register_load_state_pre_hook(self._load_learnt)

    def save(self, step: int, progress: dict[str, Any]) -> None:
        """Write a checkpoint; all processes take part. One of the same step is left as it is."""
        target = self.folder / f"checkpoint-{step:06d}"
        if target.is_dir():  # resumed with no step left to do
            return
        with writing_folder(target, self.folder / "checkpoint.partial", self.accelerator) as partial:
            self.accelerator.save_state(str(partial))
            if self.accelerator.is_main_process:
                if self.average:
                    torch.save(self.average.state_dict(), partial / _AVERAGE)
                (partial / _PROGRESS).write_text(json.dumps({**progress, "step": step}))
        if self.accelerator.is_main_process:
            for old in self.all()[: -self.keep]:
                shutil.rmtree(old)

    def load(self, wanted: str | None) -> dict[str, Any] | None:
        """Load a checkpoint; if the newest is damaged the one before it, with a warning.

        Args:
            wanted: ``latest``, which may be none; a folder; or None to start over.

        Returns:
            The progress saved with it, None without a checkpoint.

        Raises:
            InputError: there is no such checkpoint, it does not fit the run, or the folder holds those of another run.
        """
        found = self.all()
        if wanted is None:
            if found:
                raise InputError(
                    f"{self.folder} holds the checkpoints of an earlier run; name another output_dir, or continue"
                    " that run with resume_from_checkpoint=latest."
                )
            return None
        if wanted != LATEST:
            if not (Path(wanted) / _PROGRESS).is_file():
                raise InputError(
                    f"{wanted} is no checkpoint of this trainer; give latest or a checkpoint's folder."
                )
            return self._restore(Path(wanted))
        return self._restore_newest(found[::-1]) if found else None

    def _restore_newest(self, newest_first: list[Path]) -> dict[str, Any]:
        """Every process takes the newest checkpoint that all of them can read."""
        newest, *earlier = newest_first
        problem: InputError | None = None
        progress: dict[str, Any] = {}
        try:
            progress = self._restore(newest)
        except InputError as error:
            problem = error
        # Sharded processes load collectively: after a failure of one the others cannot load again.
        if is_sharded(self.accelerator) or not earlier:
            if problem:
                raise problem
            return progress
        readable = torch.tensor([int(problem is None)], device=self.accelerator.device)
        if self.accelerator.gather(readable).all():
            return progress
        reason = first_line(problem.__cause__ or problem) if problem else "by another process"
        logger.warning("%s cannot be read (%s); the run continues from %s.", newest, reason, earlier[0])
        try:
            return self._restore_newest(earlier)
        except InputError as error:
            raise problem or error from None

    def _restore(self, checkpoint: Path) -> dict[str, Any]:
        try:
            progress = json.loads((checkpoint / _PROGRESS).read_text())
            self.accelerator.load_state(str(checkpoint))
            if self.average:
                self.average.load_state_dict(torch.load(checkpoint / _AVERAGE, "cpu", weights_only=True))
                self.average.to(self.accelerator.device)
        except _UNREADABLE as error:
            raise InputError(
                f"{checkpoint} is damaged or does not fit these settings ({first_line(error)}); continue"
                " another checkpoint, or name another output_dir to start over."
            ) from error
        return progress

    def rename_after(self, step: int) -> None:
        """Rename checkpoints that the run does not continue: they would be taken for its newest."""
        for path in self.all():
            if _step(path) > step:
                aside = path.with_name(f"{path.name}.aside")
                shutil.rmtree(aside, ignore_errors=True)
                path.rename(aside)
                logger.info(
                    "%s is not continued; it is renamed to %s, to keep or delete", path.name, aside.name
                )

    def all(self) -> list[Path]:
        """Oldest first; folders under other names are ignored."""
        ours = [path for path in self.folder.glob("checkpoint-*") if _NAME.fullmatch(path.name)]
        return sorted(ours, key=_step)

    def learnt(self) -> dict[str, torch.Tensor]:
        """What has been learnt, whole and on the CPU, by the names of the unprepared network; all take part."""
        if self.accelerator.distributed_type == DistributedType.DEEPSPEED:
            return self._learnt_by_deepspeed()
        state = self.accelerator.get_state_dict(self.network) or {}
        whole = {name.replace(_COMPILED, ""): tensor for name, tensor in state.items()}
        return {name: whole[name].detach().cpu() for name in self.names} if whole else {}

    def _learnt_by_deepspeed(self) -> dict[str, torch.Tensor]:
        """What DeepSpeed has learnt: in full precision, distributed over the processes; its network is in half."""
        from deepspeed.utils import safe_get_full_fp32_param

        network = self.accelerator.unwrap_model(self.network, keep_torch_compile=False)
        held = {**dict(network.named_buffers()), **dict(network.named_parameters())}
        learnt = {name: safe_get_full_fp32_param(held[name]) for name in self.names}  # None for buffers
        return {name: held[name].detach().cpu() if t is None else t.cpu() for name, t in learnt.items()}

    def _save_learnt(self, models: list[nn.Module], states: list[dict[str, Any]], folder: str) -> None:
        states.clear()  # otherwise the whole network is saved
        if self.accelerator.is_main_process:
            learnt = {name: tensor.contiguous() for name, tensor in self.learnt().items()}
            save_file(learnt, Path(folder) / _LEARNT)

    def _load_learnt(self, models: list[nn.Module], folder: str) -> None:
        models.clear()
        learnt = load_file(Path(folder) / _LEARNT)
        if learnt.keys() != set(self.names):
            raise ValueError("other parameters learnt in its run")
        network = self.accelerator.unwrap_model(self.network, keep_torch_compile=False)
        network.load_state_dict(learnt, strict=False)
