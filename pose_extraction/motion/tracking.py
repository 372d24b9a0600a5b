"""Who is who: poses of single frames linked to people with stable numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from fyp_media.errors import InputError
from pose_extraction.motion.motion import Motion, body_size
from pose_extraction.poses import FramePoses
from pose_extraction.skeleton import KEYPOINT_NAMES

ALL, LARGEST = "all", "largest"

_MEMORY = 1.0  # seconds after which somebody who returns is somebody else
# How far joints may be from where they were, in body sizes: at once, and more with each second unseen.
_REACH, _SPEED = 0.4, 3.0
_LEAST_SECONDS = 0.25  # shorter appearances beside others are false finds


@dataclass
class _Track:
    frames: list[int] = field(default_factory=list)
    keypoints: list[np.ndarray] = field(default_factory=list)
    scores: list[np.ndarray] = field(default_factory=list)

    def add(self, frame: int, keypoints: np.ndarray, scores: np.ndarray) -> None:
        self.frames.append(frame)
        self.keypoints.append(keypoints)
        self.scores.append(scores)


def link(found: Sequence[FramePoses], height: int, width: int, fps: float) -> Motion:
    """Follow each person through the frames.

    People are numbered in order of appearance, those of one frame from left to right.
    """
    tracks: list[_Track] = []
    for index, poses in enumerate(found):
        recent = [track for track in tracks if index - track.frames[-1] <= max(1, _MEMORY * fps)]
        owners = _owners(recent, index, poses, fps)
        for owner, keypoints, scores in zip(owners, poses.keypoints, poses.scores):
            if owner is None:
                owner = _Track()
                tracks.append(owner)
            owner.add(index, keypoints, scores)
    tracks = [track for track in tracks if len(track.frames) >= int(_LEAST_SECONDS * fps)] or tracks
    tracks.sort(key=lambda track: (track.frames[0], np.nanmean(track.keypoints[0][:, 0])))

    shape = len(found), len(tracks), len(KEYPOINT_NAMES)
    motion = Motion(np.full((*shape, 2), np.nan, np.float32), np.zeros(shape, np.float32), height, width, fps)
    for person, track in enumerate(tracks):
        motion.keypoints[track.frames, person] = track.keypoints
        motion.scores[track.frames, person] = track.scores
    return motion


def _owners(tracks: list[_Track], frame: int, poses: FramePoses, fps: float) -> list[_Track | None]:
    """For each pose the track it continues: those that together are nearest, none that is out of reach."""
    owners: list[_Track | None] = [None] * len(poses)
    if not tracks or not len(poses):
        return owners
    last = np.stack([track.keypoints[-1] for track in tracks])
    unseen = np.array([frame - track.frames[-1] for track in tracks]) / fps
    distances = np.linalg.norm(last[:, None] - poses.keypoints, axis=-1)
    # The median: half of the joints may be wrong, as when the legs are taken for one another.
    typical = np.ma.median(np.ma.masked_invalid(distances), axis=-1).filled(np.inf)
    cost = typical / np.maximum(body_size(last)[:, None], body_size(poses.keypoints))
    reachable = cost <= (_REACH + _SPEED * unseen)[:, None]
    for row, column in zip(*linear_sum_assignment(np.where(reachable, cost, 1e6))):
        if reachable[row, column]:
            owners[column] = tracks[row]
    return owners


def choose(motion: Motion, people: str = ALL) -> Motion:
    """Keep everybody (``all``), the ``largest``, or people by number such as ``2`` or ``1,3``, counted from 1.

    Raises:
        InputError: there is no such person.
    """
    count = motion.keypoints.shape[1]
    if people == ALL:
        return motion
    if people == LARGEST:
        chosen = [int(np.where(motion.present, body_size(motion.keypoints), 0).sum(axis=0).argmax())]
    else:
        numbers = dict.fromkeys(people.replace(" ", "").split(","))
        chosen = [_person_index(number, count) for number in numbers]
    return replace(motion, keypoints=motion.keypoints[:, chosen], scores=motion.scores[:, chosen])


def _person_index(number: str, count: int) -> int:
    if number.isdecimal() and 1 <= int(number) <= count:
        return int(number) - 1
    raise InputError(
        f"There is no person {number!r}; choose {ALL}, {LARGEST}, or a number"
        f" {'1, the only one' if count == 1 else f'from 1 to {count}, several as 1,2'}."
    )
