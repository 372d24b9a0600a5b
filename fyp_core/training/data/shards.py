"""WebDataset shards: tar files in which neighbours of one name make a sample.

::

    shards/00000.tar                        stage 1              stage 2
      000000017.jpg                         .jpg .png .webp      000000017.mp4  (.webm .mov .mkv .avi .gif)
      000000017.txt                         the caption; or "caption" of the .json
      000000017.json                        keypoints            -
      000000017.skeleton.png                instead of those     -

``path`` is a folder of ``.tar``, one file, a pattern such as ``shards/{00000..00099}.tar``, or an address that
webdataset opens (``https://…``, ``pipe:…``; patterns as well). Local shards are indexed once when opened, so that
any sample can be read and all are shuffled; what comes by address is streamed through a shuffle buffer.
"""

from __future__ import annotations

import contextlib
import random
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import webdataset
from webdataset.filters import shuffle
from webdataset.shardlists import expand_urls
from webdataset.tariterators import base_plus_ext

from fyp_core.training.data.bad_files import BadFiles
from fyp_core.training.data.clips import ClipSampling
from fyp_core.training.data.pictures import caption, document_of, extension_of, image_sample
from fyp_core.training.data.samples import Sample
from fyp_media.errors import InputError

CLIP_EXTENSIONS = ("mp4", "webm", "mov", "mkv", "avi", "gif")
Files = dict[str, bytes]
"""The files of a sample: contents by extension."""


class Decoder(Protocol):
    """Makes a sample from files; raises InputError where they are not a sample."""

    def __call__(self, files: Files, rng: np.random.Generator) -> Sample: ...


@dataclass(frozen=True)
class PictureDecoder:
    """Samples of stage 1; see ``image_sample``."""

    size: tuple[int, int]
    caption_key: str
    with_skeleton: bool

    def __call__(self, files: Files, rng: np.random.Generator) -> Sample:
        return image_sample(files, self.size, self.caption_key, with_skeleton=self.with_skeleton)


@dataclass(frozen=True)
class ClipDecoder:
    """Samples of stage 2."""

    sampling: ClipSampling
    caption_key: str

    def __call__(self, files: Files, rng: np.random.Generator) -> Sample:
        extension = extension_of(files, CLIP_EXTENSIONS, "clip")
        text = caption(files, document_of(files), self.caption_key)
        with tempfile.NamedTemporaryFile(suffix=f".{extension}") as file:
            file.write(files[extension])
            file.flush()
            return self.sampling.read(Path(file.name), rng) | {"caption": text}


class Shards:
    """A ``Source`` of the samples in local shards.

    Raises:
        InputError: there are no such files.
    """

    def __init__(self, path: str, decode: Decoder, bad_files: BadFiles) -> None:
        self.title = f"the shards {path}"
        self._paths = find_shards(path)
        self._decode = decode
        self._starts = [_sample_starts(shard, bad_files) for shard in self._paths]
        self._ends = np.cumsum([len(starts) for starts in self._starts])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def name(self, index: int) -> str:
        shard, start = self._place(index)
        with contextlib.suppress(OSError, tarfile.TarError), _open_at(shard, start) as archive:
            if member := archive.next():
                return f"{shard}:{base_plus_ext(member.name)[0]}"
        return f"{shard} at byte {start}"

    def read(self, index: int, rng: np.random.Generator) -> Sample:
        return self._decode(self.files(index), rng)

    def files(self, index: int) -> Files:
        """Raises InputError where the shard cannot be read there."""
        shard, start = self._place(index)
        files: Files = {}
        key = None
        try:
            with _open_at(shard, start) as archive:
                for member in archive:
                    name, extension = base_plus_ext(member.name)
                    if not (member.isfile() and extension):
                        continue
                    if key not in (None, name):
                        break
                    key = name
                    if content := archive.extractfile(member):
                        files[extension.lower()] = content.read()
        except (OSError, tarfile.TarError) as error:
            raise InputError(f"the shard cannot be read: {error}") from error
        return files

    def _place(self, index: int) -> tuple[Path, int]:
        shard = int(np.searchsorted(self._ends, index, side="right"))
        starts = self._starts[shard]
        return self._paths[shard], int(starts[index - self._ends[shard] + len(starts)])


class ShardStream:
    """A ``Stream`` of the samples in remote shards.

    Args:
        buffer: samples held to draw from.
    """

    def __init__(self, path: str, decode: Decoder, bad_files: BadFiles, buffer: int) -> None:
        self.title = f"the shards {path}"
        self._addresses = expand_urls(path)
        self._decode = decode
        self._bad_files, self._buffer = bad_files, buffer

    def epoch(self, rng: np.random.Generator) -> Iterator[tuple[str, Files]]:
        addresses = [self._addresses[index] for index in rng.permutation(len(self._addresses))]
        # Every process reads all samples and chooses its own by their numbers.
        samples = webdataset.WebDataset(
            addresses,
            handler=self._skip,
            shardshuffle=False,
            nodesplitter=None,
            workersplitter=None,
            empty_check=False,
        )
        draw = random.Random(int(rng.integers(2**32)))
        for sample in shuffle(self._buffer, initial=self._buffer, rng=draw)(iter(samples)):
            yield f"{sample.pop('__url__')}:{sample.pop('__key__')}", sample

    def decode(self, files: Files, rng: np.random.Generator) -> Sample:
        return self._decode(files, rng)

    def _skip(self, error: Exception) -> bool:
        self._bad_files.add(str(error.args[-1]), f"the shard cannot be read: {error.args[0]}")
        return True


def open_shards(path: str, decoder: Decoder, bad_files: BadFiles, buffer: int) -> Shards | ShardStream:
    """A ``Source`` of shards on the disk, a ``Stream`` of those that come by address."""
    if is_address(path):
        return ShardStream(path, decoder, bad_files, buffer)
    return Shards(path, decoder, bad_files)


def is_address(path: str) -> bool:
    """Whether shards come by address rather than from the disk."""
    return "://" in path or path.startswith("pipe:")


def find_shards(path: str) -> list[Path]:
    """The tar files that a folder, file or brace pattern names, sorted.

    Raises:
        InputError: there are none.
    """
    is_folder = Path(path).is_dir()
    shards = sorted(Path(path).glob("*.tar")) if is_folder else list(map(Path, expand_urls(path)))
    if not shards:
        raise InputError(f"There is no .tar in the folder {path}; check the path.")
    for shard in shards:
        if not shard.is_file():
            raise InputError(f"There is no file {shard}; check the path.")
    return shards


@contextlib.contextmanager
def _open_at(shard: Path, start: int) -> Iterator[tarfile.TarFile]:
    with open(shard, "rb") as file:
        file.seek(start)
        with tarfile.open(fileobj=file, mode="r:") as archive:
            yield archive


def _sample_starts(shard: Path, bad_files: BadFiles) -> np.ndarray:
    """Where in the file each sample begins; of a damaged file what comes before the damage."""
    starts = []
    key = None
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                name, extension = base_plus_ext(member.name)
                if member.isfile() and extension and name != key:
                    key = name
                    starts.append(member.offset)
                archive.members = []  # type: ignore[attr-defined]  # it would keep every header
    except (OSError, tarfile.TarError) as error:
        bad_files.add(str(shard), f"the shard cannot be read to its end: {error}")
    return np.array(starts, np.int64)
