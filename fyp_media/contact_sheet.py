"""Contact sheets: rows of pictures in one PNG or WebP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from fyp_media.files import replacing

_TITLE_HEIGHT = 18  # pixels
_FONT_SIZE = 13
_WEBP_QUALITY = 80  # 0..100


def to_pictures(images: torch.Tensor) -> np.ndarray:
    """(n, 3, H, W) in -1..1 to (n, H, W, 3) uint8."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def save_sheet(path: Path, rows: Sequence[np.ndarray], titles: Sequence[str] = ()) -> None:
    """Write what :func:`contact_sheet` makes of rows and titles.

    Args:
        path: ends in .png, or in .webp for a tenth of the bytes with some loss.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        kind = "WEBP" if path.suffix == ".webp" else "PNG"
        Image.fromarray(contact_sheet(rows, titles)).save(
            partial, format=kind, optimize=True, quality=_WEBP_QUALITY, method=6
        )


def contact_sheet(rows: Sequence[np.ndarray], titles: Sequence[str] = ()) -> np.ndarray:
    """Rows of (n, H, W, 3) uint8 pictures as one, (H, W, 3); every row has the same width.

    Args:
        titles: a line of text above each row, empty for none; may be fewer than the rows.
    """
    strips = []
    for index, pictures in enumerate(rows):
        strip = np.concatenate(list(pictures), axis=1)
        if index < len(titles) and titles[index]:
            strips.append(_title_bar(titles[index], strip.shape[1]))
        strips.append(strip)
    return np.concatenate(strips)


def _title_bar(text: str, width: int) -> np.ndarray:
    bar = Image.new("RGB", (width, _TITLE_HEIGHT))
    ImageDraw.Draw(bar).text((4, 1), text, fill="white", font=ImageFont.load_default(_FONT_SIZE))
    return np.asarray(bar)
