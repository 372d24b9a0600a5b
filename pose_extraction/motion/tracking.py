"""Poses of single frames linked to people with stable numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from fyp_media.errors import InputError
from pose_extraction.motion.motion import Motion, body_size, check_extent, empty_motion
from pose_extraction.poses import FramePoses
from pose_extraction.skeleton import KEYPOINT_NAMES

ALL, LARGEST = "all", "largest"

_LONGEST_ABSENCE = 1.0  # seconds; a person who returns later counts as another one
# How far joints may be from where they are expected, in body sizes: at once, and more with each second unseen.
_REACH, _SPEED = 0.4, 3.0
_LEAST_SECONDS = 0.25  # shorter appearances beside other people are false detections
_VELOCITY_SECONDS = 0.3  # over which the movement of a person is measured
_MOST_DIGITS = 6  # of a person's number
_LONGEST_FORECAST = 0.5  # seconds that somebody is expected to go on moving unseen


class _Track:
    """The poses of one person, and where each joint was last seen."""

    def __init__(self) -> None:
        self.frames: list[int] = []
        self.keypoints: list[np.ndarray] = []
        self.scores: list[np.ndarray] = []
        self._last_known = np.full((len(KEYPOINT_NAMES), 2), np.nan, np.float32)

    def add(self, frame: int, keypoints: np.ndarray, scores: np.ndarray) -> None:
        moved = np.nan_to_num(_shift(self._last_known, keypoints))
        self._last_known = np.where(np.isnan(keypoints), self._last_known + moved, keypoints)
        self.frames.append(frame)
        self.keypoints.append(keypoints)
        self.scores.append(scores)

    def expected(self, frame: int, fps: float) -> np.ndarray:
        """(17, 2) joints, supposing that the person goes on moving as before."""
        now = self.frames[-1]
        before = next((i for i, at in enumerate(self.frames) if now - at <= _VELOCITY_SECONDS * fps), -1)
        before = min(before, len(self.frames) - 2)
        if before < 0 or now - self.frames[before] > max(1, _VELOCITY_SECONDS * fps):
            return self._last_known
        velocity = np.nan_to_num(_shift(self.keypoints[before], self._last_known)) / (
            now - self.frames[before]
        )
        return self._last_known + velocity * min(frame - now, _LONGEST_FORECAST * fps)


def _shift(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Median movement of the joints known in both (17, 2): (2,); NaN where there is none."""
    moved = after - before
    known = moved[np.isfinite(moved).all(axis=-1)]
    return np.median(known, axis=0) if len(known) else np.full(2, np.nan, np.float32)


def link(found: Sequence[FramePoses], height: int, width: int, fps: float) -> Motion:
    """Follow each person through the frames.

    People are numbered in order of appearance, those of one frame from left to right.

    Raises:
        InputError: too many come and go.
    """
    tracks: list[_Track] = []
    for index, poses in enumerate(found):
        recent = [track for track in tracks if index - track.frames[-1] <= max(1, _LONGEST_ABSENCE * fps)]
        owners = _owners(recent, index, poses, fps)
        for owner, keypoints, scores in zip(owners, poses.keypoints, poses.scores):
            if owner is None:
                owner = _Track()
                tracks.append(owner)
                check_extent(len(found), len(tracks))
            owner.add(index, keypoints, scores)
    tracks = [track for track in tracks if len(track.frames) >= int(_LEAST_SECONDS * fps)] or tracks
    tracks.sort(key=lambda track: (track.frames[0], np.nanmean(track.keypoints[0][:, 0])))

    motion = empty_motion(len(found), len(tracks), height, width, fps)
    for person, track in enumerate(tracks):
        motion.keypoints[track.frames, person] = track.keypoints
        motion.scores[track.frames, person] = track.scores
    return motion


def _owners(tracks: list[_Track], frame: int, poses: FramePoses, fps: float) -> list[_Track | None]:
    """For each pose the track it continues, if any. Tracks long enough to be a real person are matched first."""
    owners: list[_Track | None] = [None] * len(poses)
    certain = [len(track.frames) >= int(_LEAST_SECONDS * fps) for track in tracks]
    for wanted in (True, False):
        chosen = [track for track, is_certain in zip(tracks, certain) if is_certain == wanted]
        free = [index for index, owner in enumerate(owners) if owner is None]
        for track, index in _nearest(chosen, frame, poses.keypoints[free], fps):
            owners[free[index]] = chosen[track]
    return owners


def _nearest(
    tracks: list[_Track], frame: int, keypoints: np.ndarray, fps: float
) -> Iterator[tuple[int, int]]:
    """Pairs of tracks and (P, 17, 2) poses that together are nearest, none that is out of reach."""
    if not tracks or not len(keypoints):
        return
    from scipy.optimize import linear_sum_assignment  # slow to import, and few commands need it

    expected = np.stack([track.expected(frame, fps) for track in tracks])
    unseen = np.array([frame - track.frames[-1] for track in tracks]) / fps
    distances = np.linalg.norm(expected[:, None] - keypoints, axis=-1)
    # The median: half of the joints may be wrong, as when the legs are taken for one another.
    typical = np.ma.median(np.ma.masked_invalid(distances), axis=-1).filled(np.inf)
    cost = typical / np.maximum(body_size(expected)[:, None], body_size(keypoints))
    reachable = cost <= (_REACH + _SPEED * unseen)[:, None]
    for row, column in zip(*linear_sum_assignment(np.where(reachable, cost, 1e6))):
        if reachable[row, column]:
            yield int(row), int(column)


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
    if number.isdecimal() and len(number) <= _MOST_DIGITS and 1 <= int(number) <= count:
        return int(number) - 1
    raise InputError(
        f"There is no person {number!r:.40}; choose {ALL}, {LARGEST}, or a number"
        f" {'1, the only one' if count == 1 else f'from 1 to {count}, several as 1,2'}."
    )
