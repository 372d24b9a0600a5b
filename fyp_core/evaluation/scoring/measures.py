"""Measures of one clip: (F, H, W, 3) uint8 RGB frames, (F, 17, 2) joints in pixels.

They are None where there is nothing to measure: a single frame has no neighbours and must not count as steady.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean

import cv2
import numpy as np

_FIGURE_WIDTH = 0.2  # of the picture: what lies farther from the skeleton than half of it is background
_FLOW = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
# Tolerated difference of a flow and the reverse one: share of their squared lengths, and squared pixels.
_FLOW_TOLERANCE, _FLOW_SLACK = 0.01, 0.5


def correct_keypoints(found: np.ndarray, truth: np.ndarray, visible: np.ndarray, threshold: float) -> float:
    """Share of visible joints found within ``threshold`` times the longer side of the box around them.

    PCK, percentage of correct keypoints (Yang and Ramanan 2013).

    Args:
        found, truth: (F, 17, 2) pixels.
        visible: (F, 17) bool, not all of them false.
    """
    sides = visible_boxes(truth, visible)[:, 2:].max(-1, keepdims=True)
    distances = np.linalg.norm(found - truth, axis=-1)
    is_near = np.asarray(distances <= threshold * sides)
    return float(is_near[visible].mean())


def correct_keypoints_of_people(
    found: np.ndarray, truth: np.ndarray, visible: np.ndarray, threshold: float
) -> float:
    """The mean of :func:`correct_keypoints` over the P people of a clip of whom anything is visible.

    Args:
        found, truth: (F, P, 17, 2) pixels.
        visible: (F, P, 17) bool, not all of them false.
    """
    seen = np.flatnonzero(visible.any((0, 2)))
    return fmean(correct_keypoints(found[:, i], truth[:, i], visible[:, i], threshold) for i in seen)


def visible_boxes(keypoints: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Left, top, width and height of the box around the visible joints of each frame, zeros where there are none."""
    low = np.where(visible[..., None], keypoints, np.inf).min(1)
    high = np.where(visible[..., None], keypoints, -np.inf).max(1)
    boxes = np.concatenate([low, high - low], axis=1)
    return np.where(visible.any(-1, keepdims=True), boxes, 0)


def background_flicker(frames: np.ndarray, skeletons: np.ndarray) -> float | None:
    """Mean absolute difference of neighbouring frames away from both figures, of 255; None without background."""
    if len(frames) < 2:
        return None
    width = round(_FIGURE_WIDTH * min(frames.shape[1:3]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    figures = np.stack([cv2.dilate(skeleton.max(-1), kernel) > 0 for skeleton in skeletons])
    background = ~(figures[1:] | figures[:-1])
    difference = np.abs(np.diff(frames.astype(np.int16), axis=0)).mean(-1)
    return float(difference[background].mean()) if background.any() else None


def neighbour_similarity(features: np.ndarray) -> float | None:
    """Mean cosine similarity of the features (F, D) of neighbouring frames."""
    if len(features) < 2:
        return None
    unit = features / np.linalg.norm(features, axis=1, keepdims=True).clip(1e-12)
    return float((unit[1:] * unit[:-1]).sum(1).mean())


def warp_error(frames: np.ndarray) -> float | None:
    """Mean absolute difference of each frame and the next one warped onto it, of 255.

    The warping error of Lai et al. 2018 (arXiv 1808.00449) with optical flow by dense inverse search (Kroeger et
    al. 2016, arXiv 1603.03590). Places where the flow back does not return (Sundaram et al. 2010), as at
    occlusions, do not count.
    """
    if len(frames) < 2:
        return None
    return float(np.mean([_warp_error(a, b) for a, b in pairwise(frames)]))


def _warp_error(frame: np.ndarray, following: np.ndarray) -> float:
    grey, following_grey = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (frame, following))
    forward, backward = _flow(grey, following_grey), _flow(following_grey, grey)
    back = _warp(backward, forward)
    parted = np.square(forward + back).sum(-1)
    lengths = np.square(forward).sum(-1) + np.square(back).sum(-1)
    matched = parted <= _FLOW_TOLERANCE * lengths + _FLOW_SLACK
    difference = np.abs(_warp(following.astype(np.float32), forward) - frame).mean(-1)
    return float(difference[matched].mean()) if matched.any() else float(difference.mean())


def _flow(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(H, W, 2) pixels from grey ``start`` to ``end``."""
    return cv2.DISOpticalFlow_create(_FLOW).calc(start, end, None)


def _warp(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """What ``picture`` shows where ``flow`` leads."""
    height, width = flow.shape[:2]
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(
        picture,
        columns + flow[..., 0],
        rows + flow[..., 1],
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
