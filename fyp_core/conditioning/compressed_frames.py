"""Frames kept in memory without loss, compressed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any, overload

import numpy as np

_FASTEST = 1  # of zlib's levels; a frame of 512×512 takes 2 to 3 ms, and 1 ms to read again


class CompressedFrames:
    """A video, (F, H, W, 3) uint8, whose frames are decompressed when they are read.

    Meant for drawings on black: a skeleton frame takes about a twentieth of its size. Indexing, ``len``, ``shape`` and
    ``np.asarray`` are those of the array.

    Args:
        frames: at least one, (H, W, 3) uint8 each, all of one size.
    """

    def __init__(self, frames: Iterable[np.ndarray]) -> None:
        self._compressed: list[bytes] = []
        for frame in frames:
            self._compressed.append(zlib.compress(frame.tobytes(), _FASTEST))
        self.shape: tuple[int, ...] = (len(self._compressed), *frame.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the frames take."""
        return sum(map(len, self._compressed))

    def __len__(self) -> int:
        return len(self._compressed)

    def __iter__(self) -> Iterator[np.ndarray]:
        return map(self._decompressed, self._compressed)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: slice) -> np.ndarray: ...

    def __getitem__(self, index: int | slice) -> np.ndarray:
        """A frame (H, W, 3), or those of a slice (n, H, W, 3)."""
        if not isinstance(index, slice):
            return self._decompressed(self._compressed[index])
        chosen = self._compressed[index]
        frames = np.empty((len(chosen), *self.shape[1:]), np.uint8)
        for frame, compressed in zip(frames, chosen):
            frame[:] = self._decompressed(compressed)
        return frames

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("Compressed frames cannot become an array without a copy.")
        return self[:].astype(dtype or np.uint8, copy=False)

    def _decompressed(self, compressed: bytes) -> np.ndarray:
        return np.frombuffer(zlib.decompress(compressed), np.uint8).reshape(self.shape[1:])
