"""Which pictures of people are fit to learn poses from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pose_extraction.motion.motion import body_size
from pose_extraction.poses import FramePoses
from pose_extraction.skeleton import SCORE_THRESHOLD


class Rejected(Exception):  # noqa: N818 - it is no error
    """A picture is left out; the message is the reason it is counted under."""


@dataclass(frozen=True)
class Filters:
    """Limits, each of them still accepted.

    min_size: shorter side of the picture in pixels.
    min_confidence: mean score of a person's joints, 0..1; others are not drawn.
    min_person: diagonal of the box round a person's joints, as a share of the picture's; others are not drawn.
    max_people: people sure enough, large and small.
    """

    min_size: int = 256
    min_confidence: float = 0.5
    min_person: float = 0.2
    max_people: int = 4

    def check_size(self, height: int, width: int) -> None:
        """Raises ``Rejected``."""
        if min(height, width) < self.min_size:
            raise Rejected("picture too small")

    def choose(self, poses: FramePoses, height: int, width: int) -> FramePoses:
        """The people to draw.

        Raises:
            Rejected: nobody, or too many.
        """
        if not len(poses):
            raise Rejected("nobody found")
        sure = poses.scores.mean(axis=1) >= self.min_confidence
        if not sure.any():
            raise Rejected("confidence too low")
        if sure.sum() > self.max_people:
            raise Rejected("too many people")
        seen = np.where((poses.scores >= SCORE_THRESHOLD)[..., None], poses.keypoints, np.nan)
        large = body_size(seen) >= self.min_person * np.hypot(height, width)
        if not (sure & large).any():
            raise Rejected("person too small")
        return FramePoses(poses.keypoints[sure & large], poses.scores[sure & large])
