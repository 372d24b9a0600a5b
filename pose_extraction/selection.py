"""Which people and joints of what an estimator found are kept."""

import numpy as np

from pose_extraction.motion.motion import body_size
from pose_extraction.poses import FramePoses
from pose_extraction.skeleton import KEYPOINT_NAMES, SCORE_THRESHOLD, TOWARDS_BODY

# The same person found twice: most joints are nearer to each other than this, in sizes of the smaller body, or those of
# the head, in sizes of the larger: a person cut off by the picture's edge is also found as a small body with that head.
_SAME_PLACE, _SAME_HEAD = 0.2, 0.08
_SAME_JOINT = 0.1  # in sizes of the body
_SAME_TORSO, _OPPOSITE = 0.3, -0.7  # between middles, in lengths of the torso; cosine between directions
_HEAD, _SHOULDERS, _HIPS = slice(0, 5), slice(5, 7), slice(11, 13)

_LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
_SIDES = tuple([KEYPOINT_NAMES.index(f"{side}_{joint}") for joint in _LIMBS] for side in ("left", "right"))
# A knee nearer to the arm than this, in sizes of the body, lies on it; an ankle may be twice as far.
_ON_THE_ARM = 0.1
_AT_THE_EDGE = 0.3  # of the length of the torso, from the hip to the lower edge of the picture


def without_duplicates(poses: FramePoses) -> FramePoses:
    """Each person once, those with the highest mean score first.

    A joint becomes the mean of its places in all poses of the person at the same place, weighted by their scores,
    which jitters less than any one of them.
    """
    kept: list[int] = []
    merged: list[np.ndarray] = []
    for person in np.argsort(-poses.scores.mean(axis=1), kind="stable"):
        if any(same_person(poses.keypoints[person], poses.keypoints[other]) for other in kept):
            continue
        kept.append(int(person))
        same = [_in_same_place(poses.keypoints[person], other) for other in poses.keypoints]
        merged.append(_mean_pose(poses.keypoints[person], poses.keypoints[same], poses.scores[same]))
    return FramePoses(np.stack(merged), poses.scores[kept]) if kept else poses


def same_person(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two (17, 2) poses are in the same place, share a head, or one is the other upside down."""
    head = np.linalg.norm(one[_HEAD] - other[_HEAD], axis=-1)
    share_head = np.median(head) < _SAME_HEAD * max(body_size(one), body_size(other))
    return bool(share_head) or _in_same_place(one, other) or _is_upside_down_in(one, other)


def _in_same_place(one: np.ndarray, other: np.ndarray) -> bool:
    distances = np.linalg.norm(one - other, axis=-1)
    return bool(np.median(distances) < _SAME_PLACE * min(body_size(one), body_size(other)))


def _is_upside_down_in(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two torsos share a middle and point in opposite directions.

    Estimators sometimes take the hips of a person who leans for a head.
    """
    shoulders, hips = (
        np.stack([pose[part].mean(axis=0) for pose in (one, other)]) for part in (_SHOULDERS, _HIPS)
    )
    torsos = hips - shoulders
    lengths = np.linalg.norm(torsos, axis=-1)
    apart = np.linalg.norm((shoulders + hips)[0] - (shoulders + hips)[1]) / 2
    is_opposite = torsos[0] @ torsos[1] < _OPPOSITE * lengths.prod()
    return bool(is_opposite and apart < _SAME_TORSO * lengths.max())


def _mean_pose(pose: np.ndarray, poses: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(17, 2) pose, each joint the weighted mean of those of (N, 17, 2) poses that are near it."""
    near = np.linalg.norm(poses - pose, axis=-1) < _SAME_JOINT * body_size(pose)
    weights = (near * np.maximum(scores, 1e-3))[..., None]
    return ((weights * poses).sum(axis=0) / weights.sum(axis=0)).astype(np.float32)


def without_unseen_joints(poses: FramePoses, height: int, width: int) -> FramePoses:
    """Joints that the picture cannot show become unknown (NaN, score 0); people who have no other are left out.

    Estimators place every joint somewhere. Unknown are joints outside the picture, and what follows in a limb after a
    joint that is outside or scores below SCORE_THRESHOLD: on renders cut at the hips or through the body that removes
    half of the joints that are placed wrongly, and 1 % of those in sight. Unknown is also a leg that leads up from
    the lower edge of the picture, or up along the arm of its side: where the picture ends at the hips, estimators take
    raised arms for legs as well.

    Args:
        height, width: of the picture, in pixels.
    """
    places = poses.keypoints
    inside = np.all((places >= -0.5) & (places <= (width - 0.5, height - 0.5)), axis=-1)
    reached = inside & (poses.scores >= SCORE_THRESHOLD)
    seen = inside.copy()
    for joint, parent in TOWARDS_BODY:
        seen[:, joint] &= reached[:, parent]
        reached[:, joint] &= reached[:, parent]
    at_edge = _hips_at_edge(places, height)
    for side in _SIDES:
        knee, ankle = side[-2:]
        seen[:, [knee, ankle]] &= ~_invented_legs(places[:, side], body_size(places), at_edge)[:, None]
    keypoints = np.where(seen[..., None], poses.keypoints, np.nan).astype(np.float32)
    scores = np.where(seen, poses.scores, 0).astype(np.float32)
    in_picture = seen.any(axis=1)
    return FramePoses(keypoints[in_picture], scores[in_picture])


def _hips_at_edge(places: np.ndarray, height: int) -> np.ndarray:
    """Which of (P, 17, 2) people have a hip at the lower edge of the picture, which ends there for both legs: (P,)."""
    shoulders, hips = places[:, _SHOULDERS], places[:, _HIPS]
    torsos = np.linalg.norm(hips - shoulders, axis=-1)
    return (height - hips[..., 1] < _AT_THE_EDGE * torsos).any(axis=1)


def _invented_legs(side: np.ndarray, sizes: np.ndarray, at_edge: np.ndarray) -> np.ndarray:
    """Which people have a leg that leads up from the lower edge of the picture, or up along the arm: (P,) bool.

    Args:
        side: (P, 6, 2) joints of _LIMBS.
        sizes: (P,) of the bodies, in pixels.
        at_edge: (P,) bool, of :func:`_hips_at_edge`.
    """
    _, _, _, hip, knee, ankle = side.swapaxes(0, 1)
    limit = _ON_THE_ARM * sizes
    knee_on_arm = _distance_to(side[:, :3], knee) < limit
    ankle_on_arm = (_distance_to(side[:, :3], ankle) < 2 * limit) | (ankle[:, 1] < 0)
    return (knee[:, 1] < hip[:, 1]) & (at_edge | (knee_on_arm & ankle_on_arm))


def _distance_to(lines: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Distance of each of (P, 2) points to its line through (P, N, 2) places: (P,)."""
    starts, along = lines[:, :-1], np.diff(lines, axis=1)
    to_points = points[:, None] - starts
    share = (to_points * along).sum(axis=-1) / np.maximum((along**2).sum(axis=-1), 1e-6)
    offsets = to_points - share.clip(0, 1)[..., None] * along
    return np.linalg.norm(offsets, axis=-1).min(axis=1)
