"""Frames of a camera, and of a video file played as if it were one.

Frames are (H, W, 3) uint8 RGB arrays.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator

import cv2
import numpy as np

from fyp_media.errors import InputError
from fyp_media.read_video import open_video

_LONGEST_SIDE = 640  # pixels; more takes time and does not improve poses
_MOST_FPS = 30.0


def camera_frames(number: int) -> Iterator[np.ndarray]:
    """The frames of a camera, without end; the camera is free again when the iterator is closed.

    Args:
        number: 0 for the first camera.

    Raises:
        InputError: at once where there is no such camera; while reading where it is taken away.
    """
    # OpenCV prints a warning; the InputError below suffices.
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        camera = cv2.VideoCapture(number)
    finally:
        cv2.utils.logging.setLogLevel(before)
    if not camera.isOpened():
        raise InputError(f"Camera {number} cannot be opened; connect a camera, or name a video file.")
    camera.set(cv2.CAP_PROP_FRAME_WIDTH, _LONGEST_SIDE)
    camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return _read(camera, number)


def _read(camera: cv2.VideoCapture, number: int) -> Iterator[np.ndarray]:
    try:
        while True:
            is_read, picture = camera.read()
            if not is_read:
                raise InputError(f"Camera {number} gives no more pictures; check its cable.")
            yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    finally:
        camera.release()


def played_frames(
    path: str | os.PathLike[str], *, real_time: bool = True, repeat: bool = False
) -> Iterator[np.ndarray]:
    """The frames of a video file at a camera's size.

    Args:
        real_time: each is given when it is shown, at most 30 a second; otherwise every frame, as fast as it is taken.
        repeat: from the start again after the end.

    Raises:
        InputError: at once where the file cannot be read; while reading where it is cut off.
    """
    with open_video(path) as video:
        fps = min(video.info.fps, _MOST_FPS)
    return _play(path, fps if real_time else None, repeat)


def _play(path: str | os.PathLike[str], fps: float | None, repeat: bool) -> Iterator[np.ndarray]:
    numbers = itertools.count()
    start = time.perf_counter()
    while True:
        with open_video(path) as video:
            for frame in video.frames(fps=fps, longest_side=_LONGEST_SIDE):
                if fps is not None:
                    time.sleep(max(0.0, start + next(numbers) / fps - time.perf_counter()))
                yield frame
        if not repeat:
            return
