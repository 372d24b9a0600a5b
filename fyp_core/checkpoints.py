"""Where models come from: a name or a folder in, a loaded pipeline out. The only place that knows."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from errors import InputError

if TYPE_CHECKING:
    import torch

    from fyp_core.pipeline import FollowYourPosePipeline
    from fyp_core.unet import PoseVideoUNet

AUTO, MINI, PUBLISHED = "auto", "mini", "followyourpose-v1"
MODEL_NAMES = (AUTO, MINI, PUBLISHED)
MODEL_INDEX = "model_index.json"  # makes a folder a model in diffusers layout

_STATE_FILES = ("model.safetensors", "pytorch_model.bin")  # what accelerate's state folders hold


@dataclass(frozen=True)
class HubPart:
    """A part of the published model, as it lies in the checkpoints folder and on the Hugging Face hub."""

    repository: str
    revision: str
    files: tuple[str, ...]  # all that is needed of the repository
    folder: str = "."  # in the repository, that corresponds to the checkpoints folder's part


# Of Stable Diffusion's UNet only the configuration: the inflated network brings all its weights.
_BASE, _UNET, _POSE_ENCODER = "stable-diffusion-v1-4", "followyourpose_checkpoint-1000", "pose_encoder.pth"
_PUBLISHED_PARTS = {
    _BASE: HubPart(
        "CompVis/stable-diffusion-v1-4",
        "133a221b8aa7292a167afc5127cb63fb5005638b",
        (
            "scheduler/*",
            "tokenizer/*",
            "text_encoder/config.json",
            "text_encoder/model.safetensors",
            "unet/config.json",
            "vae/config.json",
            "vae/diffusion_pytorch_model.safetensors",
        ),
    ),
    _UNET: HubPart("YueMafighting/FollowYourPose_v1", "main", (f"{_UNET}/pytorch_model.bin",), _UNET),
    _POSE_ENCODER: HubPart("YueMafighting/FollowYourPose_v1", "main", (_POSE_ENCODER,), _POSE_ENCODER),
}


@dataclass(frozen=True)
class ModelSource:
    """A model that can be loaded.

    name: what to call it.
    folder: in diffusers layout: the whole model, or Stable Diffusion where ``unet`` and ``pose_encoder`` are given.
    unet: a published inflated network, its file or the folder accelerate saved it in.
    pose_encoder: a published ``pose_encoder.pth``.
    note: one sentence for the user on why ``auto`` chose this model.
    """

    name: str
    folder: Path
    unet: Path | None = None
    pose_encoder: Path | None = None
    note: str = ""


@dataclass(frozen=True)
class ModelStatus:
    """What is on disk of a named model: its parts, the names of those that are missing, and bytes in all."""

    name: str
    parts: list[Path]
    missing: list[str]
    size: int


def checkpoints_folder() -> Path:
    """The checkout's ``checkpoints``, or the folder that the environment variable FYP_CHECKPOINTS names."""
    default = Path(__file__).resolve().parent.parent / "checkpoints"
    return Path(os.environ.get("FYP_CHECKPOINTS", default))


def resolve_model(name: str = AUTO, *, has_gpu: bool = False) -> ModelSource:
    """Find a model; parts of the published one that are not on disk are downloaded.

    Args:
        name: ``auto``, ``mini``, ``followyourpose-v1``, or a folder in our own or in the published layout.
            ``auto`` takes the published model on a GPU where it can be had, otherwise ``mini``.
        has_gpu: for ``auto``.

    Raises:
        InputError: there is no such model, or a part of it is missing and cannot be downloaded.
    """
    if name == AUTO:
        return _choose(has_gpu)
    if name == MINI:
        return _in_our_layout(checkpoints_folder() / MINI)
    if name == PUBLISHED:
        return published_source(checkpoints_folder())
    folder = Path(name)
    if (folder / _POSE_ENCODER).is_file():
        return replace(published_source(folder), name=folder.resolve().name)
    return _in_our_layout(folder)


def published_source(root: Path) -> ModelSource:
    """The published model in the layout of its ``checkpoints`` folder.

    Raises:
        InputError: a part is neither in ``root`` nor can it be downloaded.
    """
    return assembled_source(root / _BASE, root / _UNET, root / _POSE_ENCODER)


def assembled_source(base: Path, unet: Path, pose_encoder: Path) -> ModelSource:
    """A model of Stable Diffusion's folder, an inflated network and a pose encoder in the published formats.

    Raises:
        InputError: one of them does not exist, nor is it a part of the published model that can be downloaded.
    """
    base, unet, pose_encoder = (_find_part(path) for path in (base, unet, pose_encoder))
    return ModelSource(PUBLISHED, base, unet, pose_encoder)


def load_pipeline(source: ModelSource, device: str, dtype: torch.dtype) -> FollowYourPosePipeline:
    """Load a model.

    Raises:
        InputError: a file is missing, damaged or does not belong to such a model.
    """
    from fyp_core.pipeline import FollowYourPosePipeline

    try:
        if source.unet is None:
            pipeline = FollowYourPosePipeline.from_pretrained(
                source.folder, dtype=dtype, local_files_only=True
            )
        else:
            pipeline = _load_published(source, dtype)
    except InputError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"The model in {source.folder} cannot be loaded: {reason}") from error
    return pipeline.to(device)


def list_models() -> list[ModelStatus]:
    """What is on this machine of the named models; nothing is downloaded."""
    mini = checkpoints_folder() / MINI
    has_mini = (mini / MODEL_INDEX).is_file()
    parts = {name: _find_part(checkpoints_folder() / name, download=False) for name in _PUBLISHED_PARTS}
    return [
        _status(MINI, {MINI: mini if has_mini else None}),
        _status(PUBLISHED, parts),
    ]


def _choose(has_gpu: bool) -> ModelSource:
    mini = _in_our_layout(checkpoints_folder() / MINI)
    if not has_gpu:
        return replace(mini, note="No GPU here, so the small model 'mini' is used.")
    try:
        return published_source(checkpoints_folder())
    except InputError as error:
        return replace(mini, note=f"The small model 'mini' is used: {error}")


def _in_our_layout(folder: Path) -> ModelSource:
    if not (folder / MODEL_INDEX).is_file():
        raise InputError(
            f"There is no model {folder}; give one of {', '.join(MODEL_NAMES)} or a folder with a {MODEL_INDEX}."
        )
    return ModelSource(folder.resolve().name, folder)


def _find_part(path: Path, *, download: bool = True) -> Path | None:
    """A part on disk or in the hub's cache, or downloaded; None where it is not here and must not be downloaded."""
    if path.exists():
        return path
    if path.name not in _PUBLISHED_PARTS:
        raise InputError(f"There is no {path}; check the path.")
    try:
        return _from_hub(_PUBLISHED_PARTS[path.name], local_files_only=not download)
    except OSError as error:  # what the hub's errors have in common
        if not download:
            return None
        raise InputError(
            f"{PUBLISHED} lacks {path}, which could not be downloaded either; put it there or go online."
        ) from error


def _from_hub(part: HubPart, *, local_files_only: bool) -> Path:
    from huggingface_hub import snapshot_download

    snapshot = snapshot_download(
        part.repository,
        revision=part.revision,
        allow_patterns=list(part.files),
        local_files_only=local_files_only,
    )
    folder = Path(snapshot)
    # Offline, a snapshot of other files of the repository is returned as well.
    if not all(any(folder.glob(pattern)) for pattern in part.files):
        raise FileNotFoundError(f"{folder} is incomplete")
    return folder / part.folder


def _load_published(source: ModelSource, dtype: torch.dtype) -> FollowYourPosePipeline:
    from diffusers import AutoencoderKL, DDIMScheduler
    from transformers import CLIPTextModel, CLIPTokenizer

    from fyp_core.pipeline import FollowYourPosePipeline
    from fyp_core.pose_encoder import PoseEncoder

    base, offline = source.folder, {"local_files_only": True}
    return FollowYourPosePipeline(
        vae=AutoencoderKL.from_pretrained(base, subfolder="vae", dtype=dtype, **offline),
        text_encoder=CLIPTextModel.from_pretrained(base, subfolder="text_encoder", dtype=dtype, **offline),
        tokenizer=CLIPTokenizer.from_pretrained(base, subfolder="tokenizer", **offline),
        unet=_load_published_unet(base, source.unet).to(dtype),
        pose_encoder=PoseEncoder.from_published(source.pose_encoder).to(dtype),
        scheduler=DDIMScheduler.from_pretrained(base, subfolder="scheduler", **offline),
    )


def _load_published_unet(base: Path, place: Path) -> PoseVideoUNet:
    from fyp_core.pose_encoder import PUBLISHED_PREFIX
    from fyp_core.unet import PoseVideoUNet
    from fyp_core.weights import load_every_tensor, read_state_dict

    candidates = [place / name for name in _STATE_FILES] if place.is_dir() else [place]
    file = next((path for path in candidates if path.is_file()), candidates[-1])
    state = read_state_dict(file)
    unet = PoseVideoUNet.from_config(PoseVideoUNet.load_config(base, subfolder="unet"))
    network = {name: tensor for name, tensor in state.items() if not name.startswith(PUBLISHED_PREFIX)}
    load_every_tensor(unet, network, str(file))
    return unet.eval()


def _status(name: str, parts: dict[str, Path | None]) -> ModelStatus:
    found = [path for path in parts.values() if path]
    missing = [place for place, path in parts.items() if not path]
    return ModelStatus(name, found, missing, sum(map(folder_size, found)))


def folder_size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
