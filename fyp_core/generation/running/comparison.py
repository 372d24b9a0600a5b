"""A generated video beside what it follows: source, skeleton and result in step."""

from __future__ import annotations

import os

from fyp_core.generation.metadata import add_settings, read_settings
from fyp_media.exports.side_by_side import Panel, write_side_by_side
from fyp_media.files import check_target, replacing
from fyp_media.read_video import probe
from fyp_media.write_video import VIDEO_SUFFIXES


def write_comparison(
    path: str | os.PathLike[str],
    result: str | os.PathLike[str],
    source: str | os.PathLike[str],
    skeleton: str | os.PathLike[str] | None = None,
) -> None:
    """Write the videos next to each other, captions under them, with the source's sound, marked as AI-generated.

    Args:
        path: ends in .mp4, .m4v or .mov.
        result: a video this program has written; its metadata say which part of the source it follows.
        source: the video it was made from.
        skeleton: as written with the result; left out where the source is a skeleton video itself.

    Raises:
        InputError: a video cannot be read, the result does not say how it was made, or the place cannot be written.
    """
    check_target(path, *VIDEO_SUFFIXES)
    settings = read_settings(result)
    is_skeleton = settings.get("input_type") == "skeleton"
    start = settings.get("start", 0) / probe(source).fps
    left, right, top, bottom = settings.get("crop", (0, 0, 0, 0))
    panels = [Panel(source, "Skeleton" if is_skeleton else "Source", start, (left, right, top, bottom))]
    if skeleton is not None and not is_skeleton:
        panels.append(Panel(skeleton, "Skeleton"))
    panels.append(Panel(result, str(settings.get("prompt", "Result"))))
    with replacing(path) as scratch:
        write_side_by_side(scratch, panels, sound=source)
        add_settings(scratch, settings)
