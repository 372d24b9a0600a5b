"""The interface of a training stage to the loop, its random numbers, and the class of each stage."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from fyp_core.noise import draw_noise
from fyp_core.training.config import TrainConfig


class Stage(Protocol):
    """What a stage provides to the loop.

    network: one module with everything that the stage computes; only parameters that require gradients learn.
    data: a map-style dataset; item i of it must depend on i alone, so that a resumed run sees the same data.
    """

    @property
    def network(self) -> nn.Module: ...

    @property
    def data(self) -> Dataset: ...

    def loss(self, network: nn.Module, batch: dict[str, Any], draws: Draws) -> torch.Tensor:
        """Scalar loss of a batch, the mean over its samples; all its randomness comes from ``draws``."""
        ...

    def preview(self, path: Path) -> None:
        """Write a picture that shows what has been learnt so far."""
        ...

    def export(self, folder: Path, learnt: dict[str, torch.Tensor]) -> None:
        """Write the model with ``learnt``, by the names of ``network``, in diffusers layout."""
        ...


class Draws:
    """Random numbers for a batch.

    The numbers of a sample depend only on the run's seed and on its position in the run, not on the batch, process or
    device it is computed in: any number of processes trains the same diffusion model, and a resumed run continues
    as if it had never stopped.

    Args:
        seed: of the run.
        positions: (b,) of the batch's samples in the run.
        device: where the numbers are used; drawn on the CPU, they are the same everywhere.
    """

    def __init__(self, seed: int, positions: Sequence[int], device: torch.device) -> None:
        self.device = device
        self._generators = [_generator(seed, int(position)) for position in positions]

    def uniform(self) -> torch.Tensor:
        """(b,) in 0..1."""
        return torch.cat([torch.rand(1, generator=one) for one in self._generators]).to(self.device)

    def normal(self, *shape: int) -> torch.Tensor:
        """(b, *shape) of unit variance."""
        drawn = torch.stack([torch.randn(shape, generator=one) for one in self._generators])
        return drawn.to(self.device)

    def clip_noise(self, *shape: int, share: float) -> torch.Tensor:
        """(b, c, f, h, w) of unit variance, ``share`` of which all frames of a clip have in common."""
        return draw_noise((len(self._generators), *shape), self._generators, share).to(self.device)


def _generator(seed: int, position: int) -> torch.Generator:
    mixed = np.random.SeedSequence((seed, position)).generate_state(1)
    return torch.Generator().manual_seed(int(mixed[0]))


# Module and class; imported on use, because the judges bring a library of backbones.
_CLASSES = {
    "autoencoder": ("autoencoder", "AutoencoderStage"),
    "text_to_image": ("text_to_image", "TextToImageStage"),
    "pose": ("diffusion", "PoseStage"),
    "pose_joint": ("diffusion", "JointPoseStage"),
    "temporal": ("diffusion", "TemporalStage"),
    "turbo": ("turbo", "TurboStage"),
    "one_stage": ("diffusion", "OneStage"),
    "judge_pose": ("judges", "PoseJudgeStage"),
    "judge_classifier": ("judges", "ClassifierStage"),
}


def create_stage(config: TrainConfig) -> Stage:
    """Build the stage a configuration names.

    Raises:
        InputError: what an earlier stage should have made is missing.
    """
    return stage_class(config.stage)(config)


def stage_class(stage: str) -> type[Any]:
    """The class that trains a stage; a :class:`Stage`."""
    module, name = _CLASSES[stage]
    return getattr(import_module(f"fyp_core.training.stages.{module}"), name)
