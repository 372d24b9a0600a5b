"""Clean motion: close short gaps, swap back swapped limbs, reduce jitter. Every step takes all people at once."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from pose_extraction.motion.motion import Motion, body_size
from pose_extraction.skeleton import KEYPOINT_NAMES, MIRRORED, SCORE_THRESHOLD, TOWARDS_BODY

LONGEST_GAP = 0.5  # seconds

# Groups of joints that estimators swap together between left and right.
_FLIPPING = tuple(
    [KEYPOINT_NAMES.index(f"left_{joint}") for joint in limb]
    for limb in (("elbow", "wrist"), ("knee", "ankle"), ("shoulder",), ("hip",))
)
# Swapping must save this much movement, in body sizes: limbs that come near each other may really cross; only those
# that jump were swapped. Staying swapped costs more each second: a lasting change is a movement, not a mistake.
_SWITCH = 0.1
_DOUBT = 0.5
_LEAST_FPS = 12  # at wider spacing the neighbouring frames do not show whether limbs were swapped

# Cut-off frequencies of the One-Euro filter, tuned with benchmarks/poses/motion.py: at rest, their growth by speed in
# body sizes a second, and of the speed itself.
_REST_CUTOFF = 2.0  # Hz
_SPEED_GAIN = 8.0
_SPEED_CUTOFF = 1.0  # Hz


def clean(motion: Motion, smoothing: float = 1.0, *, unknown_are_outside: bool = False) -> Motion:
    """All of it, in order: flips, gaps, jitter; see :func:`smooth` and :func:`fill_gaps`."""
    return smooth(fill_gaps(repair_flips(motion), unknown_are_outside=unknown_are_outside), smoothing)


def fill_gaps(motion: Motion, *, unknown_are_outside: bool = False) -> Motion:
    """Interpolate people and joints unseen for up to LONGEST_GAP.

    People missing at the very start or end are held still for as long; what is missing longer is left out.

    Args:
        unknown_are_outside: the motion comes from an estimator of ours, which gives a place to every joint except those
            that the picture cannot show; these are not interpolated. A keypoint file may lack any joint for a moment.
    """
    frames, people, joints = motion.scores.shape
    longest = max(1, round(LONGEST_GAP * motion.fps))
    values = np.concatenate([motion.keypoints, motion.scores[..., None]], axis=-1)
    values = _bridged(values.reshape(frames, people, 3 * joints), motion.present, longest, hold_ends=True)
    values = values.reshape(frames, people * joints, 3)
    known = values[..., 2] >= SCORE_THRESHOLD
    outside = _outside(motion).reshape(known.shape) if unknown_are_outside else None
    values = _bridged(values, known, longest, hold_ends=False, excluded=outside)
    values = values.reshape(frames, people, joints, 3)
    return replace(motion, keypoints=values[..., :2], scores=values[..., 2])


def _outside(motion: Motion) -> np.ndarray:
    """(F, P, 17) bool: joints that the picture cannot show, of people who are in it.

    Unknown are also joints after an unsure one of the same limb, which may well be in the picture.
    """
    is_known = np.isfinite(motion.keypoints).all(axis=-1)
    outside = ~is_known & motion.present[..., None]
    for joint, parent in TOWARDS_BODY:
        unsure = is_known[..., parent] & (motion.scores[..., parent] < SCORE_THRESHOLD)
        outside[..., joint] &= ~unsure
    return outside


def _bridged(
    values: np.ndarray,
    known: np.ndarray,
    longest: int,
    *,
    hold_ends: bool,
    excluded: np.ndarray | None = None,
) -> np.ndarray:
    """Interpolate (F, N, C) values over runs of at most ``longest`` unknown ones of (F, N), none of them excluded."""
    bridged = values.copy()
    for column in range(known.shape[1]):
        at = np.flatnonzero(known[:, column])
        if not len(at):
            continue
        stops = np.concatenate([[-1], at, [len(values)]]) if hold_ends else at
        gaps = [
            np.arange(start + 1, stop) for start, stop in pairwise(stops) if 1 < stop - start <= longest + 1
        ]
        if excluded is not None:
            gaps = [gap for gap in gaps if not excluded[gap, column].any()]
        if gaps:
            gap = np.concatenate(gaps)
            for channel in range(values.shape[2]):
                bridged[gap, column, channel] = np.interp(gap, at, values[at, column, channel])
    return bridged


def repair_flips(motion: Motion) -> Motion:
    """Swap a left limb with the right one in the frames in which the estimator has swapped them.

    Of all ways to swap or not in each frame, the one with the least movement is taken (Viterbi), swapped
    frames counting as some movement themselves.
    """
    if motion.fps < _LEAST_FPS:
        return motion
    keypoints, scores = motion.keypoints.copy(), motion.scores.copy()
    sizes = typical_size(motion)
    for limb in _FLIPPING:
        other = [MIRRORED[joint] for joint in limb]
        for person, size in enumerate(sizes):
            sides = keypoints[:, person, limb] / size, keypoints[:, person, other] / size
            flipped = _flipped(*sides, _DOUBT / motion.fps)
            rows = flipped[:, None]
            keypoints[rows, person, limb + other] = keypoints[rows, person, other + limb]
            scores[rows, person, limb + other] = scores[rows, person, other + limb]
    return replace(motion, keypoints=keypoints, scores=scores)


def _flipped(left: np.ndarray, right: np.ndarray, doubt: float) -> np.ndarray:
    """Indices of the frames to swap, of a limb's joints on both sides: (F, J, 2) each, in body sizes."""

    def moved(before: np.ndarray, after: np.ndarray) -> np.ndarray:
        return np.nan_to_num(np.linalg.norm(after[1:] - before[:-1], axis=-1).mean(axis=-1))

    straight = moved(left, left) + moved(right, right)
    crossed = moved(left, right) + moved(right, left)
    crossed += _SWITCH
    steps = np.stack([np.stack([straight, crossed], -1), np.stack([crossed, straight], -1)], -1)
    cost = np.array([0, doubt])
    came_from = np.zeros((len(left), 2), int)
    for frame, step in enumerate(steps, start=1):
        paths = cost[:, None] + step
        came_from[frame] = paths.argmin(axis=0)
        cost = paths.min(axis=0) + np.array([0, doubt])
    state = int(cost.argmin())
    states = np.zeros(len(left), bool)
    for frame in range(len(left) - 1, -1, -1):
        states[frame] = state
        state = came_from[frame, state]
    return np.flatnonzero(states)


def smooth(motion: Motion, strength: float = 1.0) -> Motion:
    """One-Euro filter (Casiez et al. 2012, doi:10.1145/2207676.2208639), run in both directions so that it adds no lag.

    It is strong at rest, where jitter shows, and fades with speed, where it would dampen movement. Speed counts
    in body sizes, so that people near and far are treated alike.

    Args:
        strength: 0 is off, 1 the default, 2 halves the cut-off frequency at rest.
    """
    if not strength or len(motion) < 2:
        return motion
    size = typical_size(motion)[:, None, None]
    sure = (motion.scores >= SCORE_THRESHOLD)[..., None]
    places = np.where(sure, motion.keypoints / size, np.nan)
    forward = _one_euro(places, motion.fps, _REST_CUTOFF / strength)
    backward = _one_euro(places[::-1], motion.fps, _REST_CUTOFF / strength)[::-1]
    smoothed = (forward + backward) / 2 * size
    keypoints = np.where(sure, smoothed, motion.keypoints).astype(np.float32)
    known = np.isfinite(keypoints).all(axis=-1)
    return replace(motion, keypoints=keypoints, scores=np.where(known, _steady(motion.scores), 0))


class OneEuroFilter:
    """One-Euro filter of places that come one after the other, in body sizes; see :func:`smooth`.

    Args:
        rest_cutoff: cut-off frequency at rest in Hz.
    """

    def __init__(self, rest_cutoff: float = _REST_CUTOFF) -> None:
        self._rest_cutoff = rest_cutoff
        self._raw: np.ndarray | None = None
        self._filtered: np.ndarray | None = None
        self._speed: np.ndarray | None = None

    def step(self, places: np.ndarray, fps: float) -> np.ndarray:
        """The next places, (..., 2), filtered; after NaN the filter starts again.

        Args:
            fps: 1 / seconds since the previous places.
        """
        if self._raw is None or self._filtered is None or self._speed is None:
            self._raw = self._filtered = places
            self._speed = np.zeros_like(places)
            return places
        change = np.nan_to_num((places - self._raw) * fps)
        self._speed = self._speed + _share(_SPEED_CUTOFF, fps) * (change - self._speed)
        speed = np.linalg.norm(self._speed, axis=-1, keepdims=True)
        step = _share(self._rest_cutoff + _SPEED_GAIN * speed, fps) * (places - self._filtered)
        self._raw = places
        self._filtered = np.where(np.isnan(self._filtered), places, self._filtered + step)
        return self._filtered


def _one_euro(places: np.ndarray, fps: float, rest_cutoff: float) -> np.ndarray:
    """Filter (F, ..., 2) along time."""
    one_euro = OneEuroFilter(rest_cutoff)
    return np.stack([one_euro.step(frame, fps) for frame in places])


def _share(cutoff: np.ndarray | float, fps: float) -> np.ndarray | float:
    """Share of the new value in a low-pass filter with a cut-off frequency in Hz."""
    return 1 / (1 + fps / (2 * np.pi * cutoff))


def _steady(scores: np.ndarray) -> np.ndarray:
    """Mean of three frames where the person is there: a joint unsure for one frame must not flicker."""
    there = scores.any(axis=-1, keepdims=True).astype(np.float32)
    padded, weights = (np.pad(array, ((1, 1), (0, 0), (0, 0))) for array in (scores, there))
    total = padded[:-2] + padded[1:-1] + padded[2:]
    return there * total / np.maximum(weights[:-2] + weights[1:-1] + weights[2:], 1)


def typical_size(motion: Motion) -> np.ndarray:
    """(P,) body sizes in pixels, the median over the frames in which a person is seen."""
    sizes = np.where(motion.present, body_size(motion.keypoints), np.nan)
    return np.nanmedian(sizes, axis=0) if len(motion) else np.ones(sizes.shape[1])
