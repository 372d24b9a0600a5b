"""Motion edited: size, place, side, speed, length and proportions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from fyp_media.errors import InputError
from pose_extraction.motion.motion import MOST_BODIES, Motion
from pose_extraction.skeleton import KEYPOINT_NAMES, MIRRORED

# The lengths of an adult's limbs and the widths of shoulders and hips are multiplied by these.
BODIES: dict[str, dict[str, float]] = {
    "child": {"head": 0.95, "torso": 0.65, "width": 0.65, "arms": 0.55, "legs": 0.5},
    "giant": {"head": 1.1, "torso": 1.4, "width": 1.5, "arms": 1.5, "legs": 1.5},
}
Fixed = Literal["picture", "feet", "body"]
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


def scale(motion: Motion, factor: float, about: Fixed = "picture") -> Motion:
    """Make people and their movement larger or smaller.

    Args:
        about: what keeps its place: the middle of the picture; each person's ground (the lowest place of their
            joints in the whole motion, under their body); or the middle of each person's body.
    """
    _check_positive("scale", factor)
    fixed = _last_pixel(motion) / 2 if about == "picture" else _anchors(motion, about)[:, None]
    return replace(motion, keypoints=((motion.keypoints - fixed) * factor + fixed).astype(np.float32))


def _anchors(motion: Motion, about: Fixed) -> np.ndarray:
    """(P, 2) a place of each person that is the same in all frames."""
    anchors = np.zeros((motion.keypoints.shape[1], 2), np.float32)
    for person in np.flatnonzero(motion.present.any(axis=0)):
        joints = motion.keypoints[:, person]
        anchors[person] = np.nanmedian(joints, axis=(0, 1))
        if about == "feet":
            anchors[person, 1] = np.nanmax(joints[..., 1])
    return anchors


def shift(motion: Motion, right: float, down: float) -> Motion:
    """Move people by pixels; raises InputError for a shift that is not finite."""
    if not np.isfinite([right, down]).all():
        raise InputError(f"The shift is {right:g},{down:g} pixels, but must be finite.")
    return replace(motion, keypoints=motion.keypoints + np.array([right, down], np.float32))


def mirror(motion: Motion) -> Motion:
    """The mirror image: left becomes right, also in the names of the joints."""
    keypoints = motion.keypoints[:, :, MIRRORED] * (-1, 1) + _last_pixel(motion) * (1, 0)
    return replace(motion, keypoints=keypoints.astype(np.float32), scores=motion.scores[:, :, MIRRORED])


def speed(motion: Motion, factor: float) -> Motion:
    """Play ``factor`` times as fast at the same frame rate; frames in between are interpolated.

    Raises:
        InputError: the factor is not above 0, or so small that the motion becomes too long.
    """
    _check_positive("speed", factor)
    frames = len(motion) / factor
    _check_length(motion, frames)
    times = np.arange(max(1, round(frames))) * factor
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
    """Keep the part from ``start`` to ``end`` seconds, as far as there is one; raises InputError where it is empty."""
    duration = len(motion) / motion.fps
    kept = slice(*(round(min(max(time, 0), duration) * motion.fps) for time in (start, end)))
    if not len(motion.keypoints[kept]):
        raise InputError(
            f"Nothing lies between {start:g} and {end:g} s; the motion is {duration:.2f} s long."
        )
    return replace(motion, keypoints=motion.keypoints[kept], scores=motion.scores[kept])


def loop(motion: Motion, times: int) -> Motion:
    """Repeat the motion ``times`` times; raises InputError for less than once, or where it becomes too long."""
    if times < 1:
        raise InputError(f"The number of loops is {times}, but must be at least 1.")
    _check_length(motion, len(motion) * times)
    return replace(
        motion,
        keypoints=np.tile(motion.keypoints, (times, 1, 1, 1)),
        scores=np.tile(motion.scores, (times, 1, 1)),
    )


def parse_proportions(text: str) -> dict[str, float]:
    """Read ``child``, ``giant`` or factors such as ``legs=1.3,arms=0.8``, as :func:`retarget` takes them.

    Raises:
        InputError: none of these.
    """
    if text in BODIES:
        return BODIES[text]
    try:
        proportions = {
            limb.strip(): float(factor) for limb, factor in (part.split("=") for part in text.split(","))
        }
    except ValueError as error:
        raise InputError(
            f"Give {' or '.join(BODIES)}, or factors such as legs=1.3,arms=0.8, not {text!r}."
        ) from error
    _check_proportions(proportions)
    return proportions


def proportions_like(motion: Motion, target: Motion) -> dict[str, float]:
    """Factors with which :func:`retarget` gives the people of ``motion`` the limb lengths of those of ``target``.

    Lengths are compared as shares of the torso, as the people need not be equally near; a limb that is not seen in
    both keeps its length.
    """
    ours, theirs = _limb_lengths(motion), _limb_lengths(target)
    factors = {limb: theirs[limb] / theirs["torso"] * ours["torso"] / ours[limb] for limb in LIMBS}
    return {limb: factor for limb, factor in factors.items() if 0 < factor < np.inf}


def retarget(motion: Motion, proportions: Mapping[str, float]) -> Motion:
    """Give people another body: every bone keeps its direction and changes its length, feet stay on the ground.

    A joint stays where it is when its parent is unknown.

    Args:
        proportions: factor for each of LIMBS, 1 where missing; BODIES has examples.
    """
    _check_proportions(proportions)
    whole = _with_middles(motion)
    reshaped = whole.copy()
    for parent, child, limb in _BONES:
        bone = whole[:, :, child] - whole[:, :, parent]
        moved = reshaped[:, :, parent] + proportions.get(limb, 1) * bone
        reshaped[:, :, child] = np.where(np.isnan(bone), whole[:, :, child], moved)
    drop = _lowest(whole) - _lowest(reshaped)
    reshaped[..., 1] += drop[..., None]
    keypoints = reshaped[:, :, : len(KEYPOINT_NAMES)].astype(np.float32)
    return replace(motion, keypoints=keypoints)


def _check_proportions(proportions: Mapping[str, float]) -> None:
    for limb, factor in proportions.items():
        if limb not in LIMBS:
            raise InputError(f"There is no limb {limb!r}; choose from {', '.join(LIMBS)}.")
        _check_positive(limb, factor)


def _limb_lengths(motion: Motion) -> dict[str, float]:
    """Mean length of the bones of each limb in pixels; NaN where none is seen."""
    whole = _with_middles(motion)
    lengths: dict[str, list[float]] = {limb: [] for limb in LIMBS}
    for parent, child, limb in _BONES:
        seen = np.linalg.norm(whole[:, :, child] - whole[:, :, parent], axis=-1)
        seen = seen[np.isfinite(seen)]
        if len(seen):  # bones that point towards the camera look shorter than they are
            lengths[limb].append(float(np.percentile(seen, 90)))
    return {limb: float(np.mean(found)) if found else np.nan for limb, found in lengths.items()}


def _with_middles(motion: Motion) -> np.ndarray:
    """(F, P, 19, 2) keypoints, and the middles of shoulders and hips."""
    middles = [_between_sides(motion.keypoints, joint) for joint in ("shoulder", "hip")]
    return np.concatenate([motion.keypoints, *middles], axis=2)


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


def _check_length(motion: Motion, frames: float) -> None:
    """Raise InputError where a motion that is made longer takes too much memory."""
    if frames * motion.keypoints.shape[1] > MOST_BODIES:
        raise InputError(
            f"The motion would have {frames:.7g} frames, which takes too much memory; shorten it."
        )


def _check_positive(name: str, factor: float) -> None:
    if not 0 < factor < np.inf:
        raise InputError(f"The {name} is {factor:g}, but must be above 0.")
