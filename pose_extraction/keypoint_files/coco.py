"""Keypoints as COCO writes them (https://cocodataset.org/#format-results), for other tools and back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fyp_media.errors import InputError
from fyp_media.frame_rate import check_rate
from pose_extraction.motion.motion import Motion
from pose_extraction.motion.tracking import link
from pose_extraction.poses import FramePoses
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
    """Read a COCO document, ours or another; images are frames in the order of their ids.

    Joints are found by the names in their category, without names they are taken as COCO's 17 in order.
    Visibility flags (0, 1, 2) are taken as scores. People are told apart by ``track_id``; where anybody has
    none, all are followed from image to image instead. Annotations without a visible joint are left out.

    Raises:
        InputError: it is no COCO keypoint document, has joints other than COCO's or an impossible frame rate.
    """
    try:
        return _read(document)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise InputError(
            "The file holds no keypoints in COCO's format (images, and annotations with 17 keypoints each);"
            " choose a file that python -m pose_extraction --keypoints wrote."
        ) from error


def _read(document: Mapping[str, Any]) -> Motion:
    images = sorted(document["images"], key=lambda image: image["id"])
    height, width = int(images[0]["height"]), int(images[0]["width"])
    if not (height > 0 and width > 0):
        raise ValueError("sizes are positive")
    frames = {image["id"]: index for index, image in enumerate(images)}
    bodies: list[list[np.ndarray]] = [[] for _ in images]
    tracks: list[list[Any]] = [[] for _ in images]
    for annotation, joints in _people(document):
        frame = frames[annotation["image_id"]]
        bodies[frame].append(joints)
        tracks[frame].append(annotation.get("track_id"))
    found = [FramePoses.from_triples(people) for people in bodies]
    if any(None in numbers for numbers in tracks):
        return link(found, height, width, _fps(document))
    return _numbered(found, tracks, height, width, _fps(document))


def _people(document: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], np.ndarray]]:
    """Annotations with a visible joint, and their (17, 3) x, y and score."""
    annotations = document["annotations"]
    # Boxes of other things may lie among them.
    posed = [annotation for annotation in annotations if annotation.get("keypoints")]
    if annotations and not posed:
        raise ValueError("no annotation has keypoints")
    categories = {category["id"]: category for category in document.get("categories") or []}
    for annotation in posed:
        names = categories.get(annotation.get("category_id"), {}).get("keypoints") or KEYPOINT_NAMES
        joints = np.array(annotation["keypoints"], np.float32).reshape(len(names), 3)[_coco_order(names)]
        if (joints[:, 2] > 0).any():
            yield annotation, joints


def _coco_order(names: Sequence[str]) -> list[int]:
    """Where COCO's 17 joints are among those named."""
    missing = [name for name in KEYPOINT_NAMES if name not in names]
    if missing:
        strange = [str(name) for name in names if name not in KEYPOINT_NAMES]
        raise InputError(
            f"The keypoints are not COCO-17's: they lack {', '.join(missing)} and have"
            f" {', '.join(strange) or 'nothing'} instead; convert them to COCO-17."
        )
    return [names.index(name) for name in KEYPOINT_NAMES]


def _fps(document: Mapping[str, Any]) -> float:
    fps = float(document.get("info", {}).get("fps") or _USUAL_FPS)
    check_rate(fps)
    return fps


def _numbered(
    found: Sequence[FramePoses], tracks: Sequence[Sequence[Any]], height: int, width: int, fps: float
) -> Motion:
    """People as ``track_id`` numbers them, of each person of each frame."""
    numbers = sorted({int(track) for frame in tracks for track in frame})
    shape = len(found), len(numbers), len(KEYPOINT_NAMES)
    motion = Motion(np.full((*shape, 2), np.nan, np.float32), np.zeros(shape, np.float32), height, width, fps)
    for frame, poses in enumerate(found):
        people = [numbers.index(int(track)) for track in tracks[frame]]
        motion.keypoints[frame, people] = poses.keypoints
        motion.scores[frame, people] = poses.scores
    return motion
