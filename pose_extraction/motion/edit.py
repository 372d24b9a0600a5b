"""Motion changed without a new recording: size, place, side, tempo, length and proportions."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from fyp_media.errors import InputError
from pose_extraction.motion.motion import Motion
from pose_extraction.skeleton import KEYPOINT_NAMES, MIRRORED

# Lengths of a grown-up's limbs and widths of shoulders and hips are multiplied by these.
BODIES: dict[str, dict[str, float]] = {
    "child": {"head": 0.95, "torso": 0.65, "width": 0.65, "arms": 0.55, "legs": 0.5},
    "giant": {"head": 1.1, "torso": 1.4, "width": 1.5, "arms": 1.5, "legs": 1.5},
}
LIMBS = ("head", "torso", "width", "arms", "legs")

_NECK, _PELVIS = len(KEYPOINT_NAMES), len(KEYPOINT_NAMES) + 1  # midpoints of shoulders and hips


def _bones() -> list[tuple[int, int, str]]:
    """Parent, child and limb of every bone, from the neck outwards."""
    index = KEYPOINT_NAMES.index
    bones = [(_NECK, _PELVIS, "torso"), (_NECK, index("nose"), "head")]
    for side in ("left", "right"):
        shoulder, elbow, wrist, hip, knee, ankle, eye, ear = (
            index(f"{side}_{joint}")
            for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "eye", "ear")
        )
        bones += [(_NECK, shoulder, "width"), (shoulder, elbow, "arms"), (elbow, wrist, "arms")]
        bones += [(_PELVIS, hip, "width"), (hip, knee, "legs"), (knee, ankle, "legs")]
        bones += [(index("nose"), eye, "head"), (index("nose"), ear, "head")]
    return bones


_BONES = _bones()


def scale(motion: Motion, factor: float) -> Motion:
    """Make people larger or smaller about the middle of the picture."""
    _check_positive("scale", factor)
    middle = _last_pixel(motion) / 2
    return replace(motion, keypoints=((motion.keypoints - middle) * factor + middle).astype(np.float32))


def shift(motion: Motion, right: float, down: float) -> Motion:
    """Move people by pixels."""
    if not np.isfinite([right, down]).all():
        raise InputError(f"The shift is {right:g},{down:g} pixels, but must be finite.")
    return replace(motion, keypoints=motion.keypoints + np.array([right, down], np.float32))


def mirror(motion: Motion) -> Motion:
    """The mirror image: left becomes right, also in the names of the joints."""
    keypoints = motion.keypoints[:, :, MIRRORED] * (-1, 1) + _last_pixel(motion) * (1, 0)
    return replace(motion, keypoints=keypoints.astype(np.float32), scores=motion.scores[:, :, MIRRORED])


def speed(motion: Motion, factor: float) -> Motion:
    """Play ``factor`` times as fast at the same frame rate; frames in between are interpolated."""
    _check_positive("speed", factor)
    times = np.arange(max(1, round(len(motion) / factor))) * factor
    times = times.clip(max=len(motion) - 1)
    before = np.floor(times).astype(int)
    after = np.minimum(before + 1, len(motion) - 1)
    share = (times - before)[:, None, None].astype(np.float32)

    def between(values: np.ndarray, share: np.ndarray) -> np.ndarray:
        start, end = values[before], values[after]
        return np.where(
            np.isnan(end) | (share == 0), start, np.where(np.isnan(start), end, start + share * (end - start))
        )

    return replace(
        motion, keypoints=between(motion.keypoints, share[..., None]), scores=between(motion.scores, share)
    )


def sample(motion: Motion, fps: float) -> Motion:
    """The same movement at another frame rate."""
    _check_positive("frame rate", fps)
    return replace(speed(motion, motion.fps / fps), fps=fps)


def trim(motion: Motion, start: float, end: float) -> Motion:
    """Keep the part from ``start`` to ``end`` seconds, as far as there is one."""
    duration = len(motion) / motion.fps
    kept = slice(*(round(min(max(time, 0), duration) * motion.fps) for time in (start, end)))
    if not len(motion.keypoints[kept]):
        raise InputError(
            f"Nothing lies between {start:g} and {end:g} s; the motion is {duration:.2f} s long."
        )
    return replace(motion, keypoints=motion.keypoints[kept], scores=motion.scores[kept])


def loop(motion: Motion, times: int) -> Motion:
    """Repeat the motion ``times`` times."""
    if times < 1:
        raise InputError(f"The number of loops is {times}, but must be at least 1.")
    return replace(
        motion,
        keypoints=np.tile(motion.keypoints, (times, 1, 1, 1)),
        scores=np.tile(motion.scores, (times, 1, 1)),
    )


def retarget(motion: Motion, proportions: Mapping[str, float]) -> Motion:
    """Give people another body: every bone keeps its direction and changes its length, feet keep the ground.

    A joint stays where it is when the one it hangs on is unknown.

    Args:
        proportions: factor for each of LIMBS, 1 where missing; BODIES has examples.
    """
    for limb, factor in proportions.items():
        if limb not in LIMBS:
            raise InputError(f"There is no limb {limb!r}; choose from {', '.join(LIMBS)}.")
        _check_positive(limb, factor)
    middles = [_between_sides(motion.keypoints, joint) for joint in ("shoulder", "hip")]
    whole = np.concatenate([motion.keypoints, *middles], axis=2)
    reshaped = whole.copy()
    for parent, child, limb in _BONES:
        bone = whole[:, :, child] - whole[:, :, parent]
        moved = reshaped[:, :, parent] + proportions.get(limb, 1) * bone
        reshaped[:, :, child] = np.where(np.isnan(bone), whole[:, :, child], moved)
    drop = _lowest(whole) - _lowest(reshaped)
    reshaped[..., 1] += drop[..., None]
    keypoints = reshaped[:, :, : len(KEYPOINT_NAMES)].astype(np.float32)
    return replace(motion, keypoints=keypoints)


def _between_sides(keypoints: np.ndarray, joint: str) -> np.ndarray:
    """(F, P, 1, 2) middle of a left and a right joint, or the one that is known."""
    left, right = (keypoints[:, :, [KEYPOINT_NAMES.index(f"{side}_{joint}")]] for side in ("left", "right"))
    return np.where(np.isnan(left), right, np.where(np.isnan(right), left, (left + right) / 2))


def _lowest(joints: np.ndarray) -> np.ndarray:
    """(F, P) y of the lowest known joint; 0 where none is."""
    y = joints[..., 1]
    known = np.isfinite(y)
    return np.where(known.any(axis=2), y.max(axis=2, where=known, initial=-np.inf), 0)


def _last_pixel(motion: Motion) -> np.ndarray:
    return np.array([motion.width - 1, motion.height - 1], np.float32)


def _check_positive(name: str, factor: float) -> None:
    if not 0 < factor < np.inf:
        raise InputError(f"The {name} is {factor:g}, but must be above 0.")
