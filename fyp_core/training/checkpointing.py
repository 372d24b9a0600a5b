"""Checkpoints of a run: whole or not there, the newest few kept, resumable by any number of processes."""

from __future__ import annotations

import json
import logging
import os
import pickle
import re
import shutil
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType
from diffusers.training_utils import EMAModel
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from fyp_media.errors import InputError, first_line

logger = logging.getLogger(__name__)

LATEST = "latest"
_LEARNT, _AVERAGE, _PROGRESS = "learnt.safetensors", "average.pt", "progress.json"
_COMPILED = "_orig_mod."  # torch.compile's mark in names
_NAME = re.compile("checkpoint-[0-9]+")
# What reading a damaged file raises, or one that does not fit.
_UNREADABLE = (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError, SafetensorError)
_SHARDED = (DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM)


def is_sharded(accelerator: Accelerator) -> bool:
    """Whether no process holds a whole network."""
    return accelerator.distributed_type in _SHARDED


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


class Checkpoints:
    """The checkpoints of a run, as folders ``checkpoint-STEP``.

    Of the network only what learns is stored, except where its weights are shared out among the processes: there
    each of them writes what it holds.

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
        if target.is_dir():  # continued with no step left to do
            return
        partial = self.folder / "checkpoint.partial"
        if self.accelerator.is_main_process:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(partial))
        self.accelerator.wait_for_everyone()
        if not self.accelerator.is_main_process:
            return
        if self.average:
            torch.save(self.average.state_dict(), partial / _AVERAGE)
        (partial / _PROGRESS).write_text(json.dumps({**progress, "step": step}))
        os.replace(partial, target)
        for old in self.all()[: -self.keep]:
            shutil.rmtree(old)

    def load(self, wanted: str | None) -> dict[str, Any] | None:
        """Go back to a checkpoint.

        Args:
            wanted: ``latest``, which may be none; a folder; or None to begin anew.

        Returns:
            The progress saved with it, None at the beginning.

        Raises:
            InputError: there is no such checkpoint, it does not fit the run, or another run's are in the way.
        """
        found = self.all()
        if wanted is None:
            if found:
                raise InputError(
                    f"{self.folder} holds the checkpoints of an earlier run; name another output_dir, or continue"
                    " that run with resume_from_checkpoint=latest."
                )
            return None
        if wanted == LATEST and not found:
            return None
        chosen = found[-1] if wanted == LATEST else Path(wanted)
        if not (chosen / _PROGRESS).is_file():
            raise InputError(
                f"{chosen} is no checkpoint of this trainer; give latest or a checkpoint's folder."
            )
        try:
            progress = json.loads((chosen / _PROGRESS).read_text())
            self.accelerator.load_state(str(chosen))
            if self.average:
                self.average.load_state_dict(torch.load(chosen / _AVERAGE, "cpu", weights_only=True))
                self.average.to(self.accelerator.device)
        except _UNREADABLE as error:
            raise InputError(
                f"{chosen} is damaged or does not fit these settings ({first_line(error)}); continue"
                " another checkpoint, or name another output_dir to begin anew."
            ) from error
        return progress

    def put_aside_after(self, step: int) -> None:
        """Rename checkpoints that the run does not build on: they would be taken for its newest."""
        for path in self.all():
            if _step(path) > step:
                aside = path.with_name(f"{path.name}.aside")
                shutil.rmtree(aside, ignore_errors=True)
                path.rename(aside)
                logger.info("%s is not continued; it is now %s, to keep or delete", path.name, aside.name)

    def all(self) -> list[Path]:
        """Oldest first; what people put beside them under other names is let be."""
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
        """DeepSpeed learns in full precision, shared out, what its network holds in half."""
        from deepspeed.utils import safe_get_full_fp32_param

        network = self.accelerator.unwrap_model(self.network, keep_torch_compile=False)
        held = {**dict(network.named_buffers()), **dict(network.named_parameters())}
        learnt = {name: safe_get_full_fp32_param(held[name]) for name in self.names}  # None for buffers
        return {name: held[name].detach().cpu() if t is None else t.cpu() for name, t in learnt.items()}

    def _save_learnt(self, models: list[nn.Module], states: list[dict[str, Any]], folder: str) -> None:
        states.clear()  # else the whole network is saved
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
