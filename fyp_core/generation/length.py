"""Which frames of the input give a length in seconds at a frame rate."""

from __future__ import annotations

from pathlib import Path

from fyp_media.decoding.video import Sampling, frames_from
from fyp_media.errors import InputError
from fyp_media.read_video import probe
from pose_extraction.keypoint_files import is_motion, read_motion

DEFAULT_RATE = 12.0  # frames a second


def sample(fps: float, count: int, start: int, seconds: float, rate: float) -> Sampling:
    """The frames at that rate, as far as the input goes; at the input's own rate where that is lower.

    Args:
        fps, count: frames a second of the input and how many it has.
        start: first frame used, below ``count``.
        seconds: length of the part used.
        rate: frames a second of the result.
    """
    stride = max(1.0, fps / rate)
    frames = max(1, round(seconds * fps / stride))
    return Sampling(min(frames, frames_from(count, stride, start)), stride, start)


def rate_and_count(path: Path) -> tuple[float, int]:
    """Frames a second of a video, or of keypoints, and how many there are; raises InputError where it is neither."""
    if is_motion(path):
        motion = read_motion(path)
        return motion.fps, len(motion)
    info = probe(path)
    return info.fps, info.frame_count


def sample_input(
    path: Path, start: int = 0, seconds: float | None = None, rate: float | None = None
) -> Sampling:
    """:func:`sample` of a video, or of keypoints.

    Args:
        start: first frame used.
        seconds: by default up to the input's end.
        rate: frames a second of the result, 12 by default.

    Raises:
        InputError: the input cannot be read or ends before ``start``, or a number is not above 0.
    """
    for name, value in (("length in seconds", seconds), ("number of frames a second", rate)):
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"The {name} is {value:g}, but must be above 0.")
    fps, count = rate_and_count(path)
    if not 0 <= start < count:
        raise InputError(
            f"{path.name} has {count} frames; start at a frame from 0 to {count - 1}, not {start}."
        )
    return sample(fps, count, start, count / fps if seconds is None else seconds, rate or DEFAULT_RATE)
