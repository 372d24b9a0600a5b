"""Samples from sources that can only be read in order: shards by address, streamed hub data sets."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from itertools import count
from typing import Any, Protocol, runtime_checkable

import numpy as np
from torch.utils.data import Dataset

from fyp_core.training.data.bad_files import BadFiles
from fyp_core.training.data.samples import ENDLESS, Sample
from fyp_media.errors import InputError


@runtime_checkable
class Stream(Protocol):
    """A collection that can be read from its beginning to its end only."""

    title: str
    """What it is and where, for messages."""

    def epoch(self, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
        """Names and undecoded samples, all of them once, in an order that ``rng`` decides as far as it can."""
        ...

    def decode(self, raw: Any, rng: np.random.Generator) -> Sample:
        """Raises InputError where a sample cannot be used."""
        ...


class StreamedDataset(Dataset):
    """Like ``EndlessDataset``; fast when items are read in ascending order, as loaders do.

    Samples between two items are read but not decoded: every process and worker reads the whole stream and decodes
    its share, batches do not depend on their number, and a resumed run reads up to where it was.

    Raises:
        InputError: nothing can be used, at once when opened.
    """

    def __init__(self, stream: Stream, seed: int, bad_files: BadFiles) -> None:
        self.source, self.seed, self.bad_files = stream, seed, bad_files
        self._rewind()
        self[0]
        self._rewind()  # an open stream cannot be sent to workers

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, index: int) -> Sample:
        # A forked worker must not continue to read from a file its parent has open.
        if index < self._position or self._process != os.getpid():
            self._rewind()
        while self._position < index:
            self._peek(0)
            self._ahead.popleft()
            self._position += 1
        problem = ""
        last_epoch = self._peek(0)[0] + 1
        for step in count():
            epoch, name, raw = self._peek(step)
            if epoch > last_epoch:
                raise InputError(f"Nothing in {self.source.title} can be used: {problem}")
            try:
                return self.source.decode(raw, np.random.default_rng((self.seed, index)))
            except InputError as error:
                problem = problem or str(error)
                self.bad_files.add(name, str(error))
        raise AssertionError("unreachable")

    def _rewind(self) -> None:
        self._process, self._position = os.getpid(), 0
        self._samples: Iterator[tuple[int, str, Any]] | None = None
        self._ahead: deque[tuple[int, str, Any]] = deque()

    def _peek(self, step: int) -> tuple[int, str, Any]:
        """The undecoded sample ``step`` places ahead, with the number of its epoch."""
        self._samples = self._samples or self._endless()
        while len(self._ahead) <= step:
            self._ahead.append(next(self._samples))
        return self._ahead[step]

    def _endless(self) -> Iterator[tuple[int, str, Any]]:
        for epoch in count():
            seen = 0
            for name, raw in self.source.epoch(np.random.default_rng((self.seed, epoch))):
                yield epoch, name, raw
                seen += 1
            if not seen:
                raise InputError(f"There is nothing in {self.source.title}; check the address.")
