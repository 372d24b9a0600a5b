"""Whose colours the lines of a skeleton have."""

from collections.abc import Iterable
from typing import Literal

import cv2
import numpy as np

from pose_extraction.skeleton_style.background import PALETTE, background_color, contrast_to

Palette = Literal["ours", "swapped", "one colour", "other"]

_MIDDLE = 0.5  # of the contrast of a frame: pixels in the middle of lines, not at their edges
_HUES = (15, 60, 105)  # of torso, left and right limbs, in OpenCV's steps of two degrees
_SAME_HUE = 10
_COLOURED = 36  # least saturation, of 255, at which a hue means something after compression
_MOSTLY = 0.8
# Our orange has saturation 204, our blue 255; swapped it is the other way round.
_CLEAR_DIFFERENCE = 12
_LEAST_SHARE = 0.02  # of the pixels, below which a colour is noise
_SAME_COLOR = 110  # largest difference of a channel, compression included
_PALE = 0.7  # of our saturation
_EMPTY = 0.3  # of the contrast of a frame: less is no line
_LOOP_SHARE = 1e-3  # of the picture


def line_pixels(frames: Iterable[np.ndarray]) -> np.ndarray:
    """(N, 3) uint8 RGB of pixels in the middle of lines, of frames with lines on one colour."""
    found = [np.zeros((0, 3), np.uint8)]
    for frame in frames:
        contrast = contrast_to(frame, background_color(frame))
        found.append(frame[contrast > _MIDDLE * np.percentile(contrast, 99.5)])
    return np.concatenate(found)


def palette_of(pixels: np.ndarray) -> Palette:
    """Tell whose colours (N, 3) uint8 RGB pixels of lines are, at least one."""
    hue, saturation, _ = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2HSV)[0].astype(int).T
    coloured = saturation > _COLOURED
    if coloured.mean() < _MOSTLY:
        return "one colour" if coloured.mean() < 1 - _MOSTLY else "other"
    orange, green, blue = (coloured & near for near in _near_our_hues(hue))
    if (orange | green | blue).sum() < _MOSTLY * coloured.sum():
        spread = np.abs((hue[coloured] - np.median(hue[coloured]) + 90) % 180 - 90)
        return "one colour" if (spread < _SAME_HUE).mean() > _MOSTLY else "other"
    if min(orange.mean(), blue.mean()) > _LEAST_SHARE:
        purer = np.median(saturation[orange]) - np.median(saturation[blue])
        return "swapped" if purer > _CLEAR_DIFFERENCE else "ours"
    return "ours"


def line_colors(pixels: np.ndarray) -> np.ndarray:
    """(3, 3) median colour of torso, left and right limbs among (N, 3) pixels; NaN where there is none."""
    hue = cv2.cvtColor(pixels[None], cv2.COLOR_RGB2HSV)[0, :, 0].astype(int)
    return np.array(
        [
            np.median(pixels[near], axis=0) if near.mean() > _LEAST_SHARE else np.full(3, np.nan)
            for near in _near_our_hues(hue)
        ]
    )


def are_our_colors(colors: np.ndarray) -> bool:
    """Whether (3, 3) colours of lines are near those of the palette; NaN counts as near."""
    used = np.isfinite(colors).all(axis=1)
    near = np.abs(colors - PALETTE)[used] < _SAME_COLOR
    vivid = _saturation(colors)[used] > _PALE * _saturation(PALETTE)[used]
    return bool(near.all() and vivid.all())


def _saturation(colors: np.ndarray) -> np.ndarray:
    return 1 - colors.min(axis=-1) / np.maximum(colors.max(axis=-1), 1)


def has_loop(frame: np.ndarray) -> bool:
    """Whether lines on one colour enclose an area, as those of a torso do."""
    contrast = contrast_to(frame, background_color(frame))
    empty = (contrast < _EMPTY * contrast.max()).astype(np.uint8)
    _, _, areas, _ = cv2.connectedComponentsWithStats(empty, connectivity=4)
    return bool((areas[1:, cv2.CC_STAT_AREA] > _LOOP_SHARE * empty.size).sum() > 1)


def _near_our_hues(hue: np.ndarray) -> list[np.ndarray]:
    return [np.abs(hue - ours) <= _SAME_HUE for ours in _HUES]
