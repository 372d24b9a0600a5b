"""Where an IP-Adapter and its image encoder lie: on this disk, or on the hub in ``h94/IP-Adapter``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fyp_core.weights.checkpoints import checkpoints_folder
from fyp_core.weights.hub_download import HubPart, find_hub_part
from fyp_media.errors import InputError

KINDS = {
    "character": "ip-adapter-plus_sd15.safetensors",
    "face": "ip-adapter-plus-face_sd15.safetensors",
    "style": "ip-adapter_sd15.safetensors",
}
"""Files of the hub's repository by what they take from a picture."""
DEFAULT_KIND = "character"

_REPOSITORY, _REVISION = "h94/IP-Adapter", "018e402774aeeddd60609b4ecdb7e298259dc729"
_LOCAL = "ip-adapter"  # in the checkpoints folder, with the files of the repository
_MODELS = "models"  # the repository's folder for Stable Diffusion 1.x
_ENCODER = "image_encoder"
_ENCODER_FILES = ("config.json", "model.safetensors")


@dataclass(frozen=True)
class IPAdapterFiles:
    """An IP-Adapter on this disk.

    adapter: its weight file.
    image_encoder: folder of the CLIP vision network whose features it reads.
    """

    adapter: Path
    image_encoder: Path


def check_ip_adapter(name: str) -> None:
    """Raise InputError for what is neither one of :data:`KINDS` nor a file."""
    if name not in KINDS and not Path(name).is_file():
        raise InputError(f"There is no IP-Adapter {name}; give one of {', '.join(KINDS)}, or a file.")


def find_ip_adapter(name: str) -> IPAdapterFiles:
    """Find an IP-Adapter and its image encoder; what is not on this disk is downloaded.

    Args:
        name: one of :data:`KINDS`, or a file. An ``image_encoder`` in the file's folder is its image encoder.

    Raises:
        InputError: one of them is neither on this disk nor can it be downloaded.
    """
    check_ip_adapter(name)
    adapter = _find(KINDS[name], ()) if name in KINDS else Path(name)
    beside = adapter.parent / _ENCODER
    is_whole = all((beside / file).is_file() for file in _ENCODER_FILES)
    return IPAdapterFiles(adapter, beside if is_whole else _find(_ENCODER, _ENCODER_FILES))


def _find(name: str, files: tuple[str, ...]) -> Path:
    """A file of the repository's folder for Stable Diffusion 1.x, or a folder in it of which files are needed."""
    local = checkpoints_folder() / _LOCAL / _MODELS / name
    if local.exists():
        return local
    place = f"{_MODELS}/{name}"
    part = HubPart(_REPOSITORY, _REVISION, tuple(f"{place}/{file}" for file in files) or (place,), place)
    try:
        return find_hub_part(part, local_files_only=True)
    except OSError:  # the base class of the hub's own errors
        pass
    try:
        return find_hub_part(part, local_files_only=False)
    except OSError as error:
        raise InputError(
            f"The part {name} of {_REPOSITORY} is neither on this disk nor can it be downloaded; put it into"
            f" {local.parent} or go online."
        ) from error
