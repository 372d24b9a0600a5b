"""Top-down estimation: find the people, cut each out, find the joints in the cut-out, in batches of frames."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np

from pose_extraction.poses import FramePoses
from pose_extraction.selection import without_duplicates, without_unseen_joints

PEOPLE_AT_ONCE = 16  # in a pass of a pose model's network
_BATCH = 16  # frames; 100 MB at 1920x1080
_CARRIED_FRAMES = 10
_LEAST_MEAN_SCORE = 0.2  # below it the box shows nobody

Detections = Iterator[tuple[np.ndarray, np.ndarray]]

T = TypeVar("T")


class PersonDetector(Protocol):
    """Finds people in the frames of one video."""

    def detect(self, frames: Iterable[np.ndarray]) -> Detections:
        """Each (H, W, 3) uint8 RGB frame with its (P, 4) float32 boxes: left, top, right, bottom in pixels."""
        ...


class PoseModel(Protocol):
    """Finds the joints of people whose boxes are known."""

    name: str

    def poses(self, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray]) -> list[FramePoses]:
        """One person for each box.

        Args:
            frames: (H, W, 3) uint8 RGB.
            boxes: for each frame (P, 4) left, top, right, bottom in pixels.
        """
        ...


class TopDownEstimator:
    """Everybody a detector sees, with the joints a pose model finds; see ``PoseEstimator``.

    Args:
        stills: the frames are unrelated pictures, not a video.
    """

    def __init__(self, model: PoseModel, detector: PersonDetector, *, stills: bool = False) -> None:
        self.name = model.name
        self._carried = 0 if stills else _CARRIED_FRAMES
        self._model = model
        self._detector = detector

    def estimate(self, frames: Iterable[np.ndarray]) -> Iterator[FramePoses]:
        """See ``PoseEstimator.estimate``."""
        for batch in _batched(carry_boxes(self._detector.detect(frames), self._carried), _BATCH):
            frames, boxes = map(list, zip(*batch))
            for frame, poses in zip(frames, self._model.poses(frames, boxes)):
                seen = poses.scores.mean(axis=1) >= _LEAST_MEAN_SCORE
                people = without_duplicates(FramePoses(poses.keypoints[seen], poses.scores[seen]))
                yield without_unseen_joints(people, *frame.shape[:2])


def carry_boxes(
    detections: Iterable[tuple[np.ndarray, np.ndarray]], longest: int = _CARRIED_FRAMES
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Where the detector sees nobody for up to ``longest`` frames, look where people last were."""
    last, age = np.zeros((0, 4), np.float32), 0
    for frame, boxes in detections:
        last, age = (boxes, 0) if len(boxes) else (last, age + 1)
        yield frame, last if age <= longest else boxes


def _batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
