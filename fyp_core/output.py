"""Videos out: MP4 or GIF by the name's ending, marked AI-generated and carrying the settings that made them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from errors import InputError
from fyp_core.metadata import add_settings
from video_io import replacing, write_gif, write_video

VIDEO_SUFFIXES = (".mp4", ".gif")


def check_output(path: str | os.PathLike[str]) -> None:
    """Refuse a place that cannot be written before long work is done for it; leaves nothing behind.

    Raises:
        InputError: unknown ending, a folder, or no permission.
    """
    target = Path(path).absolute()
    if target.suffix.lower() not in VIDEO_SUFFIXES:
        raise InputError(f"Cannot write {target.name}; let its name end in {' or '.join(VIDEO_SUFFIXES)}.")
    if target.is_dir():
        raise InputError(f"{path} is a folder; name a file.")
    existing = next(folder for folder in target.parents if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"Cannot write into {existing}; choose another place for {target.name}.")


def save_video(
    path: str | os.PathLike[str], frames: np.ndarray, fps: float, settings: dict[str, Any] | None = None
) -> None:
    """Write (F, H, W, 3) uint8 RGB frames, complete or not at all.

    Args:
        settings: of a generated video, JSON values; stored in it together with the mark "AI-generated".

    Raises:
        InputError: the place cannot be written.
    """
    check_output(path)
    with replacing(path) as scratch:
        if Path(path).suffix.lower() == ".gif":
            write_gif(scratch, frames, fps)
        else:
            write_video(
                scratch, frames, fps, metadata={"comment": json.dumps(settings)} if settings else None
            )
        if settings is not None:
            add_settings(scratch, settings)
