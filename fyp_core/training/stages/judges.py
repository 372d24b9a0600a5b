"""The judges of evaluation, trained on renders: a small HRNet finds joints, a classifier names character and scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import timm
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import Dataset

from fyp_core.evaluation.scoring.judges import (
    CLASSES,
    CLASSIFIER_FILE,
    POSE_FILE,
    Judges,
    read_weights,
    to_network,
)
from fyp_core.settings import refuse_unknown_names
from fyp_core.synthetic.world import inside
from fyp_core.training.config import JudgeConfig, WorldData
from fyp_core.training.data.samples import ENDLESS
from fyp_core.training.data.world import sample_world
from fyp_core.training.stage import Draws
from fyp_core.training.stages.starting_model import previous_stage_folder
from fyp_media.contact_sheet import save_sheet
from fyp_media.errors import InputError
from pose_extraction.estimators.hrnet import HRNet
from pose_extraction.estimators.hrnet_weights import Build, save_half, save_hrnet
from pose_extraction.skeleton import draw_skeleton

_SPLIT: Literal["all"] = "all"  # judges must know every pair of character and scene and every motion
_HEATMAP_STRIDE = 4  # pixels a cell
_HEATMAP_SIGMA = 1.5  # cells
# Generated pictures are softer than renders, and small details, above all eyes, may be missing: a judge that tells
# front from back by them alone takes left for right.
_DEGRADED_SHARE = 0.6
_MEDIAN_SHARE = 0.5
_MEDIAN_WINDOWS = (3, 5)  # pixels
_MAX_BLUR, _MAX_NOISE = 1.6, 12.0  # pixels; grey values
# Real people lean farther and stand farther away than the world's figures.
_TURNED_SHARE = 0.4
_MAX_TURN, _ZOOMS = 60.0, (0.6, 1.2)  # degrees; of the picture


class JudgedImages(Dataset):
    """Pictures of the world, some turned or degraded, with the answers a judge should give.

    Picture i is always the same. Each holds ``picture`` (3, H, W) normalised, ``heatmaps`` (17, H / 4, W / 4),
    ``visible`` (17,), ``classes`` (2,): character and scene.
    """

    def __init__(self, config: WorldData, seed: int) -> None:
        self.config, self.seed = config, seed

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((self.seed, index))
        clip = sample_world(rng, self.config, 1, _SPLIT)
        picture, keypoints, scores = _turn_some(rng, clip.frames[0], clip.keypoints[0, 0], clip.scores[0, 0])
        return {
            "picture": to_network(_degrade(rng, picture)[None])[0],
            "heatmaps": torch.from_numpy(heatmaps(keypoints, self.config.size)),
            "visible": torch.from_numpy(scores > 0.5).float(),
            "classes": torch.tensor(
                [names.index(name) for names, name in zip(CLASSES, (clip.character, clip.scene))]
            ),
        }


def heatmaps(keypoints: np.ndarray, size: int) -> np.ndarray:
    """(17, 2) pixels to Gaussians (17, size / 4, size / 4) float32 of height 1."""
    cells = np.arange(size // _HEATMAP_STRIDE, dtype=np.float32)
    offset = keypoints[:, :, None] / _HEATMAP_STRIDE - cells
    x, y = np.exp(-0.5 * (offset / _HEATMAP_SIGMA) ** 2).transpose(1, 0, 2)
    return y[:, :, None] * x[:, None, :]


def turn(
    picture: np.ndarray, keypoints: np.ndarray, scores: np.ndarray, angle: float, zoom: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Turn a square picture by ``angle`` degrees, anticlockwise, and zoom, about its middle.

    Its joints (17, 2) go with it; their scores (17,) fall where they leave the picture.
    """
    size = picture.shape[0]
    matrix = cv2.getRotationMatrix2D(((size - 1) / 2,) * 2, angle, zoom)
    turned = cv2.warpAffine(
        picture, matrix, (size, size), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    moved = (keypoints @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    return turned, moved, np.minimum(scores, inside(moved, size, size))


def _turn_some(
    rng: np.random.Generator, picture: np.ndarray, keypoints: np.ndarray, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As pose estimators are trained (Xiao et al. 2018, arXiv 1804.06208)."""
    if rng.random() >= _TURNED_SHARE:
        return picture, keypoints, scores
    return turn(picture, keypoints, scores, rng.uniform(-_MAX_TURN, _MAX_TURN), rng.uniform(*_ZOOMS))


def _degrade(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    if rng.random() >= _DEGRADED_SHARE:
        return picture
    if rng.random() < _MEDIAN_SHARE:
        picture = cv2.medianBlur(picture, int(rng.choice(_MEDIAN_WINDOWS)))
    blurred = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, _MAX_BLUR)).astype(np.float32)
    noisy = blurred + rng.normal(0, rng.uniform(0, _MAX_NOISE), picture.shape)
    return noisy.clip(0, 255).astype(np.uint8)


class PoseJudgeStage:
    """Trains the HRNet: squared error of the heatmaps of joints in sight (Xiao et al. 2018, arXiv 1804.06208).

    Both judges continue with the weights in ``pretrained_model_path`` where it is given.
    """

    def __init__(self, config: JudgeConfig) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        size = config.train_data.size
        self._build = Build(_backbone(config, "hrnet_*"), (size, size), whole_frames=True)
        self.network = HRNet(self._build.backbone)
        _load_previous_weights(self.network, config, POSE_FILE)
        self.data = JudgedImages(config.train_data, config.seed)

    def loss(self, network: nn.Module, batch: dict[str, Any], draws: Draws) -> torch.Tensor:
        error = (network(batch["picture"]) - batch["heatmaps"]).square().mean((-1, -2)) * batch["visible"]
        return 1000 * error.sum() / batch["visible"].sum().clamp(min=1)

    def preview(self, path: Path) -> None:
        judges = Judges(self.network, None)
        clip_of = [
            sample_world(np.random.default_rng((99, i)), self.config.train_data, 1, _SPLIT) for i in range(16)
        ]
        pictures = np.concatenate([clip.frames for clip in clip_of])
        keypoints, scores = judges.find_joints(pictures)
        size = self.config.train_data.size
        drawn = [
            draw_skeleton(points, score, size, size) for points, score in zip(keypoints, scores, strict=True)
        ]
        save_sheet(path, [pictures, np.stack(drawn)])

    def export(self, folder: Path, learnt: dict[str, torch.Tensor]) -> None:
        self.network.load_state_dict(learnt, strict=False)
        save_hrnet(folder / POSE_FILE, self.network, self._build)


class ClassifierStage:
    """Trains the classifier: cross-entropy of the character and of the scene."""

    def __init__(self, config: JudgeConfig) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.network: nn.Module = timm.create_model(
            _backbone(config, "*"), num_classes=sum(map(len, CLASSES))
        )
        _load_previous_weights(self.network, config, CLASSIFIER_FILE)
        self.data = JudgedImages(config.train_data, config.seed)

    def loss(self, network: nn.Module, batch: dict[str, Any], draws: Draws) -> torch.Tensor:
        logits = network(batch["picture"]).split([len(names) for names in CLASSES], dim=1)
        errors = [F.cross_entropy(part, batch["classes"][:, i]) for i, part in enumerate(logits)]
        return torch.stack(errors).sum()

    def preview(self, path: Path) -> None:
        clips = [
            sample_world(np.random.default_rng((99, i)), self.config.train_data, 1, _SPLIT) for i in range(8)
        ]
        answers = [Judges(None, self.network).classify(clip.frames) for clip in clips]
        titles = [
            f"{' / '.join(answer)} (is {clip.character} / {clip.scene})"
            for answer, clip in zip(answers, clips)
        ]
        save_sheet(path, [clip.frames for clip in clips], titles)

    def export(self, folder: Path, learnt: dict[str, torch.Tensor]) -> None:
        self.network.load_state_dict(learnt, strict=False)
        save_half(folder / CLASSIFIER_FILE, self.network)


def _backbone(config: JudgeConfig, pattern: str) -> str:
    """``model.backbone``, one of timm's whose names fit a pattern."""
    refuse_unknown_names(config.model, ("backbone",), "model.")
    name = str(config.model.get("backbone"))
    if name not in timm.list_models(pattern):
        raise InputError(
            f"model.backbone is {name}, but must be one of timm.list_models({pattern!r}), as in"
            f" configs/{config.stage}.yaml."
        )
    return name


def _load_previous_weights(network: nn.Module, config: JudgeConfig, name: str) -> None:
    if config.pretrained_model_path:
        read_weights(network, previous_stage_folder(config) / name)
