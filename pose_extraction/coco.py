"""Keypoints as COCO writes them (https://cocodataset.org/#format-results), for other tools and back."""

from typing import Any

import numpy as np

from errors import InputError
from pose_extraction.motion import Motion
from pose_extraction.skeleton import KEYPOINT_NAMES, LINKS

_USUAL_FPS = 25.0


def to_coco(motion: Motion, estimator: str | None = None) -> dict[str, Any]:
    """A JSON-ready COCO document: one image a frame, one annotation for each person in sight.

    ``keypoints`` is the flat list x, y, score of 17 joints, in pixels and 0..1, three zeros where a joint is
    unknown; ``track_id`` is the number of the person, from 1; ``skeleton`` counts from 1, as COCO does. Frame
    rate and estimator are in ``info``.
    """
    info = {"fps": motion.fps, "width": motion.width, "height": motion.height, "frames": len(motion)}
    return {
        "info": info | ({"estimator": estimator} if estimator else {}),
        "categories": [
            {
                "id": 1,
                "name": "person",
                "keypoints": list(KEYPOINT_NAMES),
                "skeleton": [[start + 1, end + 1] for start, end in LINKS],
            }
        ],
        "images": [
            {"id": index, "width": motion.width, "height": motion.height} for index in range(len(motion))
        ],
        "annotations": [
            _annotation(number, int(frame), int(person), motion)
            for number, (frame, person) in enumerate(np.argwhere(motion.present), start=1)
        ],
    }


def _annotation(number: int, frame: int, person: int, motion: Motion) -> dict[str, Any]:
    scores = motion.scores[frame, person]
    joints = np.column_stack([motion.keypoints[frame, person], scores])
    joints[np.isnan(joints).any(axis=1)] = 0
    return {
        "id": number,
        "image_id": frame,
        "category_id": 1,
        "track_id": person + 1,
        "keypoints": [round(float(value), 3) for value in joints.ravel()],
        "score": round(float(scores.mean()), 3),
    }


def from_coco(document: Any) -> Motion:
    """Read a COCO document, ours or another with 17 joints; images are frames in the order of their ids.

    Visibility flags (0, 1, 2) are taken as scores, people without ``track_id`` as they come in each image.

    Raises:
        InputError: it is no COCO keypoint document.
    """
    try:
        return _read(document)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise InputError(
            "The file holds no keypoints in COCO's format (images, and annotations with 17 keypoints each);"
            " choose a file that python -m pose_extraction --keypoints wrote."
        ) from error


def _read(document: dict[str, Any]) -> Motion:
    info = document.get("info", {})
    images = sorted(document["images"], key=lambda image: image["id"])
    frames = {image["id"]: index for index, image in enumerate(images)}
    shape = len(KEYPOINT_NAMES), 3
    people: list[set[int]] = [set() for _ in images]
    entries = []
    for annotation in document["annotations"]:
        frame = frames[annotation["image_id"]]
        person = int(annotation.get("track_id", len(people[frame]) + 1))
        people[frame].add(person)
        entries.append((frame, person, np.array(annotation["keypoints"], np.float32).reshape(shape)))
    numbers = sorted(set().union(*people))
    keypoints = np.full((len(images), len(numbers), *shape[:1], 2), np.nan, np.float32)
    scores = np.zeros(keypoints.shape[:3], np.float32)
    for frame, person, joints in entries:
        place = frame, numbers.index(person)
        scores[place] = joints[:, 2].clip(0, 1)
        keypoints[place] = np.where(joints[:, 2:] > 0, joints[:, :2], np.nan)
    width, height, fps = images[0]["width"], images[0]["height"], float(info.get("fps") or _USUAL_FPS)
    if not (fps > 0 and int(width) > 0 and int(height) > 0):
        raise ValueError("sizes and rates are positive")
    return Motion(keypoints, scores, int(height), int(width), fps)
