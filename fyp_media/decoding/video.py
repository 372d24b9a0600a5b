"""What a video is, and how its frames are taken.

Frames are (H, W, 3) uint8 RGB arrays, upright, with square pixels and alpha composited over black.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from fyp_media.errors import InputError
from fyp_media.fit import PictureWindow
from fyp_media.frame_times import check_rate

Crop = tuple[int, int, int, int]
"""Pixels cut off the left, right, top and bottom."""

NO_CROP = (0, 0, 0, 0)


@dataclass(frozen=True)
class VideoInfo:
    """What a video is: size in pixels as displayed (upright), frames a second (the mean), length in seconds.

    ``frame_count`` is the number of frames that decoding gives. ``is_even``: all frames are shown about equally long.
    """

    width: int
    height: int
    fps: float
    frame_count: int
    duration: float
    is_even: bool


@dataclass(frozen=True)
class Sampling:
    """Which frames of a video are taken, those of :func:`frame_numbers`, and what of their picture.

    Where frames are shown unequally long, those shown at even times are counted.

    count: number of frames, at least 1.
    stride: distance between two frames taken, at least 1; need not be whole.
    start: index of the first frame taken, at least 0.
    crop: cut off the upright picture, before it is shrunk.
    fps: count frames at this rate instead of the video's own.
    longest_side: pixels; larger frames are shrunk to it.
    """

    count: int
    stride: float = 1
    start: int = 0
    crop: Crop = NO_CROP
    fps: float | None = None
    longest_side: int | None = None

    @property
    def needed(self) -> int:
        """Frames that a video must have at least."""
        return frame_number(self.count - 1, self.stride, self.start) + 1

    @property
    def numbers(self) -> list[int]:
        """Of the frames taken, rising."""
        return frame_numbers(self.count, self.stride, self.start)

    def check(self) -> None:
        """Raise InputError where a number is out of range."""
        check_rate(self.fps)
        for name, least in (("count", 1), ("stride", 1), ("start", 0)):
            if (value := getattr(self, name)) < least:
                raise InputError(f"The frame {name} is {value:g}, but must be at least {least}.")


class Video(ABC):
    """An open video; see :func:`fyp_media.read_video.open_video`. Its frames are read by one reader at a time."""

    name: str
    info: VideoInfo

    def __enter__(self) -> Video:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Free what is open; may be called more than once."""

    @abstractmethod
    def frames(
        self,
        *,
        fps: float | None = None,
        longest_side: int | None = None,
    ) -> Iterator[np.ndarray]:
        """Decode frame by frame, in the order shown, holding one frame at a time.

        Args:
            fps: take the frame shown at each multiple of 1 / fps seconds, whatever the video's own rate and even
                where that varies; by default every frame once.
            longest_side: pixels; larger frames are shrunk to it.

        Yields:
            (H, W, 3) uint8 RGB.

        Raises:
            InputError: after the last readable frame when the file is cut off. The rate is not possible.
        """

    @abstractmethod
    def sampled(
        self,
        sampling: Sampling,
        on_decoded: Callable[[], None] | None = None,
    ) -> Iterator[np.ndarray]:
        """The frames named, one at a time; the first is reached by its keyframe.

        Args:
            on_decoded: called while frames are decoded, taken or not; an exception of it ends the reading.

        Returns:
            ``sampling.count`` arrays (H, W, 3) uint8 RGB.

        Raises:
            InputError: at once where a number is out of range, the crop leaves nothing or the video is too short;
                while reading where a frame is not readable.
        """

    @abstractmethod
    def sound(self, start: float, duration: float) -> Iterator[np.ndarray]:
        """A stretch of the sound, with silence where it begins late or has gaps; nothing where there is none.

        Damaged sound is read as far as that is possible.

        Args:
            start, duration: seconds, counted from the first picture.

        Yields:
            (2, n) float32, left and right at 48000 samples a second.

        Raises:
            InputError: the file cannot be read any more.
        """

    def sample(
        self,
        sampling: Sampling,
        *,
        window: PictureWindow | None = None,
        on_decoded: Callable[[], None] | None = None,
    ) -> np.ndarray:
        """The frames of :meth:`sampled` in one array, on request fitted to a window as they are read.

        Args:
            sampling: with the picture's full size.
            window: what is shown of the cropped picture, and how large.

        Returns:
            (count, H, W, 3) uint8 RGB.

        Raises:
            InputError: as :meth:`sampled`, or there is not enough memory.
        """
        self.check_sampling(sampling)
        height, width = window.size if window else self.cropped_size(sampling.crop)
        frames = _allocate(sampling.count, height, width)
        for target, frame in zip(frames, self.sampled(sampling, on_decoded)):
            target[:] = window.cut(frame) if window else frame
        return frames

    def cropped_size(self, crop: Crop) -> tuple[int, int]:
        """Height and width that a crop leaves.

        Raises:
            InputError: nothing is left.
        """
        return size_after_crop(self.info.width, self.info.height, crop)

    def check_sampling(self, sampling: Sampling) -> None:
        """Raise InputError where a number is out of range or the crop leaves nothing."""
        sampling.check()
        self.cropped_size(sampling.crop)


def frame_number(index: int, stride: float, start: int) -> int:
    """Of the frames ``start, start + stride, ...`` that at an index; rounded to the nearest, halves up."""
    return math.floor(start + index * stride + 0.5)


def frame_numbers(count: int, stride: float, start: int) -> list[int]:
    """The first ``count`` of :func:`frame_number`."""
    return [frame_number(index, stride, start) for index in range(count)]


def frames_from(available: int, stride: float, start: int) -> int:
    """How many of :func:`frame_number` there are among the first ``available`` frames."""
    if start >= available:
        return 0
    last = math.floor((available - 0.5 - start) / stride)
    return last + 1 if frame_number(last, stride, start) < available else last


def size_after_crop(width: int, height: int, crop: Crop) -> tuple[int, int]:
    """Height and width that a crop leaves of a picture.

    Raises:
        InputError: nothing is left.
    """
    left, right, top, bottom = crop
    if min(crop) < 0 or left + right >= width or top + bottom >= height:
        raise InputError(
            f"The crop {left},{right},{top},{bottom} does not fit the {width}x{height} picture;"
            " give pixels to cut off its left, right, top and bottom."
        )
    return height - top - bottom, width - left - right


def _allocate(count: int, height: int, width: int) -> np.ndarray:
    try:
        return np.empty((count, height, width, 3), np.uint8)
    except (MemoryError, ValueError) as error:  # the latter beyond what an address reaches
        raise InputError(
            f"There is not enough memory for {count} frames of {width}x{height}; take fewer."
        ) from error
