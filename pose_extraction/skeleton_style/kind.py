"""Whether a video shows people or a drawn skeleton, told from a few of its frames."""

from typing import Literal

import cv2
import numpy as np

Kind = Literal["raw", "skeleton"]

_FRAMES = 12  # looked at
_SIDE = 384  # pixels of the longer side at which frames are looked at
_BLANK = 12  # largest contrast of a frame that shows nothing, 0..255
_FOREGROUND = 0.35  # of the largest contrast: pixels that differ more from the background are drawn
_FLAT = 14  # pixels of a background of one colour differ less from it, compression included
_BACKGROUND_SHARE = 0.6  # least share of the picture in that colour
_LARGEST_DRAWN_SHARE = 0.3  # of the picture
_WIDEST_LINE = 0.07  # of the size of what is drawn
_WIDEST_SINGLE_LINE = 0.02  # of the longer side of the picture
_CONNECTED_SHARE = 0.5  # least share of what is drawn in lines; grain is dots
_SHORTEST_LINE = 0.03  # of the longer side of the picture
_COLOR_STEP = 8
_CODE = np.array([1, 32, 1024])  # of a coarse colour, as one number
_THICK_SHARE = 0.3  # of what is drawn may be wider: heads, dots, crossings


def kind_of(frames: np.ndarray) -> Kind:
    """Tell a skeleton video, in our style or another, from a video of people.

    A skeleton video shows thin lines on a background of one colour. Frames that show nothing do not count; a video
    in which all frames show nothing is a skeleton video without a skeleton.

    Args:
        frames: (F, H, W, 3) uint8 RGB, sampled from the whole video; a dozen suffice.
    """
    shown = frames[np.linspace(0, len(frames) - 1, min(len(frames), _FRAMES)).astype(int)]
    votes = [is_line_drawing(frame) for frame in shown if not is_blank(frame)]
    return "skeleton" if 2 * sum(votes) >= len(votes) else "raw"


def is_blank(frame: np.ndarray) -> bool:
    """Whether an (H, W, 3) uint8 RGB frame is of one colour, but for compression noise."""
    small = _shrunk(frame)
    return bool(_contrast(small, _background(small)).max() < _BLANK)


def is_line_drawing(frame: np.ndarray) -> bool:
    """Whether an (H, W, 3) uint8 RGB frame shows thin lines on one colour."""
    small = _shrunk(frame)
    contrast = _contrast(small, _background(small))
    if (contrast < _FLAT).mean() < _BACKGROUND_SHARE:
        return False
    drawn = contrast > max(_BLANK, _FOREGROUND * contrast.max())
    return bool(
        0 < drawn.mean() < _LARGEST_DRAWN_SHARE
        and _connected_share(drawn) > _CONNECTED_SHARE
        and _thick_share(drawn) < _THICK_SHARE
    )


def _shrunk(frame: np.ndarray) -> np.ndarray:
    scale = _SIDE / max(frame.shape[:2])
    return frame if scale >= 1 else cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _background(frame: np.ndarray) -> np.ndarray:
    """The most frequent colour, (3,)."""
    coarse = (frame // _COLOR_STEP).astype(np.int32) @ _CODE
    return np.median(frame[coarse == np.bincount(coarse.ravel()).argmax()], axis=0)


def _contrast(frame: np.ndarray, background: np.ndarray) -> np.ndarray:
    """(H, W) largest difference of a channel from the background."""
    return np.abs(frame - background).max(axis=-1)


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
