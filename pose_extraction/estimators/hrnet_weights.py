"""Weights of HRNet in files: mmpose's published checkpoints, and small ones of our own with what builds them."""

import logging
import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import timm
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from fyp_media.errors import InputError
from fyp_media.files import replacing
from pose_extraction.estimators.detector import create_detector
from pose_extraction.estimators.hrnet import HRNet, HRNetPose, WholeFrames
from pose_extraction.estimators.hub import best_device, best_dtype, numpy_is_safe
from pose_extraction.estimators.topdown import TopDownEstimator
from pose_extraction.poses import PoseEstimator

logger = logging.getLogger(__name__)

PUBLISHER = "https://download.openmmlab.com/mmpose/v1/body_2d_keypoint/topdown_heatmap/coco/"
_GRID = 32  # pixels: the coarsest branch halves five times


@dataclass(frozen=True)
class Build:
    """What an HRNet's weights must come with.

    backbone: timm's name of it.
    size: height and width of the pictures it was trained on, in pixels.
    whole_frames: these were whole frames with one person, not people cut out.
    """

    backbone: str
    size: tuple[int, int]
    whole_frames: bool = False

    def __post_init__(self) -> None:
        if (
            self.backbone not in timm.list_models("hrnet_*")
            or min(self.size) < _GRID
            or any(side % _GRID for side in self.size)
        ):
            raise ValueError(f"{self} is no HRNet")

    def to_metadata(self) -> dict[str, str]:
        """As texts, for the header of a .safetensors file."""
        height, width = map(str, self.size)
        view = "frame" if self.whole_frames else "person"
        return {"backbone": self.backbone, "height": height, "width": width, "view": view}

    @classmethod
    def from_metadata(cls, metadata: dict[str, str]) -> "Build":
        """Read :meth:`to_metadata`; KeyError or ValueError for anything else."""
        size = int(metadata["height"]), int(metadata["width"])
        return cls(metadata["backbone"], size, metadata["view"] == "frame")


@dataclass(frozen=True)
class Variant:
    """A published HRNet: height and width of its input, its checkpoint and the start of that file's SHA-256."""

    size: tuple[int, int]
    checkpoint: str
    sha256: str


# COCO average precision 0.746 and 0.767.
VARIANTS = {
    "hrnet_w32": Variant(
        (256, 192), "td-hm_hrnet-w32_8xb64-210e_coco-256x192-81c58e40_20220909.pth", "81c58e40"
    ),
    "hrnet_w48": Variant(
        (384, 288), "td-hm_hrnet-w48_8xb32-210e_coco-384x288-c161b7de_20220915.pth", "c161b7de"
    ),
}


def load_hrnet(checkpoint: str | Path | None = None, device: torch.device | None = None) -> HRNetPose:
    """A published HRNet, W48 on CUDA and W32 elsewhere, downloaded once; or a file. In half precision on CUDA.

    Args:
        checkpoint: mmpose's of HRNet W32 or W48 for COCO, or what :func:`save_hrnet` wrote (.safetensors).

    Raises:
        InputError: the checkpoint is none of these, or cannot be downloaded.
    """
    device = device or best_device()
    path = Path(checkpoint) if checkpoint else _published(_variant(device))
    if not path.is_file():
        raise InputError(f"There is no file {path}; check the path.")
    build, tensors = _read_ours(path) if path.suffix == ".safetensors" else _read_mmposes(path)
    network = HRNet(build.backbone)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"{path.name} lacks parts of HRNet for COCO's 17 joints; choose another.") from error
    network.to(device, best_dtype(device))
    return HRNetPose(network, build.size, whole_frames=build.whole_frames)


def create(weights: str | None, stills: bool) -> PoseEstimator:
    """HRNet with the people of the detector, or one that was trained on whole frames."""
    network = load_hrnet(weights)
    if network.whole_frames:
        return TopDownEstimator(network, WholeFrames())
    return TopDownEstimator(network, create_detector(stills=stills), stills=stills)


def published_path(device: torch.device | None = None) -> Path:
    """Where the published weights for a device are once downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints" / VARIANTS[_variant(device or best_device())].checkpoint


def _variant(device: torch.device) -> str:
    return "hrnet_w48" if device.type == "cuda" else "hrnet_w32"


def save_hrnet(path: str | os.PathLike[str], network: HRNet, build: Build) -> None:
    """Write the weights in half precision, and what is needed to build the network again.

    Raises:
        InputError: the place cannot be written.
    """
    save_half(path, network, build.to_metadata())


def save_half(
    path: str | os.PathLike[str], network: nn.Module, metadata: dict[str, str] | None = None
) -> None:
    """Write the weights of any network in half precision; counters stay whole numbers.

    Raises:
        InputError: the place cannot be written.
    """
    tensors = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
    }
    with replacing(path) as scratch:
        save_file(tensors, scratch, metadata)


def _read_ours(path: Path) -> tuple[Build, dict[str, torch.Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            return Build.from_metadata(file.metadata() or {}), load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} is no checkpoint that can be read safely; download it again.") from error
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{path.name} does not say which HRNet it holds; write it with"
            " pose_extraction.estimators.hrnet_weights.save_hrnet."
        ) from error


def _read_mmposes(path: Path) -> tuple[Build, dict[str, torch.Tensor]]:
    try:
        with numpy_is_safe():
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(f"{path} is no checkpoint that can be read safely; download it again.") from error
    tensors = content.get("state_dict", content) if isinstance(content, dict) else {}
    head = tensors.get("head.final_layer.weight", torch.empty(0))
    backbone = f"hrnet_w{head.shape[-3]}" if head.ndim == 4 else ""
    if backbone not in VARIANTS:
        raise InputError(f"{path.name} is no checkpoint of mmpose's HRNet W32 or W48; choose one for COCO.")
    return Build(backbone, VARIANTS[backbone].size), tensors


def _published(backbone: str) -> Path:
    variant = VARIANTS[backbone]
    path = Path(torch.hub.get_dir()) / "checkpoints" / variant.checkpoint
    if not path.exists():
        logger.warning("Downloading %s to %s.", path.name, path.parent)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(
                PUBLISHER + variant.checkpoint, str(path), variant.sha256, progress=False
            )
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"HRNet's weights are not here and cannot be downloaded ({error});"
                f" connect once to the internet, or put {path.name} into {path.parent}."
            ) from error
    return path
