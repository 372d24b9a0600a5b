"""A still picture of a video, for galleries."""

from __future__ import annotations

import os

from PIL import Image

from fyp_media.decoding.video import Sampling
from fyp_media.files import replacing
from fyp_media.read_video import open_video

_QUALITY = 85  # of JPEG, 0..95
_LONGEST_SIDE = 320  # pixels; a larger frame is shrunk to it


def write_poster(video: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Write the middle frame of a video as a JPEG of at most 320 pixels a side. Complete or not at all.

    Raises:
        InputError: the video cannot be read, or the place cannot be written.
    """
    with open_video(video) as opened:
        middle = opened.info.frame_count // 2
        (frame,) = opened.sampled(Sampling(1, start=middle, longest_side=_LONGEST_SIDE))
    with replacing(path) as scratch:
        Image.fromarray(frame).save(scratch, format="JPEG", quality=_QUALITY, optimize=True)
