"""Videos out: MP4 or GIF by the name's ending, marked AI-generated and carrying the settings that made them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from fyp_core.generation.metadata import add_settings
from fyp_media.files import check_target, replacing
from fyp_media.write_video import write_gif, write_video

OUTPUT_SUFFIXES = (".mp4", ".gif")


def save_video(
    path: str | os.PathLike[str],
    frames: Iterable[np.ndarray],
    fps: float,
    settings: dict[str, Any] | None = None,
) -> None:
    """Write (H, W, 3) uint8 RGB frames, complete or not at all.

    Args:
        settings: of a generated video, JSON values; stored in it together with the mark "AI-generated".

    Raises:
        InputError: the place cannot be written.
    """
    check_target(path, *OUTPUT_SUFFIXES)
    with replacing(path) as scratch:
        if Path(path).suffix.lower() == ".gif":
            write_gif(scratch, list(frames), fps)
        else:
            write_video(
                scratch, frames, fps, metadata={"comment": json.dumps(settings)} if settings else None
            )
        if settings is not None:
            add_settings(scratch, settings)
