"""Where COCO's 17 joints are among those of other tools: by names, by number, or by the order that forms a body."""

import re
from collections.abc import Sequence

import numpy as np

from fyp_media.errors import InputError
from pose_extraction.motion.motion import body_size
from pose_extraction.skeleton import KEYPOINT_NAMES, LINKS

_COCO_FIRST = list(range(17))
_BODY_25 = [0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11]
# By the number of joints. OpenPose's BODY_25 and BODY_25B have the same number.
_LAYOUTS = {
    17: [_COCO_FIRST],
    18: [[0, 15, 14, 17, 16, 5, 2, 6, 3, 7, 4, 11, 8, 12, 9, 13, 10]],  # OpenPose's COCO, with a neck
    19: [_BODY_25],  # OpenPose's BODY_19: no feet
    23: [_COCO_FIRST],  # COCO and feet
    25: [_BODY_25, _COCO_FIRST],
    26: [_COCO_FIRST],  # Halpe, body
    133: [_COCO_FIRST],  # COCO-WholeBody
    135: [_COCO_FIRST],  # OpenPose's BODY_135
    136: [_COCO_FIRST],  # Halpe, whole body
}  # fmt: skip
_LINKS = np.array(LINKS)
_NOWHERE = (0, -1)  # x and y of joints that were not found


def joints_of(values: object) -> np.ndarray:
    """A body's x, y and score, flat or in triples, as (J, 3) float32; a joint that is not known scores 0.

    Raises:
        ValueError: the values are not triples of numbers.
    """
    joints = np.array(values if values is not None else [], np.float32).reshape(-1, 3)
    unknown = ~np.isfinite(joints).all(axis=1) | np.isin(joints[:, :2], _NOWHERE).all(axis=1)
    joints[unknown] = 0
    joints[:, 2] = joints[:, 2].clip(0, 1)
    return joints


def as_coco(bodies: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Bodies of one file, each (J, 3) x, y and score, as (17, 3) in COCO's order; J may differ.

    Raises:
        InputError: no known layout has so many joints.
    """
    layouts = {
        count: _layout(count, [body for body in bodies if len(body) == count])
        for count in {len(body) for body in bodies}
    }
    return [body[layouts[len(body)]] for body in bodies]


def _layout(count: int, bodies: Sequence[np.ndarray]) -> list[int]:
    """Where COCO's joints are among ``count``, of the layouts with so many the one that fits the bodies."""
    if count not in _LAYOUTS:
        known = ", ".join(map(str, _LAYOUTS))
        raise InputError(
            f"A body of {count} joints is in no layout that can be read ({known} joints); convert it to COCO's 17."
        )
    first, *others = _LAYOUTS[count]
    if not others:
        return first
    lengths = [_link_length(bodies, layout) for layout in (first, *others)]
    best = int(np.argmin(lengths))
    return _LAYOUTS[count][best] if np.isfinite(lengths).all() else first


def _link_length(bodies: Sequence[np.ndarray], layout: list[int]) -> float:
    """Mean length of the links that a layout gives, in body sizes: in a wrong order they cross the whole body.

    NaN where it cannot be measured: no link is known, or all joints lie on one line.
    """
    joints = np.stack(bodies)[:, layout]
    places = np.where(joints[..., 2:] > 0, joints[..., :2], np.nan)
    ends = places[:, _LINKS]
    lengths = np.linalg.norm(ends[:, :, 1] - ends[:, :, 0], axis=-1) / body_size(places)[:, None]
    known = places[np.isfinite(places).all(axis=-1)]
    if not np.isfinite(lengths).any() or np.linalg.matrix_rank(known - known.mean(axis=0), tol=1) < 2:
        return np.nan
    return float(np.nanmean(lengths))


def order_by_names(names: Sequence[str]) -> list[int]:
    """Where COCO's joints are among those named; ``left_eye``, ``Left Eye`` and ``leftEye`` are the same.

    Raises:
        InputError: some of them are not there.
    """
    letters = [_letters(name) for name in names]
    missing = [name for name in KEYPOINT_NAMES if _letters(name) not in letters]
    if missing:
        ours = [_letters(name) for name in KEYPOINT_NAMES]
        others = [str(name) for name in names if _letters(name) not in ours]
        raise InputError(
            f"The keypoints are not COCO-17's: they lack {', '.join(missing)} and have"
            f" {', '.join(others) or 'nothing'} instead; convert them to COCO-17."
        )
    return [letters.index(_letters(name)) for name in KEYPOINT_NAMES]


def _letters(name: object) -> str:
    return re.sub(r"[^a-z]", "", str(name).lower())
