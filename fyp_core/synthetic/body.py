"""The articulated body: proportions and angles to bones in space, and bones to COCO-17 keypoints.

Space is x to the viewer's right, y down, z towards the viewer; lengths are in units of the standing height
(about). A *bone* is an affine frame (4, 3): rows X, Y, Z and origin, so a point (x, y, z) fixed to a bone
lies at ``x X + y Y + z Z + origin``. Facing the camera, the person's left (+X) is on the viewer's right.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .motions import COLUMN

BONES = (
    "torso", "pelvis", "head",
    "l_upper_arm", "r_upper_arm", "l_forearm", "r_forearm",
    "l_thigh", "r_thigh", "l_shin", "r_shin", "l_foot", "r_foot",
)  # fmt: skip
BONE_INDEX = {name: index for index, name in enumerate(BONES)}
_SIDES = {"l": 1, "r": -1}  # towards which X they lie

# COCO-17 order; units are those of the bones, see ``solve``.
_KEYPOINTS = (
    ("head", (0, -0.15, 1.05)),
    ("head", (0.42, 0.25, 0.9)), ("head", (-0.42, 0.25, 0.9)),
    ("head", (1, 0, 0)), ("head", (-1, 0, 0)),
    ("torso", (1, 1, 0)), ("torso", (-1, 1, 0)),
    ("l_upper_arm", (0, 1, 0)), ("r_upper_arm", (0, 1, 0)),
    ("l_forearm", (0, 1, 0)), ("r_forearm", (0, 1, 0)),
    ("pelvis", (1, 0, 0)), ("pelvis", (-1, 0, 0)),
    ("l_thigh", (0, 1, 0)), ("r_thigh", (0, 1, 0)),
    ("l_shin", (0, 1, 0)), ("r_shin", (0, 1, 0)),
)  # fmt: skip
_KEYPOINT_BONES = np.array([BONE_INDEX[bone] for bone, _ in _KEYPOINTS])
_KEYPOINT_PLACES = np.array([(*place, 1.0) for _, place in _KEYPOINTS])

# Which way nose, eyes and ears look, in the head's axes, and how far they may turn from the viewer (cosine).
_FACE_NORMALS = np.array([(0, 0, 1), (0.42, 0, 0.9), (-0.42, 0, 0.9), (1, 0, 0), (-1, 0, 0)])
_FACE_LIMITS = np.array([-0.35, -0.35, -0.35, -0.9, -0.9])


@dataclass(frozen=True)
class Proportions:
    """Lengths in standing heights; of shoulders, hips and head (ear to ear), half the widths."""

    torso: float = 0.29
    neck: float = 0.145
    upper_arm: float = 0.175
    forearm: float = 0.16
    thigh: float = 0.25
    shin: float = 0.25
    shoulders: float = 0.1
    hips: float = 0.068
    head: float = 0.056

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "Proportions":
        """Every length up to 20 % longer or shorter than the average."""
        default = cls()
        spread = rng.uniform(0.8, 1.2, 9)
        spread[1] = 1 + (spread[1] - 1) / 2
        spread[4:6] = 0.5 * spread[4:6] + 0.5 * spread[4]  # thigh and shin grow together
        return cls(*(length * s for length, s in zip(vars(default).values(), spread)))

    @property
    def height(self) -> float:
        """From the ankles to the top of the head."""
        return self.shin + self.thigh + self.torso + self.neck + 1.35 * self.head


def place(bones: np.ndarray, index: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (D, 4) fixed to the bones ``index`` (D,) of (F, B, 4, 3), in space: (F, D, 3)."""
    return np.matmul(points[None, :, None], bones[:, index])[:, :, 0]


def keypoints(bones: np.ndarray) -> np.ndarray:
    """COCO-17 keypoints in space: (F, B, 4, 3) to (F, 17, 3)."""
    return place(bones, _KEYPOINT_BONES, _KEYPOINT_PLACES)


def visibility(bones: np.ndarray) -> np.ndarray:
    """1 for keypoints in sight, down to 0 for eyes, nose and ears that the head hides: (F, 17)."""
    seen = np.ones((len(bones), len(_KEYPOINTS)))
    towards = _unit(bones[:, BONE_INDEX["head"], :3])[..., 2]
    face = towards @ _FACE_NORMALS.T
    seen[:, :5] = np.clip((face - _FACE_LIMITS) / 0.15, 0, 1)
    return seen


def _vector(x: np.ndarray | float, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    vector = np.empty((*y.shape, 3))
    vector[..., 0], vector[..., 1], vector[..., 2] = x, y, z
    return vector


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.sqrt((vectors * vectors).sum(-1, keepdims=True))


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    (ax, ay, az), (bx, by, bz) = a.T, b.T
    return np.array((ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)).T


def _in(axes: np.ndarray, left: np.ndarray, down: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """A direction given in (F, 3, 3) axes, in the world's coordinates: (F, 3)."""
    return left[:, None] * axes[:, 0] - down[:, None] * axes[:, 1] + forward[:, None] * axes[:, 2]


def _turned(axes: np.ndarray, yaw: np.ndarray, roll: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """Turn (F, 3, 3) axes about their Y, tip Y sideways by ``roll`` and forward by ``pitch`` (radians)."""
    cos, sin = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    x, y, z = axes[:, 0], axes[:, 1], axes[:, 2]
    x, z = cos * x - sin * z, sin * x + cos * z
    level = np.cos(roll)
    up = _in(np.stack([x, y, z], axis=1), np.sin(roll), -level * np.cos(pitch), level * np.sin(pitch))
    x = _unit(x - (x * up).sum(-1, keepdims=True) * up)
    return np.stack([x, up, _cross(up, x)], axis=1)


def solve(pose: np.ndarray, body: Proportions) -> np.ndarray:
    """Forward kinematics: angles (F, P) to bones (F, B, 4, 3), the feet on y = 0, the body around x = 0.

    Units of the bones: torso x = half the shoulder width, y = 0 at the hips and 1 at the shoulders; pelvis x
    = half the hip width; head x, y, z = half the distance of the ears, around its centre; limbs y = 0..1
    along the bone. The rest is in standing heights.
    """
    radians = dict(zip(COLUMN, np.radians(pose.T)))
    plain = dict(zip(COLUMN, pose.T))
    zero = np.zeros(len(pose))
    origin = np.zeros((len(pose), 3))
    world = np.broadcast_to(np.diag([1.0, -1.0, 1.0]), (len(pose), 3, 3))

    pelvis = _turned(world, radians["yaw"], zero, zero)
    torso = _turned(pelvis, radians["twist"], radians["lean"], radians["bend"])
    head = _turned(torso, radians["head_yaw"], radians["head_roll"], radians["head_nod"])
    shoulders = body.torso * torso[:, 1]
    skull = shoulders + body.neck * (0.4 * torso[:, 1] + 0.6 * head[:, 1])

    bones = {
        "torso": _bone(torso, origin, body.shoulders, body.torso, 1),
        "pelvis": _bone(pelvis, origin, body.hips, 1, 1),
        "head": _bone(head, skull, body.head, body.head, body.head),
    }
    for side, sign in _SIDES.items():
        bones |= _arm(radians, body, torso, shoulders, side, sign)
        bones |= _leg(radians, body, pelvis, side, sign)

    stacked = np.stack([bones[name] for name in BONES], axis=1)
    left, right = (bones[f"{side}_foot"][:, 3] for side in _SIDES)  # the ankles
    anchor = plain["l_plant"][:, None] * left + plain["r_plant"][:, None] * right
    stacked[:, :, 3, 0] += (plain["x"] - anchor[:, 0])[:, None]
    stacked[:, :, 3, 2] -= anchor[:, 2:]
    stacked[:, :, 3, 1] -= (np.maximum(left[:, 1], right[:, 1]) + plain["jump"])[:, None]
    return rotate(stacked, radians["tilt"][:, None, None])


def _arm(
    radians: Mapping[str, np.ndarray],
    body: Proportions,
    torso: np.ndarray,
    shoulders: np.ndarray,
    side: str,
    sign: int,
) -> dict[str, np.ndarray]:
    """Upper arm and forearm, which lift and swing about the torso's axes."""
    bones = {}
    start = shoulders + sign * body.shoulders * torso[:, 0]
    for bone, name, length in (("upper_arm", "arm", body.upper_arm), ("forearm", "fore", body.forearm)):
        lift, forward = radians[f"{side}_{name}"], radians[f"{side}_{name}_fwd"]
        across = np.sin(lift)
        along = length * _in(torso, sign * across * np.cos(forward), np.cos(lift), across * np.sin(forward))
        bones[f"{side}_{bone}"] = np.stack([torso[:, 0], along, torso[:, 2], start], axis=1)
        start = start + along
    return bones


def _leg(
    radians: Mapping[str, np.ndarray], body: Proportions, pelvis: np.ndarray, side: str, sign: int
) -> dict[str, np.ndarray]:
    """Thigh, shin and foot; the foot begins at the ankle and is square to the shin."""
    bones = {}
    start = sign * body.hips * pelvis[:, 0]
    pitch = radians[f"{side}_leg"]
    for bone, name, length in (("thigh", "leg_out", body.thigh), ("shin", "shin_out", body.shin)):
        out = radians[f"{side}_{name}"]
        level = np.cos(out)
        along = length * _in(pelvis, sign * np.sin(out), level * np.cos(pitch), level * np.sin(pitch))
        bones[f"{side}_{bone}"] = np.stack([pelvis[:, 0], along, pelvis[:, 2], start], axis=1)
        start = start + along
        pitch = pitch - radians[f"{side}_knee"]
    down = along / length
    toes = _unit(_cross(pelvis[:, 0], down))
    return bones | {f"{side}_foot": np.stack([_cross(toes, down), down, toes, start], axis=1)}


def _bone(axes: np.ndarray, origin: np.ndarray, x: float, y: float, z: float) -> np.ndarray:
    return np.concatenate([axes * np.array([[x], [y], [z]]), origin[:, None]], axis=1)


def rotate(bones: np.ndarray, angle: np.ndarray | float) -> np.ndarray:
    """Clockwise in the picture, about the world's origin, radians."""
    x, y, z = bones[..., 0], bones[..., 1], bones[..., 2]
    return _vector(np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y, z)
