"""Video files to frames.

Frames are (H, W, 3) uint8 RGB arrays, upright, with square pixels and alpha composited over black.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from fyp_media.decoding.container import MOST_PIXELS
from fyp_media.decoding.video import NO_CROP, Crop, Sampling, Video, VideoInfo
from fyp_media.decoding.video_file import VideoFile
from fyp_media.errors import InputError

_opener: Callable[[str | os.PathLike[str]], Video] = VideoFile


def open_videos_with(opener: Callable[[str | os.PathLike[str]], Video]) -> None:
    """From now on, all videos of this process are opened by this; by default it is :class:`VideoFile`."""
    global _opener
    _opener = opener


def open_video(path: str | os.PathLike[str]) -> Video:
    """Open a video, to be closed as a file is.

    Its packets are read once, so that counts and times are those of the frames there are; only the first frame is
    decoded.

    Raises:
        InputError: the file is missing, is not a video, holds no picture or too large a one.
    """
    return _opener(path)


def probe(path: str | os.PathLike[str]) -> VideoInfo:
    """:attr:`Video.info` of a file; known files that have not changed are not read again.

    Raises:
        InputError: see :func:`open_video`.
    """
    try:
        state = os.stat(path)
    except OSError:
        with open_video(path) as video:  # says what is wrong
            return video.info
    return _probed(os.fspath(path), state.st_ino, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=64)
def _probed(path: str, _file: int, _modified: int, _size: int) -> VideoInfo:
    with open_video(path) as video:
        return video.info


def read_frames(path: str | os.PathLike[str], *, fps: float | None = None) -> Iterator[np.ndarray]:
    """:meth:`Video.frames` of a file; errors are raised at the first frame."""
    with open_video(path) as video:
        yield from video.frames(fps=fps)


def sample_frames(
    path: str | os.PathLike[str],
    count: int,
    *,
    stride: float = 1,
    start: int = 0,
    crop: Crop = NO_CROP,
    fps: float | None = None,
) -> np.ndarray:
    """:meth:`Video.sample` of a file; see :class:`Sampling`."""
    with open_video(path) as video:
        return video.sample(Sampling(count, stride, start, crop, fps))


def read_picture(path: str | os.PathLike[str], longest_side: int | None = None) -> np.ndarray:
    """The picture in a file; of a moving one the first.

    Args:
        longest_side: pixels; a larger picture is shrunk to it.

    Returns:
        (H, W, 3) uint8 RGB, upright, alpha composited over black.

    Raises:
        InputError: the file is missing, holds no picture that can be read, or too large a one.
    """
    try:
        with open_video(path) as video:
            return next(video.frames(longest_side=longest_side))
    except InputError as error:
        raise InputError(
            f"The picture {Path(path).name} cannot be read; give a JPEG, PNG or WebP file of at most"
            f" {MOST_PIXELS // 10**6} megapixels."
        ) from error
