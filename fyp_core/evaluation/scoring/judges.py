"""Who judges generated pictures of the procedural world: an HRNet for poses, a classifier for characters and scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from fyp_core.synthetic import CHARACTERS, SCENES
from fyp_media.errors import InputError
from pose_extraction.estimators.hrnet import HRNet, HRNetPose, frame_box, normalise

CLASSES = (tuple(CHARACTERS), tuple(SCENES))
POSE_BACKBONE, POSE_FILE = "hrnet_w18_small", "hrnet.safetensors"
CLASSIFIER_BACKBONE, CLASSIFIER_FILE = "mobilenetv3_small_050", "classifier.safetensors"
_HALVED_TO = 32  # pixels that HRNet makes one of, at its lowest resolution


class Judges:
    """Looks at pictures in which one figure moves; the networks stay where they are, as training needs it."""

    def __init__(self, pose: nn.Module | None, classifier: nn.Module | None) -> None:
        self._pose: Any = pose
        self._classifier: Any = classifier.eval() if classifier else None

    @classmethod
    def load(cls, folder: Path) -> Judges:
        """Read trained judges.

        Raises:
            InputError: they are not there, or of another kind.
        """
        pose = HRNet(POSE_BACKBONE)
        classifier = timm.create_model(CLASSIFIER_BACKBONE, num_classes=sum(map(len, CLASSES)))
        for network, name in ((pose, POSE_FILE), (classifier, CLASSIFIER_FILE)):
            read_weights(network, folder / name)
        return cls(pose, classifier)

    def find_joints(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(F, H, W, 3) uint8 RGB to keypoints (F, 17, 2) in pixels and scores (F, 17)."""
        size = pictures.shape[1:3]
        seen = tuple(-(-side // _HALVED_TO) * _HALVED_TO for side in size)
        people = HRNetPose(self._pose, seen).poses(list(pictures), [frame_box(*size)[None]] * len(pictures))
        return np.concatenate([p.keypoints for p in people]), np.concatenate([p.scores for p in people])

    @torch.inference_mode()
    def classify(self, pictures: np.ndarray) -> tuple[str, str]:
        """Character and scene of a clip, (F, H, W, 3) uint8 RGB."""
        logits = self._classifier(self._to_classifier(pictures)).log_softmax(1).mean(0)
        parts = logits.split([len(names) for names in CLASSES])
        character, scene = (names[int(part.argmax())] for names, part in zip(CLASSES, parts, strict=True))
        return character, scene

    @torch.inference_mode()
    def features(self, pictures: np.ndarray) -> np.ndarray:
        """What the classifier sees in (F, H, W, 3) uint8 RGB pictures, before it names anything: (F, D)."""
        maps = self._classifier.forward_features(self._to_classifier(pictures))
        return self._classifier.forward_head(maps, pre_logits=True).cpu().numpy()

    def _to_classifier(self, pictures: np.ndarray) -> torch.Tensor:
        return to_network(pictures).to(next(self._classifier.parameters()))


def read_weights(network: nn.Module, path: Path) -> None:
    """Fill the network of a judge; raises InputError where the file is missing or not of this kind."""
    if not path.is_file():
        raise InputError(f"There is no judge {path}; train it with configs/judge_*.yaml.")
    try:
        network.load_state_dict(load_file(path))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"{path} is no judge of this kind; train one with configs/judge_*.yaml.") from error


def to_network(pictures: np.ndarray) -> torch.Tensor:
    """(F, H, W, 3) uint8 RGB to (F, 3, H, W) float32, normalised."""
    return torch.from_numpy(normalise(pictures)).permute(0, 3, 1, 2)
