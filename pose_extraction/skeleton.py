"""The COCO-17 skeleton and its drawing, which is the input format of the pose encoder.

Topology, palette, drawing order and line width are those of the skeleton videos the published weights were
trained on (mmpose's 2022 COCO style). Today's mmpose draws other colours, and the encoder knows a limb by its
colour.
"""

from itertools import compress

import cv2
import numpy as np
from numpy.typing import ArrayLike

KEYPOINT_NAMES = (
    "nose",
    "left_eye", "right_eye",
    "left_ear", "right_ear",
    "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow",
    "left_wrist", "right_wrist",
    "left_hip", "right_hip",
    "left_knee", "right_knee",
    "left_ankle", "right_ankle",
)  # fmt: skip

# Index of each joint's mirror image: left and right change places.
MIRRORED = (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)

# Each joint of a limb with the next one towards the body, from the body outwards.
TOWARDS_BODY = tuple(
    (KEYPOINT_NAMES.index(f"{side}_{joint}"), KEYPOINT_NAMES.index(f"{side}_{parent}"))
    for joint, parent in (("elbow", "shoulder"), ("wrist", "elbow"), ("knee", "hip"), ("ankle", "knee"))
    for side in ("left", "right")
)

TORSO_COLOR = (255, 153, 51)  # RGB, head included
LEFT_COLOR = (0, 255, 0)
RIGHT_COLOR = (0, 128, 255)

# Pairs of keypoint indices; a later link is painted over an earlier one.
LINKS = (
    (15, 13), (13, 11), (16, 14), (14, 12),  # ankle - knee - hip
    (11, 12), (5, 11), (6, 12), (5, 6),  # hips, flanks, shoulders
    (5, 7), (6, 8), (7, 9), (8, 10),  # shoulder - elbow - wrist
    (1, 2), (0, 1), (0, 2), (1, 3), (2, 4), (3, 5), (4, 6),  # face, ear - shoulder
)  # fmt: skip
LINK_COLORS = (
    LEFT_COLOR, LEFT_COLOR, RIGHT_COLOR, RIGHT_COLOR,
    TORSO_COLOR, TORSO_COLOR, TORSO_COLOR, TORSO_COLOR,
    LEFT_COLOR, RIGHT_COLOR, LEFT_COLOR, RIGHT_COLOR,
    *7 * [TORSO_COLOR],
)  # fmt: skip

SCORE_THRESHOLD = 0.3  # joints that score lower are not drawn
LINE_WIDTH = 0.012  # of the longer side of the image: 13 px at 1080

_LINKS = np.array(LINKS)
_SUBPIXEL_BITS = 6
# OpenCV fills an anti-aliased polygon this much wider than its outline, at every size and angle.
_ANTIALIAS_SPREAD = 1.38
_HALF_TURN = np.linspace(-np.pi / 2, np.pi / 2, 7)


def draw_skeleton(
    keypoints: ArrayLike,
    scores: ArrayLike | None,
    height: int,
    width: int,
    *,
    line_width: float | None = None,
) -> np.ndarray:
    """Draw people as lines on black; a drawing looks the same at every image size.

    Args:
        keypoints: (P, 17, 2) or (17, 2), x and y in pixels, whole numbers lying on pixel centres. People are
            painted in order. Positions outside the image and NaN (unknown) are allowed.
        scores: (P, 17) or (17,) confidence 0..1, or None when every joint is to be drawn. A link is left out when
            either of its joints scores below SCORE_THRESHOLD.
        height, width: size of the image in pixels.
        line_width: in pixels, fractions allowed (below 2 the result is nearer 1.8); 1.2 % of the longer
            side by default.

    Returns:
        (height, width, 3) uint8, RGB.
    """
    people = np.asarray(keypoints, np.float32).reshape(-1, len(KEYPOINT_NAMES), 2)
    visible = np.asarray(np.isfinite(people).all(axis=2))
    if scores is not None:
        visible &= np.asarray(scores).reshape(visible.shape) >= SCORE_THRESHOLD
    if line_width is None:
        line_width = LINE_WIDTH * max(height, width)

    image = np.zeros((height, width, 3), np.uint8)
    for person, seen in zip(people, visible):
        drawn = seen[_LINKS].all(axis=1)
        outlines = _link_outlines(person[_LINKS[drawn]], line_width)
        for outline, color in zip(outlines, compress(LINK_COLORS, drawn)):
            cv2.fillConvexPoly(image, outline, color, cv2.LINE_AA, _SUBPIXEL_BITS)
    return image


def _link_outlines(ends: np.ndarray, line_width: float) -> np.ndarray:
    """Outlines of round-ended lines: (L, 2, 2) end points to (L, 14, 2) int32 fixed-point polygons.

    ``cv2.line`` would do, but it rounds the width to odd whole pixels, twice too much on small images, and is
    slower.
    """
    radius = max(line_width - _ANTIALIAS_SPREAD, 0.02) / 2
    x, y = (ends[:, 1] - ends[:, 0]).T
    angles = np.arctan2(y, x)[:, None, None] + np.stack([_HALF_TURN + np.pi, _HALF_TURN])
    caps = ends[:, :, None] + radius * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    outlines = caps.reshape(len(ends), 2 * len(_HALF_TURN), 2) * (1 << _SUBPIXEL_BITS)
    return np.clip(outlines.round(), -(1 << 24), 1 << 24).astype(np.int32)
