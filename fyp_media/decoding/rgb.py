"""Decoded pictures to upright RGB arrays of one size."""

from __future__ import annotations

import math
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter


class RgbConverter:
    """Converts the pictures of one video: to square pixels, upright, alpha composited over black.

    Args:
        size: width and height of the stored picture with square pixels. All pictures get it, as calls change
            resolution midway.
        display_matrix: of :func:`display_matrix`.
    """

    def __init__(self, size: tuple[int, int], display_matrix: np.ndarray | None) -> None:
        self._size = size
        self._matrix = display_matrix
        self._reformatter = VideoReformatter()  # one for all frames: each would have threads of its own

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height upright."""
        width, height = self._size
        is_turned = self._matrix is not None and bool(self._matrix[1])
        return (height, width) if is_turned else (width, height)

    def to_rgb(self, picture: av.VideoFrame, longest_side: int | None = None) -> np.ndarray:
        """(H, W, 3) uint8 RGB.

        Args:
            longest_side: pixels; a larger picture is shrunk to it while it is converted.
        """
        has_alpha = picture.format.has_palette or any(part.is_alpha for part in picture.format.components)
        width, height = shrunk(self._size, longest_side)
        array = self._reformatter.reformat(
            picture,
            width,
            height,
            format="rgba" if has_alpha else "rgb24",
            interpolation=Interpolation.AREA if (width, height) != self._size else None,
            threads=1,
        ).to_ndarray()
        if has_alpha:
            rgba = array.astype(np.uint16)
            array = ((rgba[..., :3] * rgba[..., 3:] + 127) // 255).astype(np.uint8)
        return array if self._matrix is None else _upright(array, self._matrix)


def shrunk(size: tuple[int, int], longest_side: int | None) -> tuple[int, int]:
    """Two lengths in the same proportion, neither above ``longest_side``."""
    if longest_side is None or max(size) <= longest_side:
        return size
    scale = longest_side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def display_matrix(picture: av.VideoFrame) -> np.ndarray | None:
    """The rotation and mirroring with which a stored picture is shown; phones use it.

    Call it once a video: a picture whose side data was read stays in memory until the garbage collector runs.
    """
    try:
        matrix: Any = picture.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV does not know all kinds of side data, among them a photo's EXIF
        return _rotation_matrix(picture.rotation)
    return None if matrix is None else np.frombuffer(bytes(matrix), np.int32)


def _rotation_matrix(angle: float) -> np.ndarray:
    """The first five numbers of a display matrix that rotates counterclockwise by so many degrees."""
    cosine, sine = round(math.cos(math.radians(angle))), round(math.sin(math.radians(angle)))
    return np.array([cosine, -sine, 0, sine, cosine], np.int32)


def _upright(rgb: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Apply the quarter turns and mirrorings of a display matrix: (x, y) -> (a x + c y, b x + d y)."""
    a, b, _, c, d = matrix[:5]
    if b:
        rgb, a, d = rgb.transpose(1, 0, 2), c, b
    if a < 0:
        rgb = rgb[:, ::-1]
    if d < 0:
        rgb = rgb[::-1]
    return np.ascontiguousarray(rgb)
