"""A video as a GIF of a size that can be sent."""

from __future__ import annotations

import os

from fyp_media.read_video import open_video
from fyp_media.write_video import write_gif

_MOST_FPS = 15.0
_LONGEST_SIDE = 480  # pixels


def export_gif(video: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Write a video as an endless GIF with a palette of its own. Complete or not at all.

    Args:
        path: ends in .gif. Frames of more than 480 pixels a side are shrunk; above 15 a second some are left out.

    Raises:
        InputError: the video cannot be read, or the place cannot be written.
    """
    with open_video(video) as opened:
        fps = min(_MOST_FPS, opened.info.fps)
        write_gif(path, opened.frames(fps=fps, longest_side=_LONGEST_SIDE), fps)
