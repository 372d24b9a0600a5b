"""Where models come from: a name, a folder or a hub id in, the places of all parts out. The only place that knows."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fyp_media.errors import InputError, first_line

AUTO, MINI, PUBLISHED = "auto", "mini", "followyourpose-v1"
MODEL_NAMES = (AUTO, MINI, PUBLISHED)
MODEL_INDEX = "model_index.json"  # makes a folder a model in diffusers layout
BASE_KEY = "base"  # in our model index: the Stable Diffusion the model refers to instead of copying it

_CHECKOUT = Path(__file__).resolve().parents[2] / "checkpoints"
_DIFFUSERS_WEIGHTS = "diffusion_pytorch_model"
_IN_HUB_CACHE = re.compile(r"models--([\w.-]+?)--([\w.-]+)/snapshots/([0-9a-f]{40})(?:/|$)")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w.-]+)?")
_CONFIG_FILES = ("*.json", "*/*.json", "*/*.txt")
_LAYOUT_FILES = (*_CONFIG_FILES, "*/*.safetensors")
_SD_FILES = (
    *_CONFIG_FILES,
    f"{_DIFFUSERS_WEIGHTS}.safetensors",  # of an autoencoder's own repository
    *(f"{part}/{_DIFFUSERS_WEIGHTS}.safetensors" for part in ("unet", "vae")),
    "text_encoder/model.safetensors",
)
_STATE_FILES = ("model.safetensors", "pytorch_model.bin")  # what accelerate's state folders hold


@dataclass(frozen=True)
class HubPart:
    """A part of the published model, as it lies in the checkpoints folder and on the Hugging Face hub."""

    repository: str
    revision: str
    files: tuple[str, ...]  # all that is needed of the repository
    folder: str = "."  # in the repository, that corresponds to the checkpoints folder's part

    @property
    def hub_id(self) -> str:
        return f"{self.repository}@{self.revision}"


# The commit adds a model card to the authors' last one, 24cd2c4, of whose hash no more than that is on record.
_WEIGHTS = ("YueMafighting/FollowYourPose_v1", "f8c808b84975b9d57106021037a8bcc5c65061a1")
# Of Stable Diffusion's UNet only the configuration: the inflated network brings all its weights.
_BASE, _UNET, _POSE_ENCODER = "stable-diffusion-v1-4", "followyourpose_checkpoint-1000", "pose_encoder.pth"
_PUBLISHED_PARTS = {
    _BASE: HubPart(
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
    _UNET: HubPart(*_WEIGHTS, (f"{_UNET}/pytorch_model.bin",), _UNET),
    _POSE_ENCODER: HubPart(*_WEIGHTS, (_POSE_ENCODER,), _POSE_ENCODER),
}


@dataclass(frozen=True)
class Additions:
    """What is put in place of parts of a model, or onto it; names as a person gives them.

    base: another Stable Diffusion 1.x: a diffusers folder, a hub id, a ``.safetensors`` or ``.ckpt`` file.
    vae: another autoencoder, likewise.
    embeddings: textual inversion files; a prompt names them by their own token or by the file's name.
    """

    base: str | None = None
    vae: str | None = None
    embeddings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lora:
    """A LoRA file of diffusers' or kohya's format, and how strongly it acts."""

    file: Path
    weight: float = 1.0


@dataclass(frozen=True)
class ModelSource:
    """A model that can be loaded: its parts, all on this disk.

    name: what to call it.
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


@dataclass(frozen=True)
class ModelStatus:
    """What is on disk of a named model.

    parts: where they lie.
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
    """The checkout's ``checkpoints``, or the folder that the environment variable FYP_CHECKPOINTS names."""
    return Path(os.environ.get("FYP_CHECKPOINTS", _CHECKOUT))


def bundled(name: str) -> Path:
    """What is part of the repository: in :func:`checkpoints_folder`, or where that one lacks it, in the checkout."""
    place = checkpoints_folder() / name
    return place if place.is_dir() else _CHECKOUT / name


def resolve_model(
    name: str | os.PathLike[str] = AUTO, additions: Additions | None = None, *, has_gpu: bool = False
) -> ModelSource:
    """Find a model; parts of it that are not on disk are downloaded.

    Args:
        name: ``auto``, ``mini``, ``followyourpose-v1``, a folder in our own or in the published layout, or a hub
            id ``OWNER/NAME[@REVISION]`` of a model in our layout.
            ``auto`` takes the published model on a GPU where it can be had, otherwise ``mini``.
        additions: what to put in place of its parts, or onto it.
        has_gpu: for ``auto``.

    Raises:
        InputError: there is no such model, or a part of it is missing and cannot be downloaded.
    """
    return _with_additions(_find_model(os.fspath(name), has_gpu), additions or Additions())


def find_lora(text: str) -> Lora:
    """The LoRA that ``FILE[:WEIGHT]`` names.

    Raises:
        InputError: there is no such file, or the weight is not finite.
    """
    name, separator, weight = text.rpartition(":")
    try:
        lora = Lora(Path(name), float(weight)) if separator else Lora(Path(text))
    except ValueError:  # a colon in the name
        lora = Lora(Path(text))
    _existing_file(str(lora.file), "LoRA")
    if not math.isfinite(lora.weight):
        raise InputError(f"The weight of the LoRA {lora.file} is {lora.weight}, but must be a finite number.")
    return lora


def is_our_model(name: str | os.PathLike[str]) -> bool:
    """Whether a name or folder is a model of this project, pose encoder and all."""
    folder = Path(name)
    is_named = os.fspath(name) in MODEL_NAMES
    return is_named or (folder / "pose_encoder").is_dir() or (folder / _POSE_ENCODER).is_file()


def published_source(root: Path) -> ModelSource:
    """The published model in the layout of its ``checkpoints`` folder.

    Raises:
        InputError: a part is neither in ``root`` nor can it be downloaded.
    """
    return assembled_source(root / _BASE, root / _UNET, root / _POSE_ENCODER)


def assembled_source(base: Path, unet: Path, pose_encoder: Path) -> ModelSource:
    """A model of Stable Diffusion's folder, an inflated network and a pose encoder in the published formats.

    Unless it is the published one, it goes by the network's place: no name may stand for other weights.

    Raises:
        InputError: one of them does not exist, nor is it a part of the published model that can be downloaded.
    """
    parts = (base, unet, pose_encoder)
    published = (checkpoints_folder() / name for name in _PUBLISHED_PARTS)
    is_published = all(part.resolve() == place.resolve() for part, place in zip(parts, published))
    name = PUBLISHED if is_published else os.fspath(unet)
    return ModelSource(name, *map(_find_part, parts))


def single_file_configs() -> Path:
    """A Stable Diffusion 1.x folder: a single file holds tensors only, and this one's configurations fit all.

    Raises:
        InputError: it is neither on disk nor can it be downloaded.
    """
    return _find_part(checkpoints_folder() / _BASE)


def has_image_unet(base: Path) -> bool:
    """Whether a Stable Diffusion folder holds its UNet's weights; of the published base they are not downloaded."""
    return base.is_dir() and any((base / "unet").glob(f"{_DIFFUSERS_WEIGHTS}.*"))


def weight_file(place: Path, stem: str = _DIFFUSERS_WEIGHTS) -> Path:
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
    if source.base == checkpoints_folder() / _BASE:
        return _PUBLISHED_PARTS[_BASE].hub_id
    return str(source.base.resolve())


def hub_revisions(places: Iterable[Path]) -> list[str]:
    """Of those in the hub's cache: which commits of which repositories they are, ``OWNER/NAME@COMMIT``."""
    found = filter(None, (_IN_HUB_CACHE.search(place.as_posix()) for place in places))
    return sorted({f"{owner}/{name}@{commit}" for owner, name, commit in (match.groups() for match in found)})


def model_revisions(source: ModelSource) -> list[str]:
    """:func:`hub_revisions` of a model's parts."""
    places = (source.layout, source.base, source.unet, source.pose_encoder, source.vae)
    return hub_revisions(filter(None, places))


def model_hash(source: ModelSource) -> str:
    """SHA-256 over all weights of a model as it is loaded, without embeddings: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for file in _weight_files(source):
        digest.update(file_hash(file).encode())
    return digest.hexdigest()[:16]


@functools.lru_cache(maxsize=64)
def _hash_of(path: Path, _size: int, _modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file in hexadecimal; remembered while the file stays as it is."""
    path = path.resolve()
    if re.fullmatch("[0-9a-f]{64}", path.name):  # so the hub's cache names its large files
        return path.name
    return _hash_of(path, path.stat().st_size, path.stat().st_mtime_ns)


def list_models() -> list[ModelStatus]:
    """What is on this machine of the named models; nothing is downloaded."""
    mini = bundled(MINI)
    has_mini = (mini / MODEL_INDEX).is_file()
    parts = {name: _find_part(checkpoints_folder() / name, download=False) for name in _PUBLISHED_PARTS}
    return [
        _status(MINI, {MINI: mini if has_mini else None}),
        _status(PUBLISHED, parts),
    ]


def _find_model(name: str, has_gpu: bool) -> ModelSource:
    if name == AUTO:
        return _choose(has_gpu)
    if name == MINI:
        return _in_our_layout(bundled(MINI))
    if name == PUBLISHED:
        return published_source(checkpoints_folder())
    folder = Path(name)
    if (folder / _POSE_ENCODER).is_file():
        return replace(published_source(folder), name=folder.resolve().name)
    if not folder.exists() and _HUB_ID.fullmatch(name):
        return replace(_in_our_layout(_download(name, _LAYOUT_FILES)), name=name)
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
    base = _read_index(folder).get(BASE_KEY)
    return ModelSource(
        folder.resolve().name,
        find_base(base) if base else folder,
        folder / "unet",
        folder / "pose_encoder",
        layout=folder,
    )


def _read_index(folder: Path) -> dict[str, Any]:
    index = folder / MODEL_INDEX
    try:
        content = json.loads(index.read_text()) if index.is_file() else {}
    except ValueError as error:
        raise InputError(f"{index} is damaged; get the model again.") from error
    return content if isinstance(content, dict) else {}


def _with_additions(source: ModelSource, additions: Additions) -> ModelSource:
    if additions.base is not None:
        source = replace(source, base=find_base(additions.base), motion_only=True)
    return replace(
        source,
        vae=_find_vae(additions.vae) if additions.vae is not None else None,
        embeddings=tuple(_existing_file(name, "embedding") for name in additions.embeddings),
    )


def find_base(name: str) -> Path:
    """A diffusers folder or a single file of Stable Diffusion on disk, or the folder of a hub id.

    Raises:
        InputError: there is none, nor can it be downloaded.
    """
    path = Path(name)
    if name == _PUBLISHED_PARTS[_BASE].hub_id and has_image_unet(checkpoints_folder() / _BASE):
        return checkpoints_folder() / _BASE
    if path.exists() or not _HUB_ID.fullmatch(name):
        if path.is_dir() or path.suffix in (".safetensors", ".ckpt", ".pt"):
            return _existing_path(path)
        raise InputError(
            f"{name} is no model; give a diffusers folder, a .safetensors or .ckpt file, or a hub id."
        )
    return _download(name, _SD_FILES)


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


def _download(hub_id: str, files: tuple[str, ...]) -> Path:
    """The folder of a repository in the hub's cache; resumes where an earlier download was cut off."""
    repository, _, revision = hub_id.partition("@")
    try:
        return _snapshot(repository, revision=revision or None, allow_patterns=list(files))
    except InputError:
        raise
    except (OSError, ValueError) as error:  # what the hub's errors have in common
        raise InputError(
            f"{hub_id} is neither on this disk nor can it be downloaded; check the name or go online."
        ) from error


def _weight_files(source: ModelSource) -> list[Path]:
    bases = [source.base]
    if source.base.is_dir():
        parts = {"vae": _DIFFUSERS_WEIGHTS, "text_encoder": "model", "unet": _DIFFUSERS_WEIGHTS}
        if source.base == source.layout or (source.layout is None and not source.motion_only):
            parts.pop("unet")  # not the base's, but the model's own is used
        if source.vae:
            parts.pop("vae")
        bases = [weight_file(source.base / part, stem) for part, stem in parts.items()]
    others = [source.unet, source.pose_encoder, *([source.vae] if source.vae else [])]
    return [*bases, *map(weight_file, others)]


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
    folder = _snapshot(
        part.repository,
        revision=part.revision,
        allow_patterns=list(part.files),
        local_files_only=local_files_only,
    )
    # Offline, a snapshot of other files of the repository is returned as well.
    if not all(any(folder.glob(pattern)) for pattern in part.files):
        raise FileNotFoundError(f"{folder} is incomplete")
    return folder / part.folder


def _snapshot(repository: str, **options: Any) -> Path:
    """As the hub's own function; where the connection breaks that lets through errors of its HTTP library."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository, **options))
    except (OSError, ValueError):
        raise
    except Exception as error:
        reason = first_line(error)
        raise InputError(
            f"The download of {repository} broke off ({reason}); start again, what is complete is kept."
        ) from error


def _status(name: str, parts: dict[str, Path | None]) -> ModelStatus:
    found = [path for path in parts.values() if path]
    missing = [place for place, path in parts.items() if not path]
    return ModelStatus(name, found, missing, sum(map(folder_size, found)), hub_revisions(found))


def folder_size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
