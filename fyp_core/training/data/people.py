"""People of the procedural world cut out of renders: what the judges of evaluation train on."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import torch
from torch.utils.data import Dataset

from fyp_core.evaluation.scoring.people import person_boxes
from fyp_core.synthetic import CHARACTERS, SCENES, WorldClip
from fyp_core.training.config import WorldData
from fyp_core.training.data.samples import ENDLESS
from fyp_core.training.data.world import draw_people, sample_world
from pose_extraction.estimators.hrnet import frame_box, view_matrix, view_of

_SPLIT: Literal["all"] = "all"  # judges must know every pair of character and scene and every motion
CROPS_OF_A_CLIP = 6  # divisible by every number of people
# The box around the joints would show where the outermost ones are: it is moved and scaled.
_MOVED, _SCALED = 0.14, 0.15  # of its longer side, at most each way
# Real people lean farther than the world's figures.
_TURNED_SHARE, _MAX_TURN = 0.35, 60.0  # degrees
# Whole pictures of one person, as an estimator without a person detector sees them.
_WHOLE_SHARE, _LEAST_WHOLE = 0.2, 0.45  # of these clips; side of the box as a share of the picture's
# Generated pictures are softer than renders, and small details, above all eyes, may be missing: a judge that tells
# front from back by them alone takes left for right.
_DEGRADED_SHARE, _MEDIAN_SHARE = 0.6, 0.5
_MEDIAN_WINDOWS = (3, 5)  # pixels
_MAX_BLUR, _MAX_NOISE = 1.6, 12.0  # pixels; grey values


class _ClipsOfPeople(Dataset):
    """Endless items, each of one clip and always the same.

    Args:
        size: side of the pictures that an item holds, in pixels.
    """

    def __init__(self, config: WorldData, size: int, seed: int) -> None:
        self.config, self.size, self.seed = config, size, seed

    def __len__(self) -> int:
        return ENDLESS

    def draw(self, index: int) -> tuple[np.random.Generator, WorldClip]:
        """The generator of an item, and its clip, with ``CROPS_OF_A_CLIP`` people over all frames."""
        rng = np.random.default_rng((self.seed, index))
        people = draw_people(rng, self.config)
        clip = sample_world(rng, self.config, CROPS_OF_A_CLIP // people, _SPLIT, people=people)
        return rng, clip


class PosedPeople(_ClipsOfPeople):
    """People cut out, some turned or degraded, with their joints.

    Each item holds ``pictures`` (n, size, size, 3) uint8 RGB, ``keypoints`` (n, 17, 2) in their pixels and ``visible``
    (n, 17), of ``CROPS_OF_A_CLIP`` people: the fewer people a clip has, the more frames are rendered of it.
    """

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        rng, clip = self.draw(index)
        crops = [
            cut_out_person(rng, clip, frame, person, self.size)
            for frame in range(len(clip.frames))
            for person in range(len(clip.characters))
        ]
        pictures, keypoints, visible = map(np.stack, zip(*crops))
        return {
            "pictures": torch.from_numpy(pictures),
            "keypoints": torch.from_numpy(keypoints),
            "visible": torch.from_numpy(visible),
        }


class NamedPeople(_ClipsOfPeople):
    """People cut out and a whole picture, some degraded.

    Each item holds ``people`` (n, size, size, 3) uint8 RGB, ``CROPS_OF_A_CLIP`` of them, with the numbers of their
    ``characters`` (n,), and a whole ``picture`` (size, size, 3) with the number of its ``scene``.
    """

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        rng, clip = self.draw(index)
        boxes = person_boxes(clip.keypoints, clip.scores > 0.5, clip.frames.shape[1:3])
        cut = [
            _cut_out(rng, frame, _moved(rng, box), self.size)
            for frame, of_frame in zip(clip.frames, boxes)
            for box in of_frame
        ]
        shown = clip.frames[rng.integers(len(clip.frames))]
        whole = cv2.resize(shown, (self.size, self.size), interpolation=cv2.INTER_AREA)
        numbers = [list(CHARACTERS).index(name) for name in clip.characters]
        return {
            "people": torch.from_numpy(np.stack(cut)),
            "characters": torch.tensor(numbers * len(clip.frames)),
            "picture": torch.from_numpy(_degrade(rng, whole, 1.0)),
            "scene": torch.tensor(list(SCENES).index(clip.scene)),
        }


def moved_points(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(..., 2) points moved by a (2, 3) matrix."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def cut_out_person(
    rng: np.random.Generator, clip: WorldClip, frame: int, person: int, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A crop of one person, (size, size, 3), its joints (17, 2) in pixels, and which are visible (17,)."""
    picture, keypoints = clip.frames[frame], clip.keypoints[frame, person]
    visible = clip.scores[frame, person] > 0.5
    height, width = picture.shape[:2]
    turn = _draw_turn(rng, height, width)
    turned = moved_points(keypoints, turn)
    box = person_boxes(turned, visible, (height, width))
    alone = clip.keypoints.shape[1] == 1 and np.max(box[2:] - box[:2]) > _LEAST_WHOLE * height
    box = frame_box(height, width) if alone and rng.random() < _WHOLE_SHARE else _moved(rng, box)
    cut = _cut_out(rng, picture, box, size, turn)
    joints = moved_points(turned, view_matrix(view_of(box, (size, size)), (size, size)))
    inside = ((joints >= 0) & (joints <= size - 1)).all(-1)
    return cut, joints, visible & inside


def _draw_turn(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """(2, 3), about the middle of the picture, as pose estimators are trained (Xiao et al. 2018, arXiv 1804.06208)."""
    angle = rng.uniform(-_MAX_TURN, _MAX_TURN) if rng.random() < _TURNED_SHARE else 0.0
    return cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1.0)


def _moved(rng: np.random.Generator, box: np.ndarray) -> np.ndarray:
    """A box of corners (4,), randomly moved and scaled."""
    side = float(np.max(box[2:] - box[:2]))
    middle = (box[:2] + box[2:]) / 2 + rng.uniform(-_MOVED, _MOVED, 2) * side
    half = (box[2:] - box[:2]) / 2 * np.exp(rng.uniform(-_SCALED, _SCALED))
    return np.concatenate([middle - half, middle + half])


def _cut_out(
    rng: np.random.Generator, picture: np.ndarray, box: np.ndarray, size: int, turn: np.ndarray | None = None
) -> np.ndarray:
    """The crop of a box of the picture, after a rotation; black beyond the picture."""
    matrix = view_matrix(view_of(box, (size, size)), (size, size))
    scale = float(matrix[0, 0])
    if turn is not None:
        matrix = matrix @ np.vstack([turn, [0, 0, 1]])
    return _degrade(rng, cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_LINEAR), scale)


def _degrade(rng: np.random.Generator, picture: np.ndarray, scale: float) -> np.ndarray:
    """Make soft and noisy as generated pictures are, whose pixels are ``scale`` pixels of this one."""
    if rng.random() >= _DEGRADED_SHARE:
        return picture
    if rng.random() < _MEDIAN_SHARE:
        picture = cv2.medianBlur(picture, int(rng.choice(_MEDIAN_WINDOWS)))
    blurred = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, _MAX_BLUR) * max(1.0, scale))
    noise = rng.standard_normal(picture.shape, np.float32) * rng.uniform(0, _MAX_NOISE)
    return (blurred + noise).clip(0, 255).astype(np.uint8)
