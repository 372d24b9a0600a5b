"""Video files to frames.

Frames are (H, W, 3) uint8 RGB arrays, upright, with square pixels and alpha composited over black.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

from fyp_media.decoding.video import NO_CROP, Crop, Sampling, Video, VideoInfo
from fyp_media.decoding.video_file import VideoFile

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
