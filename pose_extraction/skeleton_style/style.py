"""Skeleton videos drawn by other tools, converted to the model's style: the model knows a limb by its colour."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from fyp_media.errors import InputError
from pose_extraction.skeleton_style import openpose_drawing
from pose_extraction.skeleton_style.background import (
    is_black,
    on_black,
    shows_only_our_colors,
    shows_our_lines,
    without_picture,
)
from pose_extraction.skeleton_style.dots import has_dots
from pose_extraction.skeleton_style.kind import is_blank, is_line_drawing, is_mostly, small_frame, spread
from pose_extraction.skeleton_style.palettes import (
    are_our_colors,
    has_loop,
    line_colors,
    line_pixels,
    palette_of,
)

BLANK = (
    "This skeleton video shows no lines in any of its frames; choose a video with a skeleton, or one of a person"
    " and the input type raw."
)
RAW = (
    "This is no skeleton video (thin lines on one colour) but a video of people or things; choose the input type"
    " raw, which finds the people in it."
)
ONE_COLOUR = (
    "The lines of this skeleton video have one colour, so left and right cannot be distinguished; extract the skeleton"
    " from the original video, or draw it from its keypoints."
)
OTHER = (
    "This skeleton has colours that the model does not know and that cannot be read; extract it from the original"
    " video, or draw it from its keypoints."
)
SWAPPED = (
    "Red and blue of this skeleton video are swapped, as today's mmpose draws them; they were swapped back."
)
BACKGROUND = (
    "The background of this skeleton video was removed, as the model knows lines on black; check the preview."
)
OPENPOSE = "This skeleton has OpenPose's colours; its joints were read and redrawn in the model's style."
DOTS = (
    "This skeleton has dots on its joints, which the model does not know; draw lines only for better results."
)

_OPENPOSE = "the OpenPose style"
_MMPOSE = "the style of today's mmpose"
_OVER_PICTURE = "the model's colours over a picture"
_OTHER_BACKGROUND = "the model's colours on another background than black"
_PALE = "the model's colours, paler or darker"


@dataclass(frozen=True)
class Style:
    """How a skeleton video is drawn.

    name: such as "the OpenPose style".
    notice: one sentence for the user, "" where there is nothing to say.
    to_ours: makes a frame, (H, W, 3) uint8 RGB, one in the model's style; None where it is in it.
    """

    name: str = "the model's own style"
    notice: str = ""
    to_ours: Callable[[np.ndarray], np.ndarray] | None = None


def recognise_style(frames: np.ndarray) -> Style:
    """Find out how a skeleton video is drawn, and how it is put into the model's style.

    Args:
        frames: (F, H, W, 3) uint8 RGB, sampled from the whole video; of more than a dozen only some are examined.

    Raises:
        InputError: no lines in any frame, no skeleton video, or lines of unknown colours.
    """
    shown = [frame for frame in map(small_frame, spread(frames)) if not is_blank(frame)]
    if not shown:
        shown = [frame for frame in map(small_frame, frames) if not is_blank(frame)]
    if not shown:
        raise InputError(BLANK)
    if is_mostly(map(shows_only_our_colors, shown)):
        _refuse_one_color(shown, line_colors(line_pixels(shown)))
        return Style(notice=DOTS if has_dots(shown) else "")
    if not is_mostly(map(is_line_drawing, shown)):
        if is_mostly(map(shows_our_lines, shown)):
            return Style(_OVER_PICTURE, BACKGROUND, without_picture)
        raise InputError(RAW)
    drawn = [frame for frame in shown if is_line_drawing(frame)]
    pixels = line_pixels(drawn)
    match palette_of(pixels):
        case "ours":
            return _ours(drawn, pixels)
        case "swapped":
            return _with_swapped_colors(drawn, pixels)
        case "one colour":
            raise InputError(ONE_COLOUR)
    full_size = [frame for frame in spread(frames) if frame.any()]
    if openpose_drawing.is_readable(full_size):
        return Style(_OPENPOSE, OPENPOSE, openpose_drawing.redraw)
    if openpose_drawing.is_readable(list(map(_swapped, full_size))):
        return Style(_OPENPOSE, OPENPOSE, lambda frame: openpose_drawing.redraw(_swapped(frame)))
    raise InputError(OTHER)


def in_our_style(frames: np.ndarray) -> tuple[np.ndarray, str]:
    """Put a skeleton video into the model's style.

    Args:
        frames: (F, H, W, 3) uint8 RGB.

    Returns:
        the frames, themselves where they are in it; and a sentence for the user or "".

    Raises:
        InputError: see :func:`recognise_style`.
    """
    style = recognise_style(frames)
    if style.to_ours is None:
        return frames, style.notice
    return np.stack([style.to_ours(frame) for frame in frames]), style.notice


def _ours(drawn: list[np.ndarray], pixels: np.ndarray) -> Style:
    colors = line_colors(pixels)
    _refuse_one_color(drawn, colors)
    if not all(map(is_black, drawn)):
        return Style(_OTHER_BACKGROUND, BACKGROUND, partial(on_black, line_colors=colors))
    if not are_our_colors(colors):
        return Style(_PALE, to_ours=partial(on_black, line_colors=colors))
    return Style(notice=DOTS if has_dots(drawn) else "")


def _refuse_one_color(drawn: list[np.ndarray], colors: np.ndarray) -> None:
    """Raise InputError for a whole body in the colour of a limb, as limbs have no loop."""
    torso, *limbs = np.isfinite(colors).all(axis=1)
    if not torso and sum(limbs) == 1 and is_mostly(map(has_loop, drawn)):
        raise InputError(ONE_COLOUR)


def _with_swapped_colors(drawn: list[np.ndarray], pixels: np.ndarray) -> Style:
    ours = _ours(list(map(_swapped, drawn)), pixels[:, ::-1])
    notice = " ".join(filter(None, (SWAPPED, ours.notice)))
    to_ours = ours.to_ours
    if to_ours is None:
        return Style(_MMPOSE, notice, _swapped)
    return Style(_MMPOSE, notice, lambda frame: to_ours(_swapped(frame)))


def _swapped(frame: np.ndarray) -> np.ndarray:
    return frame[..., ::-1].copy()
