"""Captions of one's own data as tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset


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
        return len(self.data)

    def __getitem__(self, index: int) -> dict[str, Any]:
        sample = dict(self.data[index])
        caption = sample.pop("caption")
        dropped = np.random.default_rng((self.seed, index)).random() < self.dropout
        return {**sample, "tokens": self.tokenize("" if dropped else caption)}
