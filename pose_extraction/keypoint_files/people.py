"""The people of each frame as a file lists them, before they are one :class:`Motion`."""

import math
import re
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from fyp_media.decoding.container import MOST_PIXELS
from fyp_media.errors import InputError
from fyp_media.frame_times import check_rate
from pose_extraction.keypoint_files.joint_layouts import as_coco
from pose_extraction.motion.motion import Motion, empty_motion
from pose_extraction.motion.tracking import link
from pose_extraction.poses import FramePoses

DEFAULT_FPS = 25.0  # of files that do not state it

_MARGIN = 0.1  # of the picture beyond the outermost joint, where a file states no size
# If no coordinate is larger, all are shares of the picture; joints may lie outside it.
_LARGEST_RELATIVE = 2.0
_NEGATIVE_SHARE = 0.1  # of coordinates, above which they count from the picture's middle
_MOST_PEOPLE = 100  # in one frame
_MOST_EMPTY = 10  # frames for each one listed; sparser numbers are no frame numbers


@dataclass(frozen=True)
class Person:
    """A person in one frame.

    joints: (J, 3) float32 x, y and score, 0 where not known, in a layout of
        :mod:`pose_extraction.keypoint_files.joint_layouts`.
    track: the name or number of this person in all frames, if the file states it.
    """

    joints: np.ndarray
    track: Hashable = None


@dataclass(frozen=True)
class PeopleByFrame:
    """What a file holds.

    frames: the people of each frame, in the order of time.
    size: height and width of the picture in pixels, if the file states it.
    fps: frames a second, if the file states it.
    """

    frames: Sequence[Sequence[Person]]
    size: tuple[int, int] | None = None
    fps: float | None = None


def to_motion(people: PeopleByFrame, fps: float | None = None) -> Motion:
    """People with stable numbers: as the file numbers them, or followed from frame to frame.

    Args:
        fps: used where the file states no frame rate; 25 by default.

    Raises:
        InputError: a layout of joints that is not known, an impossible rate, too many people, coordinates relative to
            a picture whose size the file does not state, a picture that is too large.
    """
    rate = people.fps or fps or DEFAULT_FPS
    check_rate(rate)
    seen = [
        [person for person in frame if len(person.joints) and (person.joints[:, 2] > 0).any()]
        for frame in people.frames
    ]
    if (most := max(map(len, seen), default=0)) > _MOST_PEOPLE:
        raise InputError(
            f"One frame has {most} people, but at most {_MOST_PEOPLE} can be read; leave some out."
        )
    joints = iter(as_coco([person.joints for frame in seen for person in frame]))
    found = [_poses([next(joints) for _ in frame]) for frame in seen]
    found, (height, width) = _in_pixels(found, people.size)
    if height * width > MOST_PIXELS:
        raise InputError(
            f"The picture of the keypoints has {width}x{height} pixels, but at most {MOST_PIXELS // 10**6} megapixels"
            " are possible; write the keypoints in the pixels of their video."
        )
    tracks = [[person.track for person in frame] for frame in seen]
    if _are_numbered(tracks):
        return _by_track(found, tracks, height, width, rate)
    return link(found, height, width, rate)


def _poses(bodies: Sequence[np.ndarray]) -> FramePoses:
    return FramePoses.from_triples([body for body in bodies if (body[:, 2] > 0).any()])


def _in_pixels(
    found: list[FramePoses], size: tuple[int, int] | None
) -> tuple[list[FramePoses], tuple[int, int]]:
    """The poses in pixels, and height and width of their picture."""
    places = np.concatenate([np.zeros((0, 2)), *(poses.keypoints.reshape(-1, 2) for poses in found)])
    places = places[np.isfinite(places).all(axis=1)]
    if not len(places):
        return found, size or (2, 2)
    if np.abs(places).max() > _LARGEST_RELATIVE:
        return (found, size) if size else _with_own_picture(found, places)
    if size is None:
        raise InputError(
            "The coordinates are relative to a picture whose size the file does not state; write pixels (with OpenPose"
            " --keypoint_scale 0), or canvas_width and canvas_height."
        )
    scale = np.array(size[::-1], np.float32)
    low = -1.0 if (places < 0).mean() > _NEGATIVE_SHARE else 0.0
    return [FramePoses((poses.keypoints - low) / (1 - low) * scale, poses.scores) for poses in found], size


def _with_own_picture(
    found: list[FramePoses], places: np.ndarray
) -> tuple[list[FramePoses], tuple[int, int]]:
    """The poses in a picture that holds all of them, and its height and width.

    It begins at the origin, unless many joints lie before that: some tools count from the picture's middle.
    """
    origin = np.zeros(2, np.float32)
    if (places < 0).mean() > _NEGATIVE_SHARE:
        origin = np.minimum(places.min(axis=0) - _MARGIN / 2 * np.ptp(places, axis=0), 0).astype(np.float32)
        found = [FramePoses(poses.keypoints - origin, poses.scores) for poses in found]
    extents = (places - origin).max(axis=0)
    width, height = (max(2, math.ceil((1 + _MARGIN) * float(extent) / 2) * 2) for extent in extents)
    return found, (height, width)


def _are_numbered(tracks: Sequence[Sequence[Hashable]]) -> bool:
    """Whether everybody has a number of their own: without a tracker, AlphaPose gives everybody the same."""
    return all(None not in frame and len(set(frame)) == len(frame) for frame in tracks)


def _by_track(
    found: Sequence[FramePoses], tracks: Sequence[Sequence[Hashable]], height: int, width: int, fps: float
) -> Motion:
    names = sorted({track for frame in tracks for track in frame}, key=natural_key)
    motion = empty_motion(len(found), len(names), height, width, fps)
    numbers = {name: number for number, name in enumerate(names)}
    for frame, poses in enumerate(found):
        people = [numbers[track] for track in tracks[frame]]
        motion.keypoints[frame, people] = poses.keypoints
        motion.scores[frame, people] = poses.scores
    return motion


def track_of(value: Any) -> Hashable:
    """The name of a person from 3, 3.0, "3" or [3.0]; None from nothing or -1."""
    while isinstance(value, list | tuple):
        value = value[0] if value else None
    if value is None or isinstance(value, dict):
        return None
    name = _plain(value)
    return None if name in ("", "-1") else name


def natural_key(name: Hashable) -> list[int | str]:
    """Sorts names by the numbers in them: 2 before 10, whether padded with zeros or not."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", _plain(name))]


def _plain(name: object) -> str:
    """A number without its ``.0``, as some tools write whole numbers."""
    if isinstance(name, float) and name.is_integer():
        name = int(name)
    return str(name)


def frames_by_id(listed: Iterable[tuple[Hashable, Sequence[Person]]]) -> list[list[Person]]:
    """People of each frame in order, from ids of frames such as 7 or "frame_0007.jpg"; an id may come again.

    A detector lists only frames in which it saw somebody: numbers that are missing in between are frames with nobody.
    """
    people: dict[tuple[int | str, ...], list[Person]] = {}
    for name, somebody in listed:
        people.setdefault(tuple(natural_key(name)), []).extend(somebody)
    names = sorted(people)
    numbers = _frame_numbers(names)
    frames: list[list[Person]] = [[] for _ in range(numbers[-1] + 1 if names else 0)]
    for number, name in zip(numbers, names):
        frames[number] = people[name]
    return frames


def _frame_numbers(names: Collection[tuple[int | str, ...]]) -> list[int]:
    """Numbers from 0 of frames in order: those in their names, where only one number differs in these."""
    in_order = list(range(len(names)))
    if len({len(name) for name in names}) != 1:
        return in_order
    differing = [place for place, parts in enumerate(zip(*names)) if len(set(parts)) > 1]
    if len(differing) != 1 or differing[0] % 2 == 0:  # numbers are at odd places
        return in_order
    numbers = [int(name[differing[0]]) for name in names]
    step = math.gcd(*(after - before for before, after in pairwise(numbers)))
    numbers = [(number - numbers[0]) // step for number in numbers]
    return numbers if numbers[-1] < _MOST_EMPTY * len(names) else in_order
