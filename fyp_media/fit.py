"""Pictures and keypoints fitted to a size: which part of a picture is shown, and how large."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_MOST_ENLARGED = 4  # times; a part with a smaller share of its picture is cut out before it is resized


@dataclass(frozen=True)
class PictureWindow:
    """A part of a picture and the size at which it is shown.

    left, top, width, height: in pixels of the picture; may reach beyond it, where it is black.
    size: height and width shown, in pixels.
    """

    left: float
    top: float
    width: float
    height: float
    size: tuple[int, int]

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """(H, W, C) uint8 or float32, to the same of the size shown."""
        picture, left, top = self._near(picture)
        scale_y, scale_x = self.size[0] / self.height, self.size[1] / self.width
        resized = max(1, round(picture.shape[1] * scale_x)), max(1, round(picture.shape[0] * scale_y))
        if resized != picture.shape[1::-1]:
            averages = scale_x < 1 or scale_y < 1  # keeps thin lines when shrinking
            interpolation = cv2.INTER_AREA if averages else cv2.INTER_LINEAR
            picture = cv2.resize(picture, resized, interpolation=interpolation)
        return _part(picture, round(left * scale_x), round(top * scale_y), self.size)

    def map_points(self, points: np.ndarray) -> np.ndarray:
        """Where (..., 2) x and y of the picture are shown; whole numbers lie on pixel centres."""
        scale = np.array([self.size[1] / self.width, self.size[0] / self.height])
        return (points + 0.5 - [self.left, self.top]) * scale - 0.5

    def contains(self, points: np.ndarray) -> np.ndarray:
        """(...) bool: which of (..., 2) x and y of the picture are shown; False for NaN."""
        last = np.array(self.size[::-1]) - 0.5
        shown = self.map_points(points)
        return np.logical_and.reduce((shown >= -0.5) & (shown <= last), axis=-1)

    def _near(self, picture: np.ndarray) -> tuple[np.ndarray, float, float]:
        """The picture, or of a much larger one the part that matters, and where the window lies in it."""
        height, width = picture.shape[:2]
        if self.width * self.height * _MOST_ENLARGED > width * height:
            return picture, self.left, self.top
        left, top = (
            min(max(int(side), 0), most - 1) for side, most in ((self.left, width), (self.top, height))
        )
        right, bottom = int(self.left + self.width) + 2, int(self.top + self.height) + 2
        return (
            picture[top : max(bottom, top + 1), left : max(right, left + 1)],
            self.left - left,
            self.top - top,
        )


def cover(shown: tuple[int, int], size: tuple[int, int]) -> PictureWindow:
    """The middle of a picture, as much of it as fills a size.

    Args:
        shown: height and width of the picture.
    """
    scale = max(wanted / length for wanted, length in zip(size, shown))
    height, width = (max(wanted, round(length * scale)) for wanted, length in zip(size, shown))
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    unit_y, unit_x = shown[0] / height, shown[1] / width
    return PictureWindow(left * unit_x, top * unit_y, size[1] * unit_x, size[0] * unit_y, size)


def contain(shown: tuple[int, int], size: tuple[int, int]) -> PictureWindow:
    """The whole picture in the middle of a size, black beside it.

    Args:
        shown: height and width of the picture.
    """
    unit = max(length / wanted for length, wanted in zip(shown, size))
    height, width = (wanted * unit for wanted in size)
    return PictureWindow((shown[1] - width) / 2, (shown[0] - height) / 2, width, height, size)


def fit_frames(frames: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize so that the picture just covers height x width, and cut its centre out.

    Args:
        frames: (F, H, W, 3) uint8 or float32.

    Returns:
        (F, height, width, 3) of the same kind.
    """
    window = cover(frames.shape[1:3], (height, width))
    fitted = np.empty((len(frames), height, width, 3), frames.dtype)
    for target, frame in zip(fitted, frames):
        target[:] = window.cut(frame)
    return fitted


def _part(picture: np.ndarray, left: int, top: int, size: tuple[int, int]) -> np.ndarray:
    """The part of a size that begins at ``left`` and ``top``, black beyond the picture."""
    height, width = picture.shape[:2]
    bottom, right = top + size[0], left + size[1]
    if left >= 0 and top >= 0 and bottom <= height and right <= width:
        return picture[top:bottom, left:right]
    part = np.zeros((*size, *picture.shape[2:]), picture.dtype)
    inside = picture[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    y, x = max(-top, 0), max(-left, 0)
    part[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    return part
