"""COCO's results format, a list of detections (https://cocodataset.org/#format-results)."""

from collections.abc import Mapping, Sequence
from typing import Any

from pose_extraction.keypoint_files.joint_layouts import joints_of
from pose_extraction.keypoint_files.people import PeopleByFrame, Person, frames_by_id, track_of


def is_coco_results(document: Any) -> bool:
    """Whether this is a list with an image and keypoints for each person."""
    return (
        isinstance(document, list)
        and bool(document)
        and all(isinstance(entry, dict) and {"image_id", "keypoints"} <= entry.keys() for entry in document)
    )


def read_coco_results(document: Sequence[Mapping[str, Any]], *, track: str = "track_id") -> PeopleByFrame:
    """Read ``image_id``, a number or a file name, and ``keypoints`` of each person.

    Args:
        track: name of the number that a person keeps from image to image.

    Raises:
        ValueError, TypeError, AttributeError, IndexError: other content.
    """
    return PeopleByFrame(
        frames_by_id(
            (entry["image_id"], [Person(joints_of(entry["keypoints"]), track_of(entry.get(track)))])
            for entry in document
        )
    )
