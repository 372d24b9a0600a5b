"""A table of video clips for stage 2: CSV, or JSON Lines of objects.

::

    path,caption                                            {"path": "dance/01.mp4", "caption": "a girl is dancing"}
    dance/01.mp4,a girl is dancing                          {"path": "/videos/run.mov", "caption": "a man runs"}
    /videos/run.mov,"a man runs, fast"

Relative paths start at the table's folder. Other columns are allowed and not read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fyp_core.training.data.pictures import to_pixels
from fyp_core.training.data.samples import Sample
from fyp_media.decoding.video import Sampling, VideoInfo
from fyp_media.errors import InputError, first_line
from fyp_media.fit import cover
from fyp_media.read_video import open_video

TABLE_SUFFIXES = (".csv", ".jsonl")


@dataclass(frozen=True)
class ClipSampling:
    """Which frames of a clip are taken, and their size.

    frames: number of frames; stride: take one of so many frames; start: the first, None for a random one;
    size: height and width: shorter side resized, centre cropped.
    """

    frames: int
    stride: int
    start: int | None
    size: tuple[int, int]

    def read(self, path: Path, rng: np.random.Generator) -> Sample:
        """``pixels`` (3, F, H, W) float32 in -1..1.

        Raises:
            InputError: the clip is too short or cannot be read.
        """
        with open_video(path) as video:
            start = self._draw_start(video.info, rng) if self.start is None else self.start
            window = cover((video.info.height, video.info.width), self.size)
            frames = video.sample(Sampling(self.frames, self.stride, start), window=window)
        return {"pixels": to_pixels(frames, *self.size)}

    def _draw_start(self, info: VideoInfo, rng: np.random.Generator) -> int:
        spare = info.frame_count - (self.frames - 1) * self.stride - 1
        return int(rng.integers(spare + 1)) if spare > 0 else 0


class ClipTable:
    """A ``Source`` of the clips a table names."""

    def __init__(
        self, table: str | Path, sampling: ClipSampling, path_column: str, caption_column: str
    ) -> None:
        self.title = f"the table {table}"
        self._rows = read_table(table, path_column, caption_column)
        self._folder = Path(table).parent
        self._sampling = sampling

    def __len__(self) -> int:
        return len(self._rows)

    def name(self, index: int) -> str:
        return str(self._folder / self._rows[index][0])

    def read(self, index: int, rng: np.random.Generator) -> Sample:
        path, caption = self._rows[index]
        if not caption:
            raise InputError("it has no caption; fill it in in the table")
        return self._sampling.read(self._folder / path, rng) | {"caption": caption}


def read_table(table: str | Path, path_column: str, caption_column: str) -> list[tuple[str, str]]:
    """Paths and captions of a CSV or JSON Lines file; "" where one is missing. Rows without a path are left out.

    Raises:
        InputError: there is no such file, it is no table or lacks a column.
    """
    path = Path(table)
    if path.suffix.lower() not in TABLE_SUFFIXES:
        raise InputError(
            f"{path} is no table of clips and captions; name a file that ends in {' or '.join(TABLE_SUFFIXES)}."
        )
    if not path.is_file():
        raise InputError(f"There is no file {path}; check the path.")
    try:
        if path.suffix.lower() == ".csv":
            rows = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        else:
            rows = pd.read_json(path, lines=True, dtype=False)
    except (ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as a table: {first_line(error)}") from error
    for column in (path_column, caption_column):
        if column not in rows:
            raise InputError(
                f"{path} has no column {column!r}, but {', '.join(map(repr, rows))};"
                " name the column in the settings, or add it."
            )
    texts = rows[[path_column, caption_column]].fillna("").astype(str)
    pairs = zip(*(texts[column].str.strip() for column in (path_column, caption_column)))
    return [(file, caption) for file, caption in pairs if file]
