"""Skeletons of the people in a camera's frames, smoothed and centred, without use of later frames."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from fyp_media.fit import PictureWindow
from fyp_media.people_window import people_window
from pose_extraction.motion.motion import body_size
from pose_extraction.motion.temporal import OneEuroFilter
from pose_extraction.poses import FramePoses, PoseEstimator
from pose_extraction.skeleton import SCORE_THRESHOLD, draw_skeleton

_HELD_SECONDS = 0.3  # for which a joint or a person that is not found any more stays where it was
_FOLLOW_SECONDS = 1.0  # the window moves and grows with the people in about this time,
_CATCH_UP_SECONDS = 0.15  # in this where they reach its border,
_SHRINK_SECONDS = 4.0  # and becomes smaller in this
_BORDER = 0.1  # of the extent of the people: what belongs to them beyond their joints
_LONGEST_INTERVAL = 0.5  # seconds between two frames that the filters count with
_REACH = 0.5  # sizes of the body that somebody moves from one frame to the next at most


class PeopleFollower:
    """Smooths the poses of a stream: follows people from frame to frame, filters joints, closes short gaps."""

    def __init__(self) -> None:
        self._people: list[_Person] = []

    def follow(self, found: FramePoses, interval: float) -> np.ndarray:
        """Where the people are.

        Args:
            found: in the frame.
            interval: seconds since the frame before.

        Returns:
            (P, 17, 2) x and y in pixels, NaN for joints that are not known.
        """
        interval = min(max(interval, 1e-3), _LONGEST_INTERVAL)
        known = found.scores >= SCORE_THRESHOLD
        free = list(np.where(known[..., None], found.keypoints, np.nan))
        for person in self._people:
            nearest = min(free, key=person.distance, default=None)
            if nearest is not None and person.distance(nearest) < _REACH:
                free = [pose for pose in free if pose is not nearest]
            else:
                nearest = None
            person.update(nearest, interval)
        self._people = [person for person in self._people if person.is_there]
        self._people += [_Person(pose) for pose in free if np.isfinite(pose).any()]
        return np.array([person.places for person in self._people]).reshape(-1, *found.keypoints.shape[1:])


class _Person:
    """One person's joints, (17, 2) in pixels."""

    def __init__(self, pose: np.ndarray) -> None:
        self.places = pose
        self._size = float(body_size(pose))
        self._filter = OneEuroFilter()
        self._filter.step(pose / self._size, 1.0)
        self._unseen = np.zeros(len(pose))  # seconds

    @property
    def is_there(self) -> bool:
        return bool(np.isfinite(self.places).any())

    def distance(self, pose: np.ndarray) -> float:
        """Median over the joints, in sizes of the body; infinite where no joint is known in both."""
        distances = np.linalg.norm(pose - self.places, axis=-1)
        return float(np.nanmedian(distances)) / self._size if np.isfinite(distances).any() else math.inf

    def update(self, pose: np.ndarray | None, interval: float) -> None:
        """Where the joints are after ``interval`` seconds; None where the person is not found."""
        seen = np.zeros(len(self.places), bool) if pose is None else np.isfinite(pose).all(axis=-1)
        self._unseen = np.where(seen, 0.0, self._unseen + interval)
        kept = np.where((self._unseen <= _HELD_SECONDS)[:, None], self.places, np.nan)
        target = kept if pose is None else np.where(seen[:, None], pose, kept)
        self.places = self._filter.step(target / self._size, 1 / interval) * self._size


class FollowingWindow:
    """The part of the camera's picture that is shown: it holds the people and follows them slowly.

    Args:
        size: height and width of the result.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._window: PictureWindow | None = None

    def follow(self, points: np.ndarray, shown: tuple[int, int], interval: float) -> PictureWindow | None:
        """The window of the next frame; None before anybody is seen.

        Args:
            points: (N, 2) x and y of joints in pixels, NaN where unknown.
            shown: height and width of the camera's picture.
            interval: seconds since the frame before.
        """
        known = points[np.isfinite(points).all(axis=-1)]
        if not len(known):
            return self._window
        wanted = people_window(known[None], shown, self._size)
        if self._window is None:
            self._window = wanted
            return wanted
        low, high = known.min(axis=0), known.max(axis=0)
        border = _BORDER * (high - low).max()
        is_inside = self._window.contains(np.stack([low - border, high + border])).all()
        moving = _FOLLOW_SECONDS if is_inside else _CATCH_UP_SECONDS
        sizing = moving if wanted.width > self._window.width else _SHRINK_SECONDS
        self._window = _between(
            self._window, wanted, *(1 - math.exp(-interval / each) for each in (moving, sizing))
        )
        return self._window


def _between(one: PictureWindow, other: PictureWindow, moved: float, sized: float) -> PictureWindow:
    """A window between two of one size shown: its middle and its size moved by shares of the way."""
    size = np.array([(window.width, window.height) for window in (one, other)])
    middle = np.array([(window.left, window.top) for window in (one, other)]) + size / 2
    width, height = size[0] + sized * (size[1] - size[0])
    left, top = middle[0] + moved * (middle[1] - middle[0]) - (width / 2, height / 2)
    return PictureWindow(float(left), float(top), float(width), float(height), one.size)


@dataclass(frozen=True)
class LivePose:
    """What is to be shown of one frame of the camera.

    number: of the frame among those examined, from 0.
    taken: when the frame was taken, in seconds.
    window: the part of it that is shown.
    joints: (P, 17, 2) x and y of the people's joints in pixels of the result, NaN where unknown.
    skeleton: (H, W, 3) uint8 RGB, of the size of the result.
    """

    number: int
    taken: float
    window: PictureWindow
    joints: np.ndarray
    skeleton: np.ndarray


class SkeletonStream:
    """Draws what an estimator finds in a stream, at the size of the result.

    Args:
        estimator: finds the people.
        size: height and width of the result.
    """

    def __init__(self, estimator: PoseEstimator, size: tuple[int, int]) -> None:
        self._estimator = estimator
        self._size = size

    def draw(self, frames: Iterable[tuple[float, np.ndarray]]) -> Generator[LivePose]:
        """Poses of the frames from the first one on that shows somebody.

        Args:
            frames: when each was taken, and (H, W, 3) uint8 RGB.
        """
        waiting: deque[tuple[float, tuple[int, int]]] = deque()

        def noted() -> Iterator[np.ndarray]:
            for taken, frame in frames:
                waiting.append((taken, (frame.shape[0], frame.shape[1])))
                yield frame

        people, window, before = PeopleFollower(), FollowingWindow(self._size), None
        for number, found in enumerate(self._estimator.estimate(noted())):
            taken, shown = waiting.popleft()
            interval = 1.0 if before is None else taken - before
            before = taken
            places = people.follow(found, interval)
            part = window.follow(places.reshape(-1, 2), shown, interval)
            if part is not None:
                joints = part.map_points(places)
                yield LivePose(number, taken, part, joints, draw_skeleton(joints, None, *self._size))
