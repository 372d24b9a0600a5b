"""Skeleton videos drawn by other tools, told from ours by their colours: the model reads colour as meaning."""

import cv2
import numpy as np

_FRAMES = 8  # looked at
_LIT = 110  # the brightest channel of a line, its soft edge left out
_SMALLEST_SHARE_LIT, _LARGEST_SHARE_LIT = 2e-4, 0.3  # of the picture, by lines
_PLAIN = 48  # channels of a plain background differ less
_ORANGE, _GREEN, _BLUE = 15, 60, 105  # hue of torso, left and right limbs, in OpenCV's steps of two degrees
_SAME_HUE = 10
_COLOURED = 64  # least saturation, of 255, at which a hue means something after compression
_MOSTLY = 0.8
# Our orange has saturation 204, our blue 255; swapped it is the other way round.
_CLEAR_DIFFERENCE = 12
_DOT = 1.6  # radius of a dot, in half line widths
_DOTS = 8  # a person's joints; single thick spots are crossings and small faces

_RED_BLUE = slice(None, None, -1)

SWAPPED = (
    "Red and blue of this skeleton video are swapped, as today's mmpose draws them; they were swapped back."
)
OPENPOSE = (
    "This skeleton has other colours than the model knows, as OpenPose draws them; extract it from the original"
    " video, or draw OpenPose's JSON folder with python -m pose_extraction."
)
WHITE = "This skeleton is not on black, which the model expects; extract it from the original video."
DOTS = (
    "This skeleton has dots on its joints, which the model does not know; draw lines only for better results."
)


def in_our_style(frames: np.ndarray) -> tuple[np.ndarray, str]:
    """Put a skeleton video into the model's style where that is possible without doubt.

    Args:
        frames: (F, H, W, 3) uint8 RGB.

    Returns:
        the frames, red and blue swapped where they were the wrong way round; and one sentence for the user,
        "" where the style is right or this is no skeleton.
    """
    looked_at = frames[np.linspace(0, len(frames) - 1, min(len(frames), _FRAMES)).astype(int)]
    background = np.median(looked_at, axis=(0, 1, 2))
    if background.min() > 255 - _LIT and _is_plain(looked_at, background):
        return frames, WHITE
    lit = looked_at.max(axis=-1) > _LIT
    if not _SMALLEST_SHARE_LIT < lit.mean() < _LARGEST_SHARE_LIT or not _is_plain(looked_at, background):
        return frames, ""
    hue, saturation, _ = cv2.cvtColor(looked_at[lit][None], cv2.COLOR_RGB2HSV)[0].astype(int).T
    coloured = saturation > _COLOURED
    if coloured.mean() < _MOSTLY:
        return frames, ""
    orange, green, blue = (coloured & (np.abs(hue - ours) <= _SAME_HUE) for ours in (_ORANGE, _GREEN, _BLUE))
    if (orange | green | blue).sum() < _MOSTLY * coloured.sum():
        return frames, OPENPOSE
    if _is_purer(saturation[orange], saturation[blue]):
        return frames[..., _RED_BLUE].copy(), SWAPPED
    return frames, DOTS if _has_dots(lit) else ""


def _is_plain(frames: np.ndarray, background: np.ndarray) -> bool:
    """Whether most of the picture is one colour, as behind a drawing."""
    return float((np.abs(frames - background).max(axis=-1) < _PLAIN).mean()) > 1 - _LARGEST_SHARE_LIT


def _is_purer(orange: np.ndarray, blue: np.ndarray) -> bool:
    """Whether both colours are there and orange is clearly the more saturated one."""
    return min(len(orange), len(blue)) > 0 and np.median(orange) > np.median(blue) + _CLEAR_DIFFERENCE


def _has_dots(lit: np.ndarray) -> bool:
    """Whether many spots of the (F, H, W) lines are much wider than the lines are."""
    dots = []
    for mask in lit:
        radius = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
        ridge = (radius >= cv2.dilate(radius, np.ones((3, 3)))) & mask
        if ridge.any():
            wide = (radius > _DOT * np.median(radius[ridge])).astype(np.uint8)
            dots.append(cv2.connectedComponents(wide)[0] - 1)
    return bool(dots) and float(np.median(dots)) >= _DOTS
