"""Collections of captioned pictures: a folder, a table of paths and captions, or WebDataset shards."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import webdataset
from webdataset.shardlists import expand_urls

from fyp_core.training.data.clips import TABLE_SUFFIXES, read_table
from fyp_core.training.data.image_folder import files_of, find_pictures
from fyp_core.training.data.shards import Files, find_shards, is_address
from fyp_media.errors import InputError

logger = logging.getLogger(__name__)

Reader = Callable[[], Files]
"""Reads the files of one picture; raises InputError where they cannot be read."""


class Unit(Protocol):
    """A unit of work: prepared as a whole, and found again by its name when a run continues."""

    @property
    def name(self) -> str: ...

    def pictures(self) -> Iterator[tuple[str, Reader]]:
        """Names and readers of the pictures in it."""
        ...


@dataclass(frozen=True)
class PictureUnit:
    """One picture in a file; its caption where that is not beside it."""

    name: str
    path: str
    caption: str | None = None

    def pictures(self) -> Iterator[tuple[str, Reader]]:
        yield self.name, self._read

    def _read(self) -> Files:
        files = dict(files_of(Path(self.path)))
        return files if self.caption is None else files | {"txt": self.caption.encode()}


@dataclass(frozen=True)
class ShardUnit:
    """All pictures of a shard, by path or address."""

    name: str

    def pictures(self) -> Iterator[tuple[str, Reader]]:
        errors: list[Exception] = []

        def note(error: Exception) -> bool:
            errors.append(error)
            return True

        samples = webdataset.WebDataset(
            [self.name], handler=note, shardshuffle=False, nodesplitter=None, empty_check=False
        )
        for sample in samples:
            yield f"{self.name}:{sample.pop('__key__')}", partial(dict, sample)
        for error in errors:
            yield self.name, partial(_fail, f"the shard cannot be read to its end: {error.args[0]}")


def _fail(reason: str) -> Files:
    raise InputError(reason)


@dataclass(frozen=True)
class Collection:
    """Units, and how many of them make a shard of the result."""

    units: Sequence[Unit]
    units_per_shard: int


def open_collection(path: str, *, shard_size: int, path_column: str, caption_column: str) -> Collection:
    """List what there is at a path; captions of a folder or of shards are read later.

    Args:
        path: folder of pictures; CSV or JSON Lines; or shards, as a folder of ``.tar``, a pattern or an address.
        shard_size: pictures of a shard; a shard that is read becomes a shard, whatever its size.

    Raises:
        InputError: there is nothing, or a column is missing.
    """
    if is_address(path):
        return Collection([ShardUnit(address) for address in expand_urls(path)], 1)
    if path.endswith(".tar") or (Path(path).is_dir() and any(Path(path).glob("*.tar"))):
        return Collection([ShardUnit(os.path.abspath(shard)) for shard in find_shards(path)], 1)
    if Path(path).suffix.lower() in TABLE_SUFFIXES:
        captions = _first_captions(path, read_table(path, path_column, caption_column))
        folder = Path(path).absolute().parent
        units = [PictureUnit(file, str(folder / file), caption) for file, caption in captions.items()]
    else:
        folder = Path(path).absolute()
        units = [PictureUnit(file, str(folder / file)) for file in find_pictures(path)]
    if not units:
        raise InputError(f"There are no pictures in {path}; check the path.")
    return Collection(units, shard_size)


def _first_captions(table: str, rows: list[tuple[str, str]]) -> dict[str, str]:
    """The first caption of every picture; tables such as COCO's have several."""
    captions: dict[str, str] = {}
    for file, caption in rows:
        captions[file] = captions.get(file) or caption
    if more := len(rows) - len(captions):
        logger.warning(
            "%d of the %d rows of %s repeat a picture; each picture keeps its first caption.",
            more,
            len(rows),
            table,
        )
    return captions
