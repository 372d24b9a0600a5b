"""Motion in files: keypoints read and written, skeleton videos written."""

import json
import os
from pathlib import Path

from fyp_media.errors import InputError
from fyp_media.files import replacing
from fyp_media.write_video import VIDEO_SUFFIXES, write_video
from pose_extraction.keypoint_files.coco import from_coco, to_coco
from pose_extraction.keypoint_files.openpose import read_openpose
from pose_extraction.motion.edit import sample
from pose_extraction.motion.motion import Motion

KEYPOINT_SUFFIX = ".json"


def is_motion(path: str | os.PathLike[str]) -> bool:
    """Whether a path names keypoints rather than a video."""
    return Path(path).is_dir() or Path(path).suffix.lower() == KEYPOINT_SUFFIX


def read_motion(path: str | os.PathLike[str], fps: float | None = None) -> Motion:
    """Read a COCO keypoint file, or a folder of OpenPose JSON.

    Args:
        fps: what an OpenPose folder was made with, whose files do not say (25 by default); a keypoint file is
            sampled at it.

    Raises:
        InputError: neither of them, or nobody in it. The rate is not above 0.
    """
    file = Path(path)
    if file.is_dir():
        motion = read_openpose(file, fps)
    elif not file.exists():
        raise InputError(f"There is no file {file}; check the path.")
    else:
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{file.name} cannot be read as JSON; write it again.") from error
        motion = from_coco(document)
        motion = motion if fps is None else sample(motion, fps)
    if not motion.present.any():
        raise InputError(f"Nobody is in {file.name}; choose keypoints with a person in them.")
    return motion


def write_motion(motion: Motion, path: str | os.PathLike[str], *, estimator: str | None = None) -> None:
    """Write keypoints (.json, COCO's format) or the skeleton video (.mp4, .m4v, .mov). Complete or not at all.

    Raises:
        InputError: another ending, or the place cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix == KEYPOINT_SUFFIX:
        with replacing(path) as document:
            Path(document).write_text(json.dumps(to_coco(motion, estimator)), encoding="utf-8")
    else:
        write_video(path, motion.draw(), motion.fps)


TARGET_SUFFIXES = (*VIDEO_SUFFIXES, KEYPOINT_SUFFIX)
