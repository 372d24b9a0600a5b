"""Whether a video shows people or a drawn skeleton, judged by a few of its frames."""

from collections.abc import Iterable
from typing import Literal

import cv2
import numpy as np

from pose_extraction.skeleton_style.background import (
    background_color,
    contrast_to,
    shows_only_our_colors,
    shows_our_lines,
)

Kind = Literal["raw", "skeleton"]

_FRAMES = 12  # examined
_SIDE = 384  # pixels of the longer side at which frames are examined
_BLANK = 12  # largest contrast of a frame that shows nothing, 0..255
_FOREGROUND = 0.35  # of the largest contrast: pixels that differ more from the background are drawn
_FLAT = 14  # pixels of a background of one colour differ less from it, compression included
_BACKGROUND_SHARE = 0.6  # least share of the picture in that colour
_LARGEST_DRAWN_SHARE = 0.3  # of the picture
_WIDEST_LINE = 0.07  # of the size of what is drawn
_WIDEST_SINGLE_LINE = 0.02  # of the longer side of the picture
_THICK_SHARE = 0.3  # of what is drawn may be wider: heads, dots, crossings
_CONNECTED_SHARE = 0.5  # least share of what is drawn in lines; grain is dots
_SHORTEST_LINE = 0.03  # of the longer side of the picture


def kind_of(frames: np.ndarray) -> Kind:
    """Tell a skeleton video, in our style or another, from a video of people.

    A skeleton video shows thin lines on a background of one colour, or lines in our colours over a picture. Frames
    that show nothing do not count; a video in which all frames show nothing is a skeleton video without a skeleton.

    Args:
        frames: (F, H, W, 3) uint8 RGB, sampled from the whole video; a dozen suffice.
    """
    examined = spread(frames)
    return kind_of_stream(examined, len(examined))


def kind_of_stream(frames: Iterable[np.ndarray], count: int) -> Kind:
    """:func:`kind_of` frames that cost time to read: of a video of people, half of them decide.

    Args:
        frames: ``count`` frames, (H, W, 3) uint8 RGB each; all are read before the answer is "skeleton".
    """
    tests = (is_line_drawing, shows_only_our_colors, shows_our_lines)
    against = [0] * len(tests)
    shown = 0
    for frame in map(small_frame, frames):
        if is_blank(frame):
            continue
        shown += 1
        against = [votes + (not test(frame)) for votes, test in zip(against, tests)]
        if 2 * min(against) > count:
            return "raw"
    return "skeleton" if 2 * min(against) <= shown else "raw"


def spread(frames: np.ndarray) -> np.ndarray:
    """A dozen of the frames, from first to last."""
    return frames[np.linspace(0, len(frames) - 1, min(len(frames), _FRAMES)).astype(int)]


def is_mostly(votes: Iterable[bool]) -> bool:
    """Whether at least half of the votes are yes; also where there is none."""
    counted = list(votes)
    return 2 * sum(counted) >= len(counted)


def is_blank(frame: np.ndarray) -> bool:
    """Whether a frame of :func:`small_frame` is of one colour, but for compression noise."""
    return bool(contrast_to(frame, background_color(frame)).max() < _BLANK)


def is_line_drawing(frame: np.ndarray) -> bool:
    """Whether a frame of :func:`small_frame` shows thin lines on one colour."""
    contrast = contrast_to(frame, background_color(frame))
    if (contrast < _FLAT).mean() < _BACKGROUND_SHARE:
        return False
    drawn = contrast > max(_BLANK, _FOREGROUND * contrast.max())
    return bool(
        0 < drawn.mean() < _LARGEST_DRAWN_SHARE
        and _connected_share(drawn) > _CONNECTED_SHARE
        and _thick_share(drawn) < _THICK_SHARE
    )


def small_frame(frame: np.ndarray) -> np.ndarray:
    """The (H, W, 3) uint8 frame small enough to be examined quickly, lines still a few pixels wide."""
    scale = _SIDE / max(frame.shape[:2])
    return frame if scale >= 1 else cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _connected_share(drawn: np.ndarray) -> float:
    """Share of the drawn pixels in parts as long as lines are."""
    _, _, parts, _ = cv2.connectedComponentsWithStats(drawn.astype(np.uint8))
    width, height, area = parts[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA]].T
    long = np.maximum(width, height) >= _SHORTEST_LINE * max(drawn.shape)
    return float(area[long].sum() / drawn.sum())


def _thick_share(drawn: np.ndarray) -> float:
    """Share of the drawn pixels in parts wider than lines are."""
    rows, columns = np.nonzero(drawn)
    extent = max(np.ptp(np.percentile(axis, [5, 95])) for axis in (rows, columns))
    width = round(max(5, _WIDEST_LINE * extent, _WIDEST_SINGLE_LINE * max(drawn.shape)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    return float(cv2.morphologyEx(drawn.astype(np.uint8), cv2.MORPH_OPEN, disc).sum() / drawn.sum())
