"""The checkpoints folder: the model of this repository and the parts of the published one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fyp_core.weights.hub_download import HubPart, find_hub_part, hub_revisions
from fyp_media.errors import InputError
from fyp_media.files import project_file

MINI, PUBLISHED = "mini", "followyourpose-v1"
MODEL_INDEX = "model_index.json"  # makes a folder a model in diffusers layout
_OWN = project_file("checkpoints")
# This commit adds a model card to the authors' last one, 24cd2c4, whose full hash is not published.
_WEIGHTS = ("YueMafighting/FollowYourPose_v1", "f8c808b84975b9d57106021037a8bcc5c65061a1")
# Of Stable Diffusion's UNet only the configuration: the inflated network brings all its weights.
BASE, UNET, POSE_ENCODER = "stable-diffusion-v1-4", "followyourpose_checkpoint-1000", "pose_encoder.pth"
PUBLISHED_PARTS = {
    BASE: HubPart(
        "CompVis/stable-diffusion-v1-4",
        "133a221b8aa7292a167afc5127cb63fb5005638b",
        (
            MODEL_INDEX,
            "scheduler/*",
            "tokenizer/*",
            "text_encoder/config.json",
            "text_encoder/model.safetensors",
            "unet/config.json",
            "vae/config.json",
            "vae/diffusion_pytorch_model.safetensors",
        ),
    ),
    UNET: HubPart(*_WEIGHTS, (f"{UNET}/pytorch_model.bin",), UNET),
    POSE_ENCODER: HubPart(*_WEIGHTS, (POSE_ENCODER,), POSE_ENCODER),
}


@dataclass(frozen=True)
class ModelStatus:
    """What is on disk of a named model.

    parts: their paths.
    missing: names of those that are not here.
    size: bytes in all.
    revisions: of the parts that came from the hub, as ``OWNER/NAME@COMMIT``.
    """

    name: str
    parts: list[Path]
    missing: list[str]
    size: int
    revisions: list[str]


def checkpoints_folder() -> Path:
    """The project's ``checkpoints``, or the folder that the environment variable FYP_CHECKPOINTS names."""
    return Path(os.environ.get("FYP_CHECKPOINTS", _OWN))


def bundled(name: str) -> Path:
    """A model of the project: in :func:`checkpoints_folder`, or where that lacks it, among the project's own."""
    place = checkpoints_folder() / name
    return place if place.is_dir() else _OWN / name


def find_part(path: Path) -> Path:
    """A part of the published model: ``path`` itself, or where that does not exist, its place in the hub's cache.

    Raises:
        InputError: it is neither on this disk nor can it be downloaded.
    """
    if path.exists():
        return path
    if path.name not in PUBLISHED_PARTS:
        raise InputError(f"There is no {path}; check the path.")
    try:
        return find_hub_part(PUBLISHED_PARTS[path.name], local_files_only=False)
    except OSError as error:  # the base class of the hub's own errors
        raise InputError(
            f"{PUBLISHED} lacks {path}, which could not be downloaded either; put it there or go online."
        ) from error


def list_models() -> list[ModelStatus]:
    """What is on this machine of the named models; nothing is downloaded."""
    mini = bundled(MINI)
    has_mini = (mini / MODEL_INDEX).is_file()
    parts = {name: _find_on_disk(name) for name in PUBLISHED_PARTS}
    return [
        _status(MINI, {MINI: mini if has_mini else None}),
        _status(PUBLISHED, parts),
    ]


def _find_on_disk(name: str) -> Path | None:
    """A part of the published model in the checkpoints folder or the hub's cache."""
    path = checkpoints_folder() / name
    if path.exists():
        return path
    try:
        return find_hub_part(PUBLISHED_PARTS[name], local_files_only=True)
    except OSError:
        return None


def _status(name: str, parts: dict[str, Path | None]) -> ModelStatus:
    found = [path for path in parts.values() if path]
    missing = [place for place, path in parts.items() if not path]
    return ModelStatus(name, found, missing, sum(map(folder_size, found)), hub_revisions(found))


def folder_size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
