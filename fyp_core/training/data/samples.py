"""Endless samples from a source of any size: shuffled again every epoch, bad ones replaced."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import torch
from torch.utils.data import Dataset

from fyp_core.training.data.bad_files import BadFiles
from fyp_media.errors import InputError

Sample = dict[str, torch.Tensor | str]
ENDLESS = 2**31
"""Length of datasets without end."""


class Source(Protocol):
    """A finite collection that reads any of its samples on demand."""

    title: str
    """What it is and where, for messages."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """A name for messages by which a user can find the sample."""
        ...

    def read(self, index: int, rng: np.random.Generator) -> Sample:
        """A sample; random choices come from ``rng``.

        Raises:
            InputError: it cannot be used.
        """
        ...


class EndlessDataset(Dataset):
    """Item i, for every i, is always the same sample: position i of one shuffled epoch after the other.

    A sample that cannot be used is listed in ``bad_files`` and the next one of its epoch takes its place.

    Raises:
        InputError: nothing can be used, at once when opened.
    """

    def __init__(self, source: Source, seed: int, bad_files: BadFiles) -> None:
        self.source, self.seed, self.bad_files = source, seed, bad_files
        if not len(source):
            raise InputError(f"There is nothing in {source.title}; check the path.")
        self[0]

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, index: int) -> Sample:
        size = len(self.source)
        epoch, position = divmod(index, size)
        order = _order(self.seed, epoch, size)
        problem = None
        for step in range(size):
            chosen = int(order[(position + step) % size])
            try:
                return self.source.read(chosen, np.random.default_rng((self.seed, index)))
            except InputError as error:
                problem = problem or str(error)
                self.bad_files.add(self.source.name(chosen), str(error))
        raise InputError(f"Nothing in {self.source.title} can be used: {problem}")


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, size: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch, size)).permutation(size)


class TokenizedDataset(Dataset):
    """Samples with ``tokens`` (l,) in place of ``caption``.

    Args:
        data: map-style.
        tokenize: caption to token ids.
        dropout: share of samples that get the empty caption, for classifier-free guidance.
        seed: of the dropout; item i of the same data is always the same.
    """

    def __init__(
        self, data: Dataset, tokenize: Callable[[str], torch.Tensor], dropout: float, seed: int
    ) -> None:
        self.data, self.tokenize, self.dropout, self.seed = data, tokenize, dropout, seed

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, index: int) -> dict[str, Any]:
        sample = dict(self.data[index])
        caption = sample.pop("caption")
        dropped = np.random.default_rng((self.seed, index)).random() < self.dropout
        return {**sample, "tokens": self.tokenize("" if dropped else caption)}
