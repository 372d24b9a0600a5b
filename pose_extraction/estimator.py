"""What a pose estimator is, and which ones there are."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from errors import InputError
from pose_extraction.skeleton import KEYPOINT_NAMES


@dataclass(frozen=True)
class FramePoses:
    """The people of one frame.

    keypoints: (P, 17, 2) float32 in COCO order, x and y in pixels, whole numbers lying on pixel centres;
        positions may lie outside the picture.
    scores: (P, 17) float32 confidence 0..1.
    """

    keypoints: np.ndarray
    scores: np.ndarray

    @classmethod
    def nobody(cls) -> "FramePoses":
        count = len(KEYPOINT_NAMES)
        return cls(np.zeros((0, count, 2), np.float32), np.zeros((0, count), np.float32))

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


def _mediapipe() -> PoseEstimator:
    from pose_extraction.mediapipe import MediaPipeEstimator

    return MediaPipeEstimator()


# Best first; imported on use, because each brings a large library.
_ESTIMATORS: dict[str, Callable[[], PoseEstimator]] = {"mediapipe": _mediapipe}

ESTIMATOR_NAMES = ("auto", *_ESTIMATORS)


def create_estimator(name: str = "auto") -> PoseEstimator:
    """Load an estimator by name; ``auto`` takes the best that is installed.

    Raises:
        InputError: there is no such estimator, or its library is not installed.
    """
    if name not in ESTIMATOR_NAMES:
        raise InputError(f"There is no estimator {name!r}; choose one of {', '.join(ESTIMATOR_NAMES)}.")
    for candidate, load in _ESTIMATORS.items():
        if name in ("auto", candidate):
            try:
                return load()
            except ImportError as error:
                missing = error
    raise InputError(f"The estimator {name!r} needs a missing library ({missing}); install the requirements.")
