"""Which pictures of people are suitable for training on poses."""

from __future__ import annotations

import numpy as np

from fyp_core.settings import Settings, setting
from pose_extraction.motion.motion import body_size
from pose_extraction.poses import FramePoses
from pose_extraction.skeleton import SCORE_THRESHOLD


class Rejected(Exception):  # noqa: N818 - not an error
    """A picture is left out; the message is the reason it is counted under."""


class Filters(Settings):
    """Limits; values equal to a limit are accepted."""

    min_size: int = setting(256, "shorter side of a picture", group="filters", metavar="PIXELS", ge=1)
    min_confidence: float = setting(
        0.5,
        "mean score of a person's joints, 0..1; others are not drawn",
        group="filters",
        metavar="SCORE",
        ge=0,
        le=1,
    )
    min_person: float = setting(
        0.2,
        "diagonal of the box round a person's joints, as a share of the picture's; others are not drawn",
        group="filters",
        metavar="SHARE",
        ge=0,
        le=1,
    )
    max_people: int = setting(
        4, "most people of sufficient confidence, whatever their size", group="filters", metavar="N", ge=1
    )

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
