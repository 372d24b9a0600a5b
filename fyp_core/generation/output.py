"""Writing results: MP4 or GIF by the name's ending, marked as AI-generated, with their settings stored inside."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from fyp_core.generation.metadata import add_settings
from fyp_media.files import check_target, replacing
from fyp_media.sound import Sound
from fyp_media.write_video import FrameWriter, gif_writer, video_writer

OUTPUT_SUFFIXES = (".mp4", ".gif")


def save_video(
    path: str | os.PathLike[str],
    frames: Iterable[np.ndarray],
    fps: float,
    settings: dict[str, Any] | None = None,
) -> None:
    """Write (H, W, 3) uint8 RGB frames, complete or not at all.

    Args:
        settings: of a generated video, JSON values; stored in it together with the mark "AI-generated".

    Raises:
        InputError: the place cannot be written.
    """
    with OutputVideo(path, fps) as output:
        for frame in frames:
            output.write(frame)
        output.settings = settings


class OutputVideo:
    """A result that is written while it is made; it takes its name at the end of the block, or leaves nothing.

    Args:
        path: ends in .mp4 or .gif.
        fps: frames a second.
        sound: to store with it; a GIF has none.

    Attributes:
        settings: see :func:`save_video`; to be set before the end of the block.

    Raises:
        InputError: the place cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], fps: float, *, sound: Sound | None = None) -> None:
        check_target(path, *OUTPUT_SUFFIXES)
        self.settings: dict[str, Any] | None = None
        self._writing = self._written_at(Path(path), fps, sound)

    def __enter__(self) -> OutputVideo:
        self._write = self._writing.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._writing.__exit__(*error)

    def write(self, frame: np.ndarray) -> None:
        """Take the next frame, (H, W, 3) uint8 RGB."""
        self._write(frame)

    @contextmanager
    def _written_at(self, path: Path, fps: float, sound: Sound | None) -> Iterator[FrameWriter]:
        with replacing(path) as scratch:
            is_gif = path.suffix.lower() == ".gif"
            with gif_writer(scratch, fps) if is_gif else video_writer(scratch, fps, sound=sound) as write:
                yield write
            if self.settings is not None:
                add_settings(scratch, self.settings)
