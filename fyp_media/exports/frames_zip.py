"""The frames of a video as pictures in a ZIP file."""

from __future__ import annotations

import io
import os
import zipfile

from PIL import Image

from fyp_media.files import check_target, replacing
from fyp_media.read_video import read_frames


def write_frames_zip(video: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Write ``frame_00001.png``, ``frame_00002.png``, … Complete or not at all; one frame is held at a time.

    Args:
        path: ends in .zip.

    Raises:
        InputError: the video cannot be read, or the place cannot be written.
    """
    check_target(path, ".zip")
    with replacing(path) as scratch, zipfile.ZipFile(scratch, "w", zipfile.ZIP_STORED) as archive:
        for number, frame in enumerate(read_frames(video), start=1):
            picture = io.BytesIO()  # PNG is compressed already
            Image.fromarray(frame).save(picture, format="PNG")
            archive.writestr(f"frame_{number:05}.png", picture.getvalue())
