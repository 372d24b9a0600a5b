"""Bars of text under pictures."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_LINES = 2
_COLOUR, _BACKGROUND = (235, 235, 235), (24, 24, 27)
_ELLIPSIS = "…"


def caption_bar(text: str, width: int, font_size: int) -> np.ndarray:
    """Centred text on a dark bar, wrapped into at most two lines; words that do not fit are left out.

    Args:
        width, font_size: pixels. The height follows from the font's size, whatever the text.

    Returns:
        (H, width, 3) uint8 RGB.
    """
    font = ImageFont.load_default(font_size)
    line_height = round(font_size * 1.35)
    bar = Image.new("RGB", (width, line_height * _LINES + font_size), _BACKGROUND)
    draw = ImageDraw.Draw(bar)
    lines = _wrapped(text, draw, font, width - font_size)
    for index, line in enumerate(lines):
        draw.text((width / 2, font_size / 2 + index * line_height), line, _COLOUR, font, anchor="ma")
    return np.asarray(bar)


def _wrapped(
    text: str, draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> list[str]:
    lines: list[str] = []
    words = text.split()
    while words and len(lines) < _LINES:
        taken = 1
        while taken < len(words) and draw.textlength(" ".join(words[: taken + 1]), font) <= width:
            taken += 1
        lines.append(" ".join(words[:taken]))
        words = words[taken:]
    if words:
        lines[-1] += _ELLIPSIS
    return [_shortened(line, draw, font, width) for line in lines]


def _shortened(
    line: str, draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> str:
    """The line, cut off where it is wider than ``width``."""
    kept = len(line)
    while kept > 1 and draw.textlength(line, font) > width:
        kept -= 1
        line = line[:kept].rstrip(_ELLIPSIS) + _ELLIPSIS
    return line
