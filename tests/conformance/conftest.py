"""What the conformance tests share: weights that are filled from a seed, and mmpose's results with such weights."""

import math
import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from pose_extraction.estimators.hrnet import HRNet

DATA = Path(__file__).parents[1] / "data" / "hrnet"


def read_rgb(name: str) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(DATA / name)), cv2.COLOR_BGR2RGB)


@pytest.fixture(scope="module")
def hrnet_golden() -> dict[str, np.ndarray]:
    """mmpose's own results for two boxes, with some joints of its heatmaps."""
    return load_file(DATA / "golden.safetensors")


@pytest.fixture(scope="module")
def hrnet_image() -> np.ndarray:
    return read_rgb("image.webp")


@pytest.fixture(scope="module")
def hrnet_crops() -> np.ndarray:
    """(2, 256, 192, 3) uint8 RGB: mmpose's crops of the two boxes, before they are normalised."""
    return np.stack(np.split(read_rgb("crops.webp"), 2))


@pytest.fixture(scope="module")
def hrnet_state() -> dict[str, torch.Tensor]:
    """The weights the results were computed with: random, seeded by mmpose's names."""
    tensors = HRNet("hrnet_w32").state_dict()
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and "running_" not in name:
            tensor.copy_(scaled(name, noise_of(name, tensor.shape)))
    return tensors


def noise_of(name: str, shape: Sequence[int]) -> torch.Tensor:
    """Standard normal noise that the name of a tensor determines: such weights need not be stored."""
    return torch.randn(tuple(shape), generator=torch.Generator().manual_seed(zlib.crc32(name.encode())))


def scaled(name: str, noise: torch.Tensor) -> torch.Tensor:
    if noise.ndim == 4:
        gain = 4 if name == "head.final_layer.weight" else 1
        return gain * noise * math.sqrt(2 / noise[0].numel())
    return 0.5 + 0.1 * noise if name.endswith("weight") else 0.05 * noise
