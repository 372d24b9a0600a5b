"""Lines separated from their background: from one colour by unmixing, from a picture by our colours."""

import cv2
import numpy as np

from pose_extraction.skeleton import LEFT_COLOR, RIGHT_COLOR, TORSO_COLOR

PALETTE = np.array([TORSO_COLOR, LEFT_COLOR, RIGHT_COLOR], np.float32)

_COLOR_STEP = 8
_COLORS = 256 // _COLOR_STEP
_BLACK = 28  # the brightest channel of a black background is darker
_LIT = 128  # the brightest channel of what is not at the edge of a line
_ONLY = 0.8
_LEAST_COVER = 0.25  # of a pixel by a line: less is compression noise
# In a picture, of the largest difference of a channel: surely one of our lines, and the edge of one.
_SURE, _EDGE = 50, 110
_EDGE_PIXELS = 5
_WIDEST = 0.03  # of the longer side of the picture, lines; larger areas in our colours are things
_SHORTEST = 0.04
_LEAST_SHARE = 6e-4  # of the picture in each colour
_THIN_SHARE = 0.7  # of each colour, in lines


def background_color(frame: np.ndarray) -> np.ndarray:
    """The most frequent colour of an (H, W, 3) uint8 frame, (3,) float32."""
    red, green, blue = np.moveaxis(frame // _COLOR_STEP, -1, 0).astype(np.int32)
    coarse = (red * _COLORS + green) * _COLORS + blue
    near = coarse == np.bincount(coarse.ravel()).argmax()
    return np.array(cv2.mean(frame, near.astype(np.uint8))[:3], np.float32)


def contrast_to(frame: np.ndarray, background: np.ndarray) -> np.ndarray:
    """(H, W) largest difference of a channel from the background, 0..255."""
    return cv2.absdiff(frame, np.full_like(frame, background.round())).max(axis=-1)


def on_black(frame: np.ndarray, line_colors: np.ndarray) -> np.ndarray:
    """Redraw lines on a background of one colour as our colours on black, with the same soft edges.

    Each pixel is a mixture of the background and one of the lines' colours; how much of it a line covers is kept.

    Args:
        frame: (H, W, 3) uint8 RGB.
        line_colors: (3, 3), the colours there of torso, left and right limbs; NaN where a colour is not used.
    """
    background = background_color(frame)
    difference = frame.astype(np.float32) - background
    covers, errors = [], []
    for color in line_colors - background:
        cover = (difference @ color / (color @ color)).clip(0, 1)
        covers.append(cover)
        errors.append(np.linalg.norm(difference - cover[..., None] * color, axis=-1))
    nearest = np.nan_to_num(np.array(errors), nan=np.inf).argmin(axis=0)
    cover = np.take_along_axis(np.array(covers), nearest[None], axis=0)[0]
    cover[cover < _LEAST_COVER] = 0
    return (cover[..., None] * PALETTE[nearest]).round().astype(np.uint8)


def is_black(frame: np.ndarray) -> bool:
    """Whether the background of an (H, W, 3) uint8 frame is black, but for compression noise."""
    return bool(background_color(frame).max() < _BLACK)


def shows_only_our_colors(frame: np.ndarray) -> bool:
    """Whether an (H, W, 3) uint8 RGB frame shows nothing but our three colours on black."""
    lit = frame.max(axis=-1) > _LIT
    ours = np.any(_near_our_colors(frame, _SURE), axis=0)
    return bool(is_black(frame) and lit.any() and ours[lit].mean() > _ONLY)


def shows_our_lines(frame: np.ndarray) -> bool:
    """Whether an (H, W, 3) uint8 RGB picture shows lines in all of our three colours, and those only as lines."""
    for mask in _near_our_colors(frame, _SURE):
        lines = _thin(mask)
        if lines.mean() < _LEAST_SHARE or lines.sum() < _THIN_SHARE * mask.sum():
            return False
    return True


def without_picture(frame: np.ndarray) -> np.ndarray:
    """Keep the lines in our colours of an (H, W, 3) uint8 RGB picture, on black."""
    clean = np.zeros_like(frame)
    neighbours = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_EDGE_PIXELS, _EDGE_PIXELS))
    for color, sure, edge in zip(PALETTE, _near_our_colors(frame, _SURE), _near_our_colors(frame, _EDGE)):
        near = cv2.dilate(_thin(sure).astype(np.uint8), neighbours).astype(bool)
        line = cv2.morphologyEx((near & edge).astype(np.uint8), cv2.MORPH_CLOSE, neighbours)
        clean[line > 0] = color
    return _without_single_colors(clean, neighbours)


def _without_single_colors(clean: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """Without parts of a single colour: those are edges of things in the picture, as skeletons have several colours."""
    _, labels = cv2.connectedComponents(cv2.dilate((clean.max(axis=-1) > 0).astype(np.uint8), neighbours))
    parts = [set(np.unique(labels[(clean == color).all(axis=-1)])) for color in PALETTE]
    coloured = [part for part in set.union(*parts) if sum(part in found for found in parts) > 1]
    if coloured:
        clean[~np.isin(labels, coloured)] = 0
    return clean


def _near_our_colors(frame: np.ndarray, tolerance: int) -> list[np.ndarray]:
    """(H, W) bool for each colour of the palette."""
    return [np.abs(frame - color).max(axis=-1) < tolerance for color in PALETTE]


def _thin(mask: np.ndarray) -> np.ndarray:
    """The parts of an (H, W) mask that are as narrow and as long as lines."""
    side = max(mask.shape)
    width = max(3, round(_WIDEST * side))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    wide = cv2.dilate(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc), disc)
    _, labels, parts, _ = cv2.connectedComponentsWithStats((mask & (wide == 0)).astype(np.uint8))
    long = parts[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1) >= _SHORTEST * side
    long[0] = False  # the background
    return long[labels]
