"""The random numbers of a training run: every sample has its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from fyp_core.noise import draw_noise


class Draws:
    """Random numbers for a batch.

    What a sample gets depends on the run's seed and on its place in the run alone, not on the batch, process or
    device it is computed in: any number of processes trains the same diffusion model, and a resumed run goes on as
    if it had never stopped.

    Args:
        seed: of the run.
        positions: (b,) places of the batch's samples in the run.
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
