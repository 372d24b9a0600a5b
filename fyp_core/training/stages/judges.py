"""The judges of evaluation, trained on renders: a small HRNet finds joints, a classifier names character and scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
import torch.nn.functional as F
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import nn
from torch.utils.data import default_collate

from fyp_core.evaluation.scoring.classifier import Classifier
from fyp_core.evaluation.scoring.judges import CLASSIFIER_FILE, POSE_FILE, load_pose
from fyp_core.evaluation.scoring.measures import correct_keypoints
from fyp_core.settings import refuse_unknown_names
from fyp_core.synthetic import CHARACTERS, SCENES
from fyp_core.training.config import JudgeConfig
from fyp_core.training.data.people import NamedPeople, PosedPeople
from fyp_core.training.stage import Draws
from fyp_core.training.stages.starting_model import previous_stage_folder
from fyp_media.contact_sheet import save_sheet
from fyp_media.errors import InputError
from pose_extraction.estimators.hrnet import HRNet, HRNetPose, decode
from pose_extraction.estimators.hrnet_weights import Build, save_hrnet
from pose_extraction.skeleton import draw_skeleton

_HEATMAP_STRIDE = 4  # pixels a cell
_HEATMAP_SIGMA = 1.5  # cells
_HEAD_STD = 1e-3  # of the head's first weights, as Xiao et al. do: heatmaps begin near zero
_PREVIEW_SEED = 99
_PREVIEWED_CLIPS, _PREVIEWED_SCENES = 16, 64
_SHOWN = 16  # pictures in a row of a sheet


class PoseJudgeStage:
    """Trains the HRNet: squared error of the heatmaps of joints in sight (Xiao et al. 2018, arXiv 1804.06208).

    Both judges continue with the weights in ``pretrained_model_path`` where it is given.
    """

    def __init__(self, config: JudgeConfig) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        size = config.input_size
        self._build = Build(_backbone(config, "hrnet_*"), (size, size), whole_frames=True)
        self.network = HRNet(self._build.backbone)
        for parameter in self.network.head.parameters():
            nn.init.normal_(parameter, std=_HEAD_STD)
        if config.pretrained_model_path:
            path = previous_stage_folder(config) / POSE_FILE
            _take_weights(self.network, load_pose(path).network, path)
        self.data = PosedPeople(config.train_data, size, config.seed)

    def loss(self, network: nn.Module, batch: dict[str, Any], draws: Draws) -> torch.Tensor:
        visible = batch["visible"].flatten(0, 1)
        wanted = heatmaps(batch["keypoints"].flatten(0, 1), self.config.input_size)
        found = network(normalised(batch["pictures"].flatten(0, 1)))
        error = (found.float() - wanted).square().mean((-1, -2)) * visible
        return 1000 * error.sum() / visible.sum().clamp(min=1)

    def preview(self, path: Path) -> None:
        shown = PosedPeople(self.config.train_data, self.config.input_size, _PREVIEW_SEED)
        people = default_collate([shown[index] for index in range(_PREVIEWED_CLIPS)])
        pictures, keypoints, visible = (
            people[name].flatten(0, 1).numpy() for name in ("pictures", "keypoints", "visible")
        )
        size = self._build.size
        judge = HRNetPose(self.network, size)
        cells, scores = decode(judge.heatmaps(normalised(torch.from_numpy(pictures)).movedim(1, -1).numpy()))
        found = cells * _HEATMAP_STRIDE
        drawn = np.stack([draw_skeleton(*one, *size) for one in zip(found, scores)])
        pck = correct_keypoints(found, keypoints, visible, 0.1)
        starts = range(0, len(pictures), _SHOWN)
        rows = [part for start in starts for part in (pictures[start:][:_SHOWN], drawn[start:][:_SHOWN])]
        save_sheet(path, rows, [f"PCK@0.1 {pck:.3f} of {len(pictures)} people, some turned or degraded"])

    def export(self, folder: Path, learnt: dict[str, torch.Tensor]) -> None:
        self.network.load_state_dict(learnt, strict=False)
        save_hrnet(folder / POSE_FILE, self.network, self._build)


class ClassifierStage:
    """Trains the classifier: cross-entropy of a person's character and of a whole picture's scene."""

    def __init__(self, config: JudgeConfig) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self._judge = Classifier.create(_backbone(config, "*"), config.input_size, list(CHARACTERS), SCENES)
        self.network: nn.Module = self._judge.network
        if config.pretrained_model_path:
            path = previous_stage_folder(config) / CLASSIFIER_FILE
            _take_weights(self.network, Classifier.load(path).network, path)
        self.data = NamedPeople(config.train_data, config.input_size, config.seed)

    def loss(self, network: nn.Module, batch: dict[str, Any], draws: Draws) -> torch.Tensor:
        people = batch["people"].flatten(0, 1)
        pictures = normalised(torch.cat([people, batch["picture"]]))
        characters, scenes = self._judge.split(network(pictures))
        of_people = F.cross_entropy(characters[: len(people)], batch["characters"].flatten())
        return of_people + F.cross_entropy(scenes[len(people) :], batch["scene"])

    def preview(self, path: Path) -> None:
        shown = NamedPeople(self.config.train_data, self.config.input_size, _PREVIEW_SEED)
        batch = default_collate([shown[index] for index in range(_PREVIEWED_SCENES)])
        place = next(self.network.parameters()).device
        rows, titles = [], []
        kinds = {"characters": batch["people"].flatten(0, 1), "scene": batch["picture"]}
        for number, (name, pictures) in enumerate(kinds.items()):
            logits = self._judge.split(self.network(normalised(pictures.to(place))))[number]
            right = (logits.argmax(1).cpu() == batch[name].flatten()).float().mean()
            rows.append(pictures[:_SHOWN].numpy())
            titles.append(f"{name}: {right:.3f} right of {len(pictures)}, some of them degraded")
        save_sheet(path, rows, titles)

    def export(self, folder: Path, learnt: dict[str, torch.Tensor]) -> None:
        self.network.load_state_dict(learnt, strict=False)
        self._judge.save(folder / CLASSIFIER_FILE)


def heatmaps(keypoints: torch.Tensor, size: int) -> torch.Tensor:
    """(N, 17, 2) pixels of pictures of a size to Gaussians (N, 17, size / 4, size / 4) of height 1."""
    cells = torch.arange(size // _HEATMAP_STRIDE, device=keypoints.device)
    offset = keypoints[..., None] / _HEATMAP_STRIDE - cells
    x, y = (-0.5 * (offset / _HEATMAP_SIGMA) ** 2).exp().unbind(2)
    return y[..., :, None] * x[..., None, :]


def normalised(pictures: torch.Tensor) -> torch.Tensor:
    """(N, H, W, 3) uint8 RGB to (N, 3, H, W) float32 as networks trained on ImageNet take it, on any device."""
    mean, std = (
        pictures.new_tensor(v, dtype=torch.float32) for v in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)
    )
    return ((pictures / 255 - mean) / std).permute(0, 3, 1, 2)


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


def _take_weights(network: nn.Module, trained: nn.Module, path: Path) -> None:
    try:
        network.load_state_dict(trained.state_dict())
    except RuntimeError as error:
        raise InputError(
            f"{path} has another backbone, or names other characters and scenes; leave out pretrained_model_path."
        ) from error
