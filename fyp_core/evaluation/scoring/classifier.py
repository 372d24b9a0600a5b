"""A classifier that names the character of a person and the scene of a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import timm
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn

from fyp_media.errors import InputError
from pose_extraction.estimators.hrnet import crop, normalise, view_of
from pose_extraction.estimators.hrnet_weights import save_half


class Classifier:
    """Names characters and scenes; its network stays where it is, as training needs it.

    Args:
        backbone: timm's name of the network.
        size: of its input in pixels: a side of a crop of a person, and the shorter side of a whole picture.
        characters, scenes: the names, in the order of the network's outputs: characters first.
    """

    def __init__(
        self, backbone: str, size: int, characters: Sequence[str], scenes: Sequence[str], network: nn.Module
    ) -> None:
        self.backbone, self.size = backbone, size
        self.characters, self.scenes = tuple(characters), tuple(scenes)
        self.network: Any = network

    @classmethod
    def create(cls, backbone: str, size: int, characters: Sequence[str], scenes: Sequence[str]) -> Classifier:
        """With random weights."""
        network = timm.create_model(backbone, num_classes=len(characters) + len(scenes))
        return cls(backbone, size, characters, scenes, network)

    @classmethod
    def load(cls, path: Path) -> Classifier:
        """Read what :meth:`save` wrote.

        Raises:
            InputError: it is not there, or of another kind.
        """
        if not path.is_file():
            raise InputError(f"There is no judge {path}; train it with configs/judge_classifier.yaml.")
        try:
            with safe_open(path, framework="pt") as file:
                known = file.metadata() or {}
            names = json.loads(known["characters"]), json.loads(known["scenes"])
            judge = cls.create(known["backbone"], int(known["size"]), *names)
            judge.network.load_state_dict(load_file(path))
        except (OSError, SafetensorError, RuntimeError, ValueError, KeyError) as error:
            raise InputError(
                f"{path} is no judge of this kind; train one with configs/judge_classifier.yaml."
            ) from error
        return judge

    def save(self, path: Path) -> None:
        """Write the weights in half precision, and what is needed to build the network again."""
        known = {
            "backbone": self.backbone,
            "size": str(self.size),
            "characters": json.dumps(self.characters),
            "scenes": json.dumps(self.scenes),
        }
        save_half(path, self.network, known)

    def split(self, logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Split logits of N pictures into those of the characters (N, C) and of the scenes (N, S)."""
        characters, scenes = logits.split([len(self.characters), len(self.scenes)], dim=1)
        return characters, scenes

    @torch.inference_mode()
    def name_character(self, pictures: np.ndarray, boxes: np.ndarray) -> str:
        """The character of one person in (F, H, W, 3) uint8 RGB pictures, cut out by boxes (F, 4) of corners."""
        size = (self.size, self.size)
        people = [crop(picture, view_of(box, size), size) for picture, box in zip(pictures, boxes)]
        logits, _ = self.split(self.network(self._to_network(np.stack(people))))
        return self.characters[int(logits.log_softmax(1).mean(0).argmax())]

    @torch.inference_mode()
    def name_scene(self, pictures: np.ndarray) -> str:
        """The scene of (F, H, W, 3) uint8 RGB pictures."""
        _, logits = self.split(self.network(self._whole(pictures)))
        return self.scenes[int(logits.log_softmax(1).mean(0).argmax())]

    @torch.inference_mode()
    def features(self, pictures: np.ndarray) -> np.ndarray:
        """Features (F, D) of (F, H, W, 3) uint8 RGB pictures, before the last layer."""
        maps = self.network.forward_features(self._whole(pictures))
        return self.network.forward_head(maps, pre_logits=True).float().cpu().numpy()

    def _whole(self, pictures: np.ndarray) -> torch.Tensor:
        return self._to_network(normalise(np.stack([shrink(picture, self.size) for picture in pictures])))

    def _to_network(self, pictures: np.ndarray) -> torch.Tensor:
        self.network.eval()
        return torch.from_numpy(pictures).permute(0, 3, 1, 2).to(next(self.network.parameters()))


def shrink(picture: np.ndarray, size: int) -> np.ndarray:
    """A (H, W, 3) uint8 RGB picture with ``size`` pixels along its shorter side."""
    height, width = picture.shape[:2]
    scale = size / min(height, width)
    wanted = round(width * scale), round(height * scale)
    return cv2.resize(picture, wanted, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
