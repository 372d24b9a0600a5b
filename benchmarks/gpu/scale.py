"""What all parts of the GPU check share: the scale at which they measure, and the rows that they yield."""

from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
"""Column names to values, in the order of the table."""


@dataclass(frozen=True)
class Scale:
    """Sizes of what is measured.

    width: of the network's first level, 320 of the published model.
    size: pixels a side.
    frames: of the videos.
    long: frames of the video that is denoised in windows of ``window``.
    rounds: times that a step is measured.
    compiled: frames of the videos that are measured with compiled blocks.
    compiler: backend of ``torch.compile``.
    """

    width: int
    size: int
    frames: tuple[int, ...]
    long: int
    window: int
    rounds: int
    compiled: tuple[int, ...]
    compiler: str


FULL = Scale(320, 512, (8, 24, 64), long=512, window=24, rounds=3, compiled=(8, 24), compiler="inductor")
TOY = Scale(32, 64, (2, 6), long=12, window=4, rounds=1, compiled=(2,), compiler="eager")
