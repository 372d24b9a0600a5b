"""What a pose is, and what a pose estimator does."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pose_extraction.skeleton import KEYPOINT_NAMES


@dataclass(frozen=True)
class FramePoses:
    """The people of one frame.

    keypoints: (P, 17, 2) float32 in COCO order, x and y in pixels, whole numbers lying on pixel centres;
        NaN where a joint is unknown.
    scores: (P, 17) float32 confidence 0..1; 0 where unknown.
    """

    keypoints: np.ndarray
    scores: np.ndarray

    @classmethod
    def nobody(cls) -> "FramePoses":
        """The poses of a frame in which nobody is seen."""
        count = len(KEYPOINT_NAMES)
        return cls(np.zeros((0, count, 2), np.float32), np.zeros((0, count), np.float32))

    @classmethod
    def from_triples(cls, people: Sequence[np.ndarray]) -> "FramePoses":
        """From (17, 3) x, y and score of each person, as files hold them; joints that score 0 are unknown."""
        if not people:
            return cls.nobody()
        joints = np.stack(people)
        known = joints[..., 2:] > 0
        return cls(np.where(known, joints[..., :2], np.nan), joints[..., 2].clip(0, 1))

    def __len__(self) -> int:
        return len(self.keypoints)


class PoseEstimator(Protocol):
    """Finds people in the frames of one video."""

    name: str

    def estimate(self, frames: Iterable[np.ndarray]) -> Iterator[FramePoses]:
        """Poses of each frame, in order and streamed.

        Args:
            frames: (H, W, 3) uint8 RGB, in the order of the video; neighbours may be far apart in time.
        """
        ...
