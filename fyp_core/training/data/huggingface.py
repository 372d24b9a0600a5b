"""Data sets of the Hugging Face hub for stage 1, or local ones in its formats.

``path`` is a hub id (``owner/name``), a folder that ``datasets.load_dataset`` understands (Parquet files, a folder of
pictures with ``metadata.csv`` …) or one that ``Dataset.save_to_disk`` wrote. Columns, each named in the settings:

===================  ==================================================================================
``image_column``     pictures
``caption_column``   text
``keypoints_column`` a COCO document as JSON, as python -m fyp_core prepare-data writes beside pictures,
``skeleton_column``  or the skeleton drawn on black, of the picture's proportions
===================  ==================================================================================

With ``streaming`` nothing is stored; samples are drawn from a shuffle buffer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import datasets
import fsspec.asyn
import numpy as np

from fyp_core.training.config import HubData
from fyp_core.training.data.pictures import SKELETON_EXTENSION, image_sample
from fyp_core.training.data.samples import Sample
from fyp_media.errors import InputError, as_input_error


def open_rows(config: HubData, size: tuple[int, int], *, with_skeleton: bool) -> HubRows | HubStream:
    """A ``Source`` of a data set on this machine, a ``Stream`` of a streamed one.

    Raises:
        InputError: it is not there, or lacks a column.
    """
    rows = _load(config)
    _check_columns(rows, config, with_skeleton=with_skeleton)
    for column in {config.image_column, config.skeleton_column} & set(_columns(rows)):
        rows = rows.cast_column(column, datasets.Image(decode=False))
    decode, title = RowDecoder(config, size, with_skeleton), f"the data set {config.path}"
    if isinstance(rows, datasets.IterableDataset):
        return HubStream(rows, decode, title, config.shuffle_buffer)
    return HubRows(rows, decode, title)


class HubRows:
    """A ``Source`` of the rows of a data set on this machine."""

    def __init__(self, rows: datasets.Dataset, decode: RowDecoder, title: str) -> None:
        self.title = title
        self._rows, self._decode = rows, decode

    def __len__(self) -> int:
        return len(self._rows)

    def name(self, index: int) -> str:
        return f"row {index}"

    def read(self, index: int, rng: np.random.Generator) -> Sample:
        with as_input_error("it cannot be read"):
            row = self._rows[index]
        return self._decode(row)


class HubStream:
    """A ``Stream`` of the rows of a remote data set.

    Args:
        buffer: rows held to draw from.
    """

    def __init__(self, rows: datasets.IterableDataset, decode: RowDecoder, title: str, buffer: int) -> None:
        self.title = title
        self._rows, self._decode, self._buffer = rows, decode, buffer

    def epoch(self, rng: np.random.Generator) -> Iterator[tuple[str, dict[str, Any]]]:
        fsspec.asyn.reset_lock()  # of the process this one was forked from
        rows = self._rows.shuffle(seed=int(rng.integers(2**32)), buffer_size=self._buffer)
        # Iterated row by row, the library would distribute rows over the workers.
        batches = rows.iter(batch_size=1)
        for number in count():
            # The library has already retried where that helps.
            with as_input_error(
                f"After {number} rows {self.title} cannot be read",
                "; fix that, and the same command continues.",
            ):
                batch = next(batches, None)
            if batch is None:
                return
            yield f"row {number} as shuffled", {column: values[0] for column, values in batch.items()}

    def decode(self, row: dict[str, Any], rng: np.random.Generator) -> Sample:
        return self._decode(row)


@dataclass(frozen=True)
class RowDecoder:
    """Makes a sample of a row."""

    config: HubData
    size: tuple[int, int]
    with_skeleton: bool

    def __call__(self, row: Mapping[str, Any]) -> Sample:
        """Raises InputError where a row cannot be used."""
        config = self.config
        document = row.get(config.keypoints_column) or {}
        if not isinstance(document, str):
            document = json.dumps(document)
        files = {
            "jpg": _picture_bytes(row[config.image_column]),
            "txt": str(row[config.caption_column] or "").encode(),
            "json": document.encode(),
        }
        if drawing := row.get(config.skeleton_column):
            files[SKELETON_EXTENSION] = _picture_bytes(drawing)
        return image_sample(files, self.size, config.caption_column, with_skeleton=self.with_skeleton)


def _load(config: HubData) -> datasets.Dataset | datasets.IterableDataset:
    saved = (Path(config.path) / "state.json").is_file()  # by save_to_disk: one split, always local
    for name in ("split", "streaming"):
        if saved and getattr(config, name) != HubData.model_fields[name].default:
            raise InputError(f"train_data.{name} has no effect with a folder of save_to_disk; leave it out.")
    advice = "; name a folder or a hub id, and a split that it has."
    with as_input_error(f"The data set {config.path} cannot be opened", advice):
        if saved:
            return datasets.load_from_disk(config.path)
        return datasets.load_dataset(config.path, split=config.split, streaming=config.streaming)


def _columns(rows: datasets.Dataset | datasets.IterableDataset) -> list[str]:
    with as_input_error("The data set cannot be read"):
        return rows.column_names or list(next(iter(rows), {}))


def _check_columns(
    rows: datasets.Dataset | datasets.IterableDataset, config: HubData, *, with_skeleton: bool
) -> None:
    columns = _columns(rows)
    for column in (config.image_column, config.caption_column):
        if column not in columns:
            raise InputError(
                f"The data set {config.path} has no column {column!r}, but {', '.join(map(repr, columns))};"
                " name the column in the settings."
            )
    if with_skeleton and not {config.keypoints_column, config.skeleton_column} & set(columns):
        raise InputError(
            f"The data set {config.path} has neither a column {config.keypoints_column!r} nor"
            f" {config.skeleton_column!r}; make skeletons with python -m fyp_core prepare-data, and train on what"
            " that writes."
        )


def _picture_bytes(value: Any) -> bytes:
    if isinstance(value, Mapping) and value.get("bytes"):
        return value["bytes"]
    if isinstance(value, Mapping) and value.get("path"):
        try:
            return Path(value["path"]).read_bytes()
        except OSError as error:
            raise InputError(f"the picture cannot be read: {error.strerror}") from error
    raise InputError("there is no picture")
