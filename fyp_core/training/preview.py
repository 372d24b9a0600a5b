"""Sample sheets: rows of pictures in one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from video_io import replacing

_TITLE_HEIGHT = 14


def to_pictures(images: torch.Tensor) -> np.ndarray:
    """(n, 3, H, W) in -1..1 to (n, H, W, 3) uint8."""
    return ((images.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def save_sheet(path: Path, rows: Sequence[np.ndarray], titles: Sequence[str] = (), title: str = "") -> None:
    """Write rows of (n, H, W, 3) uint8 pictures, each row under its title."""
    titles = titles or [title] + [""] * (len(rows) - 1)
    strips = []
    for pictures, text in zip(rows, titles, strict=True):
        strip = np.concatenate(list(pictures), axis=1)
        if text:
            strips.append(_title_bar(text, strip.shape[1]))
        strips.append(strip)
    with replacing(path) as partial:
        Image.fromarray(np.concatenate(strips)).save(partial, format="PNG")


def _title_bar(text: str, width: int) -> np.ndarray:
    bar = Image.new("RGB", (width, _TITLE_HEIGHT))
    ImageDraw.Draw(bar).text((2, 1), text, fill="white")
    return np.asarray(bar)
