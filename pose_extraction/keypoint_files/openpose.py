"""Folders of OpenPose JSON, a file a frame (https://github.com/CMU-Perceptual-Computing-Lab/openpose), as motion."""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from fyp_media.errors import InputError
from fyp_media.frame_rate import check_rate
from pose_extraction.motion.motion import Motion
from pose_extraction.motion.tracking import link
from pose_extraction.poses import FramePoses

# Where COCO's 17 joints are among OpenPose's, by their number.
_COCO_JOINTS = {
    25: [0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11],
    18: [0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10],
}
_USUAL_FPS = 25.0  # the files do not say
_MARGIN = 0.1


def read_openpose(folder: Path, fps: float | None = None) -> Motion:
    """Read BODY_25 or COCO-18 keypoints; files are frames in the order of their names.

    The picture is as large as ``canvas_width`` and ``canvas_height`` say, where they are missing large enough
    for all joints.

    Raises:
        InputError: no such files, other content, or coordinates that are not pixels. The rate is not possible.
    """
    fps = _USUAL_FPS if fps is None else fps
    check_rate(fps)
    files = frame_files(folder)
    if not files:
        raise InputError(
            f"{folder} holds no JSON files; choose a folder that OpenPose wrote with --write_json."
        )
    documents = [_load(file) for file in files]
    try:
        found = [_poses(document["people"]) for document in documents]
        width, height = _size(documents[0], found)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{folder.name} holds JSON that is not OpenPose's (people with BODY_25 or COCO-18 keypoints);"
            " choose a folder that OpenPose wrote with --write_json."
        ) from error
    if _is_relative(found):
        raise InputError(
            f"The coordinates in {folder.name} are relative to the picture;"
            " let OpenPose write pixels, with --keypoint_scale 0."
        )
    return link(found, height, width, fps)


def frame_files(folder: Path) -> list[Path]:
    """In the order of the frames, whose numbers need not be padded with zeros."""
    return sorted(folder.glob("*.json"), key=_natural)


def _natural(file: Path) -> list[int | str]:
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", file.name)]


def _load(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file.name} cannot be read as JSON; write the folder again.") from error


def _poses(people: list[dict[str, Any]]) -> FramePoses:
    bodies = [np.array(person["pose_keypoints_2d"], np.float32).reshape(-1, 3) for person in people]
    bodies = [body[_COCO_JOINTS[len(body)]] for body in bodies if len(body)]
    return FramePoses.from_triples([body for body in bodies if (body[:, 2] > 0).any()])


def _is_relative(found: list[FramePoses]) -> bool:
    """Whether all joints lie in -1..1, as with ``--keypoint_scale 3`` and ``4``."""
    people = [poses.keypoints for poses in found if len(poses)]
    return bool(people) and bool(np.nanmax(np.abs(np.concatenate(people))) <= 1)


def _size(document: dict[str, Any], found: list[FramePoses]) -> tuple[int, int]:
    if "canvas_width" in document:
        return int(document["canvas_width"]), int(document["canvas_height"])
    joints = np.concatenate([poses.keypoints.reshape(-1, 2) for poses in found])
    if not len(joints):
        raise ValueError("nobody in any frame")
    width, height = (math.ceil((1 + _MARGIN) * extent / 2) * 2 for extent in np.nanmax(joints, axis=0))
    return max(width, 2), max(height, 2)
