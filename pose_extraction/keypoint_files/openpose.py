"""A frame as OpenPose writes it (``--write_json``), and tools that follow it.

https://github.com/CMU-Perceptual-Computing-Lab/openpose/blob/master/doc/02_output.md
"""

from collections.abc import Mapping
from typing import Any

from pose_extraction.keypoint_files.joint_layouts import joints_of
from pose_extraction.keypoint_files.people import PeopleByFrame, Person, track_of

_KEYPOINTS = ("pose_keypoints_2d", "pose_keypoints", "joints")  # today's name, that of 2017, and CMU-Pose's


def is_openpose(document: Any) -> bool:
    """Whether this is a frame with people in OpenPose's format, or in the format of CMU-Pose before it."""
    if not isinstance(document, dict) or not {"people", "bodies"} & document.keys():
        return False
    return isinstance(_people(document), list)


def read_openpose(document: Mapping[str, Any]) -> PeopleByFrame:
    """Read one frame: ``people`` with ``pose_keypoints_2d``, in pixels or relative to a canvas whose size is given.

    Raises:
        ValueError, TypeError, AttributeError: other content.
    """
    people = [_person(person) for person in _people(document) if person is not None]
    return PeopleByFrame([people], _canvas(document))


def _people(document: Mapping[str, Any]) -> Any:
    """A list, as long as the document is in this format; null is nobody."""
    people = document.get("people", document.get("bodies"))
    return [] if people is None else people


def _person(person: Mapping[str, Any]) -> Person:
    values = next((person[key] for key in _KEYPOINTS if person.get(key)), None)
    return Person(joints_of(values), track_of(person.get("person_id")))


def _canvas(document: Mapping[str, Any]) -> tuple[int, int] | None:
    height, width = document.get("canvas_height"), document.get("canvas_width")
    return (int(height), int(width)) if height and width else None
