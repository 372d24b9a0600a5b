"""From a model's name, folder or hub id to the places of all its parts on this disk."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from pydantic import model_validator

from fyp_core.settings import RequestSettings, setting
from fyp_core.weights.checkpoints import (
    BASE,
    MINI,
    MODEL_INDEX,
    POSE_ENCODER,
    PUBLISHED,
    PUBLISHED_PARTS,
    UNET,
    bundled,
    checkpoints_folder,
    find_part,
)
from fyp_core.weights.hub_download import download_files, is_hub_id
from fyp_media.errors import InputError

AUTO = "auto"
MODEL_NAMES = (AUTO, MINI, PUBLISHED)
BASE_KEY = "base"  # in our model index: the Stable Diffusion the model refers to instead of copying it

DIFFUSERS_WEIGHTS = "diffusion_pytorch_model"  # the name of a weight file in the folder of a part
BASE_SUFFIXES = (".safetensors", ".ckpt", ".pt")
_SMALLEST_BASE = 1e9  # bytes; LoRAs are smaller, Stable Diffusion 1.x has 2 GB in half precision
_STATE_FILES = ("model.safetensors", "pytorch_model.bin")  # of accelerate's state folders
_CONFIG_FILES = ("*.json", "*/*.json", "*/*.txt")
_LAYOUT_FILES = (*_CONFIG_FILES, "*/*.safetensors")
_SD_FILES = (
    *_CONFIG_FILES,
    f"{DIFFUSERS_WEIGHTS}.safetensors",  # of an autoencoder's own repository
    *(f"{part}/{DIFFUSERS_WEIGHTS}.safetensors" for part in ("unet", "vae")),
    "text_encoder/model.safetensors",
)


class Lora(RequestSettings):
    """A LoRA file and its weight; ``str(lora)`` is what :meth:`parse` reads."""

    file: Path = setting(..., "LoRA file")
    weight: float = setting(1.0, "factor of its effect", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:
        """Command lines, and the settings stored in videos, have ``FILE[:WEIGHT]``."""
        return _file_and_weight(given) if isinstance(given, str) else given

    @classmethod
    def parse(cls, text: str) -> Self:
        """The LoRA that ``FILE[:WEIGHT]`` names.

        Raises:
            InputError: there is no such file, or the weight is not finite.
        """
        lora = cls(**_file_and_weight(text))
        lora.check()
        return lora

    def check(self) -> None:
        """Raise InputError where there is no such file."""
        if self.file.is_dir():
            raise InputError(f"{self.file} is a folder; name the LoRA file in it.")
        if not self.file.is_file():
            raise InputError(f"There is no LoRA file {self.file}; check the path.")

    def __str__(self) -> str:
        return f"{self.file}:{self.weight:g}"


def _file_and_weight(text: str) -> dict[str, Any]:
    name, separator, weight = text.rpartition(":")
    try:
        return {"file": name, "weight": float(weight)} if separator else {"file": text}
    except ValueError:  # a colon in the file's name
        return {"file": text}


class Additions(RequestSettings):
    """Parts that replace those of a model or are added to it, by the names that a user gives."""

    base: str | None = setting(
        None,
        "another Stable Diffusion 1.x: folder, .safetensors, .ckpt or hub id",
        unset="the model's own",
        group="model",
        metavar="SD",
    )
    vae: str | None = setting(
        None,
        "another autoencoder: folder, .safetensors, .ckpt or hub id",
        unset="the model's own",
        group="model",
    )
    embeddings: tuple[str, ...] = setting(
        (),
        "textual inversions; a prompt names each by its token or by the file's name",
        group="model",
        metavar="FILE",
        option="--embedding",
    )


@dataclass(frozen=True)
class ModelSource:
    """A model that can be loaded: its parts, all on this disk.

    name: of the model, for people.
    base: where text encoder, autoencoder, scheduler and tokenizer come from: a folder in diffusers layout, or a
        single file of Stable Diffusion.
    unet: file or folder of the inflated network.
    pose_encoder: a published ``pose_encoder.pth``, or a folder in diffusers layout.
    layout: the folder, where the model is in our own layout; it says what the model's own settings are.
    motion_only: ``base`` is not the one the network was trained on; take from ``unet`` what it has learnt of video.
    vae: an autoencoder in place of the base's.
    embeddings: textual inversion files.
    note: one sentence for the user on why ``auto`` chose this model.
    """

    name: str
    base: Path
    unet: Path
    pose_encoder: Path
    layout: Path | None = None
    motion_only: bool = False
    vae: Path | None = None
    embeddings: tuple[Path, ...] = ()
    note: str = ""


def resolve_model(
    name: str | os.PathLike[str] = AUTO, additions: Additions | None = None, *, has_gpu: bool = False
) -> ModelSource:
    """Find a model; parts of it that are not on disk are downloaded.

    Args:
        name: ``auto``, ``mini``, ``followyourpose-v1``, a folder in our own or in the published layout, or a hub
            id ``OWNER/NAME[@REVISION]`` of a model in our layout.
            ``auto`` takes the published model on a GPU if it is here or can be downloaded, otherwise ``mini``.
        additions: what replaces its parts or is added to it.
        has_gpu: for ``auto``.

    Raises:
        InputError: there is no such model, or a part of it is missing and cannot be downloaded.
    """
    return with_additions(_find_model(os.fspath(name), has_gpu), additions or Additions())


def is_our_model(name: str | os.PathLike[str]) -> bool:
    """Whether a name or folder is a model of this project, with a pose encoder."""
    folder = Path(name)
    is_named = os.fspath(name) in MODEL_NAMES
    return is_named or (folder / "pose_encoder").is_dir() or (folder / POSE_ENCODER).is_file()


def published_source(root: Path) -> ModelSource:
    """The published model in the layout of its ``checkpoints`` folder.

    Raises:
        InputError: a part is neither in ``root`` nor can it be downloaded.
    """
    return assembled_source(root / BASE, root / UNET, root / POSE_ENCODER)


def assembled_source(base: Path, unet: Path, pose_encoder: Path) -> ModelSource:
    """A model of Stable Diffusion's folder, an inflated network and a pose encoder in the published formats.

    Unless it is the published one, its name is the network's path: a model's name must not mean other weights.

    Raises:
        InputError: one of them does not exist, nor is it a part of the published model that can be downloaded.
    """
    parts = (base, unet, pose_encoder)
    published = (checkpoints_folder() / name for name in PUBLISHED_PARTS)
    is_published = all(part.resolve() == place.resolve() for part, place in zip(parts, published))
    name = PUBLISHED if is_published else os.fspath(unet)
    return ModelSource(name, find_part(base), find_part(unet), find_part(pose_encoder))


def single_file_configs() -> Path:
    """A Stable Diffusion 1.x folder, whose configurations are used for single files, which hold tensors only.

    Raises:
        InputError: it is neither on disk nor can it be downloaded.
    """
    return find_part(checkpoints_folder() / BASE)


def has_image_unet(base: Path) -> bool:
    """Whether a Stable Diffusion folder holds its UNet's weights; of the published base they are not downloaded."""
    return base.is_dir() and any((base / "unet").glob(f"{DIFFUSERS_WEIGHTS}.*"))


def weight_file(place: Path, stem: str = DIFFUSERS_WEIGHTS) -> Path:
    """The weight file itself, or the one in a folder that diffusers or accelerate wrote.

    Raises:
        InputError: the folder holds none.
    """
    if not place.is_dir():
        return place
    names = (f"{stem}.safetensors", *_STATE_FILES, f"{stem}.bin", f"{stem}.fp16.safetensors")
    for name in names:
        if (place / name).is_file():
            return place / name
    raise InputError(f"{place} holds no weights; there should be a {' or '.join(names[:3])}.")


def base_name(source: ModelSource) -> str:
    """How a model index refers to the base of ``source``."""
    if source.base == checkpoints_folder() / BASE:
        return PUBLISHED_PARTS[BASE].hub_id
    return str(source.base.resolve())


def find_base(name: str) -> Path:
    """A diffusers folder or a single file of Stable Diffusion on disk, or the folder of a hub id.

    Raises:
        InputError: there is none, nor can it be downloaded.
    """
    path = Path(name)
    if name == PUBLISHED_PARTS[BASE].hub_id and has_image_unet(checkpoints_folder() / BASE):
        return checkpoints_folder() / BASE
    if path.exists() or not is_hub_id(name):
        if path.is_dir() or path.suffix in BASE_SUFFIXES:
            return _existing_path(path)
        raise InputError(
            f"{name} is no model; give a diffusers folder, a .safetensors or .ckpt file, or a hub id."
        )
    return download_files(name, _SD_FILES)


def list_bases() -> dict[str, Path]:
    """What :class:`Additions` can name as the base in the checkpoints folder: files and folders by their names."""
    folder = checkpoints_folder()
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return {place.name: place for place in found if _is_base(place)}


def _is_base(place: Path) -> bool:
    if place.is_dir():
        return has_image_unet(place) and not is_our_model(place)
    return place.suffix in BASE_SUFFIXES and place.stat().st_size > _SMALLEST_BASE


def read_index(folder: Path) -> dict[str, Any]:
    """The model index of a folder in diffusers layout, empty where there is none.

    Raises:
        InputError: it is damaged.
    """
    index = folder / MODEL_INDEX
    try:
        content = json.loads(index.read_text()) if index.is_file() else {}
    except ValueError as error:
        raise InputError(f"{index} is damaged; get the model again.") from error
    return content if isinstance(content, dict) else {}


def _find_model(name: str, has_gpu: bool) -> ModelSource:
    if name == AUTO:
        return _choose(has_gpu)
    if name == MINI:
        return _in_our_layout(bundled(MINI))
    if name == PUBLISHED:
        return published_source(checkpoints_folder())
    folder = Path(name)
    if (folder / POSE_ENCODER).is_file():
        return replace(published_source(folder), name=folder.resolve().name)
    if not folder.exists() and is_hub_id(name):
        return replace(_in_our_layout(download_files(name, _LAYOUT_FILES)), name=name)
    return _in_our_layout(folder)


def _choose(has_gpu: bool) -> ModelSource:
    note = "No GPU here, so the small model 'mini' is used."
    if has_gpu:
        try:
            return published_source(checkpoints_folder())
        except InputError as error:
            note = f"The small model 'mini' is used: {error}"
    return replace(_in_our_layout(bundled(MINI)), note=note)


def _in_our_layout(folder: Path) -> ModelSource:
    if not (folder / MODEL_INDEX).is_file():
        raise InputError(
            f"There is no model {folder}; give one of {', '.join(MODEL_NAMES)}, a folder with a {MODEL_INDEX}"
            " or a hub id."
        )
    base = read_index(folder).get(BASE_KEY)
    return ModelSource(
        folder.resolve().name,
        find_base(base) if base else folder,
        folder / "unet",
        folder / "pose_encoder",
        layout=folder,
    )


def with_additions(source: ModelSource, additions: Additions) -> ModelSource:
    """A model with these in place of its parts, or added to it.

    Raises:
        InputError: one of them is neither on this disk nor can it be downloaded.
    """
    if additions.base is not None:
        source = replace(source, base=find_base(additions.base), motion_only=True)
    return replace(
        source,
        vae=_find_vae(additions.vae) if additions.vae is not None else None,
        embeddings=tuple(_existing_file(name, "embedding") for name in additions.embeddings),
    )


def _find_vae(name: str) -> Path:
    """An autoencoder's file or folder: of a whole Stable Diffusion folder that part."""
    place = find_base(name)
    return place / "vae" if (place / "vae").is_dir() else place


def _existing_file(name: str, what: str) -> Path:
    if not Path(name).is_file():
        raise InputError(f"There is no {what} file {name}; check the path.")
    return Path(name)


def _existing_path(path: Path) -> Path:
    if not path.exists():
        raise InputError(f"There is no {path}; check the path.")
    return path
