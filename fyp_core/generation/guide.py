"""From a video to the skeleton frames that a generation follows; needs no model."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Guide:
    """The frames to follow.

    skeletons: (F, H, W, 3) uint8 RGB; the input's own frames where it is a skeleton video in the model's style.
    fps: frames a second at which these play at the source's speed, at least 1.
    input_hash: SHA-256 of the input's file.
    seconds: spent on ``read`` and ``pose``.
    estimator: name of what found the person; None where the input is a skeleton video.
    notices: sentences the user should read, for example on a skeleton video in another style.
    """

    skeletons: np.ndarray
    fps: float
    input_hash: str
    seconds: dict[str, float]
    estimator: str | None = None
    notices: list[str] = field(default_factory=list)
