"""The boxes around the people that a clip should show, which the judges examine."""

from __future__ import annotations

import numpy as np

from fyp_core.evaluation.scoring.measures import visible_boxes

_LEAST_SIDE = 0.08  # of the picture's longer side: a few joints at its edge make too small a box


def person_boxes(keypoints: np.ndarray, visible: np.ndarray, picture: tuple[int, int]) -> np.ndarray:
    """Boxes around visible joints.

    Args:
        keypoints: (..., 17, 2) pixels.
        visible: (..., 17) bool.
        picture: its height and width in pixels.

    Returns:
        (..., 4) float32: left, top, right and bottom, never smaller than a share of the picture; at its upper left
        corner where no joint is visible.
    """
    boxes = visible_boxes(keypoints.reshape(-1, 17, 2), visible.reshape(-1, 17))
    start, sides = boxes[:, :2], boxes[:, 2:]
    half = np.maximum(sides, _LEAST_SIDE * max(picture)) / 2
    middle = start + sides / 2
    corners = np.concatenate([middle - half, middle + half], axis=1)
    return corners.reshape(*keypoints.shape[:-2], 4).astype(np.float32)
