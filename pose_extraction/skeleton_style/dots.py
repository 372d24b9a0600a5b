"""Dots on joints, which our style does not have."""

from collections.abc import Iterable

import cv2
import numpy as np

from pose_extraction.skeleton_style.background import background_color, contrast_to

_DRAWN = 0.3  # of the largest contrast of a frame
_WIDE = 1.6  # half widths of the lines
_DOTS = 8  # a person's joints; single thick spots are crossings and small faces


def has_dots(frames: Iterable[np.ndarray]) -> bool:
    """Whether many spots of the lines of (H, W, 3) uint8 RGB frames are much wider than the lines are."""
    dots = []
    for frame in frames:
        contrast = contrast_to(frame, background_color(frame))
        drawn = contrast > _DRAWN * contrast.max()
        radius = cv2.distanceTransform(drawn.astype(np.uint8), cv2.DIST_L2, 5)
        ridge = (radius >= cv2.dilate(radius, np.ones((3, 3)))) & drawn
        if ridge.any():
            wide = (radius > _WIDE * np.median(radius[ridge])).astype(np.uint8)
            dots.append(cv2.connectedComponents(wide)[0] - 1)
    return bool(dots) and float(np.median(dots)) >= _DOTS
