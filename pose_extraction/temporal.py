"""Poses across frames: close short gaps and calm jitter, for any number of people and any frame spacing."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pose_extraction.estimator import FramePoses

LONGEST_GAP = 5  # frames
# Estimates tremble by about this share of the person's size; larger deviations are movement.
_NOISE = 0.015


def fill_gaps(poses: Sequence[FramePoses]) -> list[FramePoses]:
    """Interpolate people across up to LONGEST_GAP frames without anybody; hold them still at either end."""
    found = [index for index, frame in enumerate(poses) if len(frame)]
    if not found:
        return list(poses)
    filled = list(poses)
    held = [
        (-1, poses[found[0]]),
        *((index, poses[index]) for index in found),
        (len(poses), poses[found[-1]]),
    ]
    for (first, start), (last, end) in pairwise(held):
        if last - first <= LONGEST_GAP + 1:
            for index in range(first + 1, last):
                filled[index] = _between(start, end, (index - first) / (last - first))
    return filled


def smooth(poses: Sequence[FramePoses]) -> list[FramePoses]:
    """Pull joints towards the midpoint of their neighbours in time where the deviation looks like noise.

    It has no lag, and movement passes: the pull fades as the deviation outgrows the estimator's noise.
    """
    smoothed = list(poses)
    for index in range(1, len(poses) - 1):
        before, frame, after = poses[index - 1 : index + 2]
        if not (len(before) and len(frame) and len(after)):
            continue
        middle = _between(_matched(before, frame), _matched(after, frame), 0.5)
        size = np.linalg.norm(np.ptp(frame.keypoints, axis=1), axis=-1)[:, None]
        shift = middle.keypoints - frame.keypoints
        deviation = np.linalg.norm(shift, axis=-1) / np.maximum(size, 1)
        pull = 0.5 * np.exp(-((deviation / _NOISE) ** 2))[..., None]
        smoothed[index] = FramePoses(frame.keypoints + pull * shift, (frame.scores + middle.scores) / 2)
    return smoothed


def _between(start: FramePoses, end: FramePoses, share: float) -> FramePoses:
    end = _matched(end, start)
    return FramePoses(
        (1 - share) * start.keypoints + share * end.keypoints, (1 - share) * start.scores + share * end.scores
    )


def _matched(poses: FramePoses, reference: FramePoses) -> FramePoses:
    """For each person of ``reference`` the nearest one of ``poses``."""
    distances = np.linalg.norm(reference.keypoints[:, None] - poses.keypoints, axis=-1).mean(axis=-1)
    nearest = distances.argmin(axis=1)
    return FramePoses(poses.keypoints[nearest], poses.scores[nearest])
