"""Predictions of mmpose 1.x: its demos with ``--save-predictions``, and MMPoseInferencer's ``pred_out_dir``.

https://github.com/open-mmlab/mmpose: ``split_instances`` in mmpose/structures/utils.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fyp_media.errors import InputError
from pose_extraction.keypoint_files.joint_layouts import joints_of, order_by_names
from pose_extraction.keypoint_files.people import PeopleByFrame, Person, frames_by_id, track_of


def is_mmpose(document: Any) -> bool:
    """Whether this holds instances of one picture, or of each frame of a video."""
    if isinstance(document, dict):
        return isinstance(document.get("instance_info", document.get("predictions")), list)
    return (
        isinstance(document, list)
        and bool(document)
        and all(_is_frame(entry) or _is_instance(entry) for entry in document)
    )


def read_mmpose(document: Any) -> PeopleByFrame:
    """Read instances with ``keypoints`` (J, 2) and ``keypoint_scores`` (J,), joints by name where names are given.

    Raises:
        InputError: three-dimensional keypoints, or names that are not COCO's.
        KeyError, ValueError, TypeError, AttributeError: other content.
    """
    order = None
    if isinstance(document, dict):
        order = _order(document.get("meta_info") or {})
        document = document.get("instance_info", document.get("predictions"))
    if document and not all(map(_is_frame, document)):
        if all(map(_is_instance, document)):  # one picture
            document = [document]
        return PeopleByFrame([[_person(one, order) for one in frame] for frame in document])
    return PeopleByFrame(
        frames_by_id(
            (frame.get("frame_id", index), [_person(one, order) for one in frame["instances"]])
            for index, frame in enumerate(document)
        )
    )


def _is_frame(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("instances"), list)


def _is_instance(entry: Any) -> bool:
    return isinstance(entry, dict) and "keypoints" in entry and "image_id" not in entry


def _order(meta_info: Mapping[str, Any]) -> list[int] | None:
    """Where COCO's joints are, by the names in the file; None where it has none."""
    names = meta_info.get("keypoint_id2name")
    if not names:
        return None
    return order_by_names([names[key] for key in sorted(names, key=int)])


def _person(instance: Mapping[str, Any], order: Sequence[int] | None) -> Person:
    places = np.array(instance.get("keypoints") or [], np.float32)
    if not places.size:
        return Person(np.zeros((0, 3), np.float32))
    places = places.reshape(-1, places.shape[-1])
    scores = instance.get("keypoint_scores")
    if places.shape[1] == 3 and scores is not None:
        raise InputError("The keypoints are three-dimensional; give those in the picture, x and y.")
    if places.shape[1] == 2:
        scores = np.ones(len(places)) if scores is None else np.array(scores, np.float32).reshape(-1)
        places = np.column_stack([places, scores])
    joints = joints_of(places)
    return Person(joints if order is None else joints[order], track_of(instance.get("track_id")))
