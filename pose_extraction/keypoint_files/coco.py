"""Keypoints as COCO writes them (https://cocodataset.org/#format-results), for other tools and back."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import numpy as np

from fyp_media.errors import InputError
from pose_extraction.keypoint_files.joint_layouts import joints_of, order_by_names
from pose_extraction.keypoint_files.people import PeopleByFrame, Person, natural_key, to_motion, track_of
from pose_extraction.motion.motion import Motion
from pose_extraction.skeleton import KEYPOINT_NAMES, LINKS


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


def is_coco(document: Any) -> bool:
    """Whether this is a COCO document rather than a list of results."""
    return isinstance(document, dict) and "images" in document and "annotations" in document


def from_coco(document: Any) -> Motion:
    """Read a COCO document as motion, see :func:`read_coco`.

    Raises:
        InputError: it is no COCO keypoint document, has joints other than COCO's or an impossible frame rate.
    """
    try:
        return to_motion(read_coco(document))
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise InputError(
            "The file holds no keypoints in COCO's format (images, and annotations with 17 keypoints each);"
            " choose a file that python -m pose_extraction --keypoints wrote."
        ) from error


def read_coco(document: Mapping[str, Any]) -> PeopleByFrame:
    """Read a COCO document, ours or another; images are frames in the natural order of their ids.

    Where ids hold no numbers, their file names give the order. Joints are found by the names in their category;
    without names, or with another number of them, by their number. Visibility flags (0, 1, 2) are taken as scores.
    People keep the number in ``track_id``. Annotations without a visible joint are left out.

    Raises:
        InputError: joints other than COCO's.
        KeyError, TypeError, ValueError, IndexError, AttributeError: it is no COCO keypoint document.
    """
    images = sorted(document["images"], key=_order)
    frames: dict[Hashable, list[Person]] = {_same(image["id"]): [] for image in images}
    for annotation, person in _people(document):
        frames[_same(annotation["image_id"])].append(person)
    if not frames:
        raise ValueError("no images")
    fps = (document.get("info") or {}).get("fps")
    return PeopleByFrame(list(frames.values()), _size(images[0]), float(fps) if fps else None)


def _order(image: Mapping[str, Any]) -> list[int | str]:
    name = str(image["id"])
    return natural_key(image["id"] if name.isdecimal() else image.get("file_name") or image["id"])


def _same(image_id: Any) -> Hashable:
    """The same for 7, 7.0 and "7": images and annotations may be written differently."""
    return tuple(natural_key(image_id))


def _size(image: Mapping[str, Any]) -> tuple[int, int] | None:
    if not image.get("height") or not image.get("width"):
        return None
    height, width = int(image["height"]), int(image["width"])
    if not (height > 0 and width > 0):
        raise ValueError("sizes are positive")
    return height, width


def _people(document: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Person]]:
    annotations = document["annotations"]
    # Boxes of other things may lie among them.
    posed = [annotation for annotation in annotations if annotation.get("keypoints")]
    if annotations and not posed:
        raise ValueError("no annotation has keypoints")
    categories = {category["id"]: category for category in document.get("categories") or []}
    for annotation in posed:
        joints = joints_of(annotation["keypoints"])
        names = categories.get(annotation.get("category_id"), {}).get("keypoints") or []
        if len(names) == len(joints):
            joints = joints[order_by_names(names)]
        yield annotation, Person(joints, track_of(annotation.get("track_id")))
