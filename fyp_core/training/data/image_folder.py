"""A folder of pictures for stage 1, searched with all folders below it.

::

    people/
      dancer.jpg            .jpg, .jpeg, .png or .webp
      dancer.txt            the caption; or dancer.json with "caption"
      dancer.json           keypoints in COCO's format, as python -m fyp_core prepare-data writes them,
      dancer.skeleton.png   or the skeleton drawn on black, of the picture's proportions
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from fyp_core.training.data.pictures import IMAGE_EXTENSIONS, SKELETON_EXTENSION, image_sample
from fyp_core.training.data.samples import Sample
from fyp_media.errors import InputError

_BESIDE = ("txt", "json", SKELETON_EXTENSION)


class ImageFolder:
    """A ``Source`` of pictures with their captions, and on request their skeletons."""

    def __init__(
        self, folder: str | Path, size: tuple[int, int], caption_key: str, *, with_skeleton: bool
    ) -> None:
        self.title = f"the folder {folder}"
        self._folder = Path(folder)
        self._pictures = find_pictures(folder)
        self._size, self._caption_key, self._with_skeleton = size, caption_key, with_skeleton

    def __len__(self) -> int:
        return len(self._pictures)

    def name(self, index: int) -> str:
        return str(self._folder / self._pictures[index])

    def read(self, index: int, rng: np.random.Generator) -> Sample:
        files = files_of(self._folder / self._pictures[index])
        return image_sample(files, self._size, self._caption_key, with_skeleton=self._with_skeleton)


def find_pictures(folder: str | Path) -> list[str]:
    """Sorted paths, relative to the folder, of all pictures in it and below.

    Raises:
        InputError: there is no such folder.
    """
    if not Path(folder).is_dir():
        raise InputError(f"There is no folder {folder}; check the path.")
    suffixes = tuple(f".{extension}" for extension in IMAGE_EXTENSIONS)
    return sorted(
        os.path.relpath(Path(parent) / name, folder)
        for parent, _, names in os.walk(folder, followlinks=True)
        for name in names
        if name.lower().endswith(suffixes) and not name.lower().endswith(f".{SKELETON_EXTENSION}")
    )


def files_of(picture: Path) -> Mapping[str, bytes]:
    """Contents of a picture and of the files beside it, by extension.

    Raises:
        InputError: the picture cannot be read.
    """
    try:
        files = {picture.suffix[1:].lower(): picture.read_bytes()}
        beside = ((extension, picture.with_suffix(f".{extension}")) for extension in _BESIDE)
        return files | {extension: path.read_bytes() for extension, path in beside if path.is_file()}
    except OSError as error:
        raise InputError(f"it cannot be read: {error.strerror}") from error
