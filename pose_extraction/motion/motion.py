"""People moving through a video: what is linked, cleaned, edited, stored and drawn."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fyp_media.errors import InputError
from pose_extraction.skeleton import KEYPOINT_NAMES, draw_skeleton

MOST_BODIES = 1_000_000  # frames times people: 200 MB, or an hour of nine people


@dataclass(frozen=True)
class Motion:
    """The same people in every frame.

    keypoints: (F, P, 17, 2) float32 in COCO order, x and y in pixels, whole numbers lying on pixel centres;
        NaN where a joint is unknown, in all joints where a person is not there.
    scores: (F, P, 17) float32 confidence 0..1; 0 where unknown.
    height, width: of the picture, in pixels.
    fps: frames a second.
    """

    keypoints: np.ndarray
    scores: np.ndarray
    height: int
    width: int
    fps: float

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def present(self) -> np.ndarray:
        """(F, P) bool: where a person is in sight."""
        return np.isfinite(self.keypoints).any(axis=(2, 3))

    def draw(self) -> Iterator[np.ndarray]:
        """The skeleton video, (height, width, 3) uint8 RGB a frame; later people are painted over earlier ones."""
        for keypoints, scores in zip(self.keypoints, self.scores):
            yield draw_skeleton(keypoints, scores, self.height, self.width)


def check_extent(frames: int, people: int) -> None:
    """Raise InputError for more people, each counted in every frame, than a motion may have."""
    if frames * people > MOST_BODIES:
        raise InputError(
            f"{people} people or more come and go in {frames} frames, which takes too much memory; take a shorter part."
        )


def empty_motion(frames: int, people: int, height: int, width: int, fps: float) -> Motion:
    """Nobody in any frame; to be filled.

    Raises:
        InputError: see :func:`check_extent`.
    """
    check_extent(frames, people)
    shape = frames, people, len(KEYPOINT_NAMES)
    return Motion(np.full((*shape, 2), np.nan, np.float32), np.zeros(shape, np.float32), height, width, fps)


def body_size(keypoints: np.ndarray) -> np.ndarray:
    """Diagonal of the box round a body's known joints: (..., 17, 2) to (...) pixels, at least 1."""
    low = np.where(np.isnan(keypoints), np.inf, keypoints).min(axis=-2)
    high = np.where(np.isnan(keypoints), -np.inf, keypoints).max(axis=-2)
    return np.maximum(np.linalg.norm(np.maximum(high - low, 0), axis=-1), 1)
