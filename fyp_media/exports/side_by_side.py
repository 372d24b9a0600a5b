"""Several videos next to each other in one, playing in step: source, skeleton, result."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np

from fyp_media.decoding.video import Crop, Sampling, Video
from fyp_media.exports.captions import caption_bar
from fyp_media.read_video import open_video
from fyp_media.sound import Sound
from fyp_media.write_video import write_video

_HEIGHTS = (256, 720)  # pixels, of the pictures: smaller ones are enlarged, so that captions can be read
_MOST_FPS = 30.0
_FONT_SHARE = 0.055  # of the height
_GAP = 4  # pixels between two pictures


@dataclass(frozen=True)
class Panel:
    """A video to show beside others.

    start: seconds into the video, where it begins.
    crop: pixels cut off its sides.
    """

    video: str | os.PathLike[str]
    caption: str
    start: float = 0.0
    crop: Crop = (0, 0, 0, 0)


def write_side_by_side(
    path: str | os.PathLike[str], panels: Sequence[Panel], *, sound: str | os.PathLike[str] | None = None
) -> None:
    """Write the panels from left to right in one MP4, with captions under them. Complete or not at all.

    Frames are read and written one at a time. All pictures get the height of the highest one, within 256..720
    pixels. The video is as long as the last panel: longer ones are cut, of shorter ones the last frame stays.

    Args:
        path: ends in .mp4, .m4v or .mov.
        sound: one of the panels' videos, heard from its panel's start; a silent one adds nothing.

    Raises:
        InputError: a video cannot be read, or the place cannot be written.
    """
    with ExitStack() as stack:
        videos = [stack.enter_context(open_video(panel.video)) for panel in panels]
        fps = min(_MOST_FPS, max(video.info.fps for video in videos))
        seconds = videos[-1].info.duration - panels[-1].start
        count = max(1, round(seconds * fps))
        height = _common_height(panels, videos)
        columns = [_column(*each, fps, count, height) for each in zip(panels, videos)]
        heard = next((panel for panel in panels if panel.video == sound), None)
        write_video(
            path,
            map(_beside, zip(*columns)),
            Fraction(fps).limit_denominator(1001),
            sound=Sound(heard.video, heard.start, seconds) if heard else None,
        )


def _common_height(panels: Sequence[Panel], videos: Sequence[Video]) -> int:
    highest = max(video.cropped_size(panel.crop)[0] for panel, video in zip(panels, videos))
    return min(max(highest, _HEIGHTS[0]), _HEIGHTS[1]) // 2 * 2


def _column(panel: Panel, video: Video, fps: float, count: int, height: int) -> Iterator[np.ndarray]:
    """``count`` pictures of one height with the caption under them."""
    shown_height, shown_width = video.cropped_size(panel.crop)
    size = max(2, round(shown_width * height / shown_height)), height
    bar = caption_bar(panel.caption, size[0], round(height * _FONT_SHARE))
    shrinks = height < shown_height
    for frame in _extended(_frames(panel, video, fps, count), count):
        resized = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        yield np.concatenate([resized, bar])


def _frames(panel: Panel, video: Video, fps: float, count: int) -> Iterator[np.ndarray]:
    """Those shown at every 1 / fps seconds from the panel's start, as far as the video goes."""
    available = max(1, int(video.info.duration * fps + 1e-6))
    start = min(round(panel.start * fps), available - 1)
    return video.sampled(Sampling(min(count, available - start), start=start, crop=panel.crop, fps=fps))


def _extended(frames: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
    """The frames, then the last one again until there are ``count``."""
    shown = 0
    for frame in frames:
        shown += 1
        yield frame
    for _ in range(count - shown):
        yield frame


def _beside(pictures: Sequence[np.ndarray]) -> np.ndarray:
    gap = np.zeros((len(pictures[0]), _GAP, 3), np.uint8)
    row = [part for picture in pictures for part in (gap, picture)]
    return np.concatenate(row[1:], axis=1)
