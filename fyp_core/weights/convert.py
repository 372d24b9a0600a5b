"""A model in any format this project reads, rewritten in its own: diffusers layout, safetensors, one dtype."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file

from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.weights.assemble import image_unet_tensors
from fyp_core.weights.checkpoints import MODEL_INDEX
from fyp_core.weights.lora.few_steps import OWN_FOLDER, own_few_step_lora
from fyp_core.weights.sources import BASE_KEY, ModelSource, base_name, has_image_unet
from fyp_core.weights.tensors import read_tensor
from fyp_media.errors import InputError

_DESCRIPTIONS = {"README.md", "LICENSE", ".gitattributes"}
_OWN_PARTS = ("unet", "pose_encoder")  # what this project adds to Stable Diffusion


def convert_model(
    source: ModelSource, target: Path, dtype: torch.dtype = torch.float32, *, standalone: bool = False
) -> None:
    """Write ``source`` into the folder ``target``, complete or not at all.

    A model that is there already is replaced; other files beside it, such as its README, stay. Of a model put
    together on a Stable Diffusion folder only what differs from it is written, and a reference to it.

    Args:
        source: the model.
        target: folder to write.
        dtype: of the weights.
        standalone: copy what could be referred to.

    Raises:
        InputError: the source cannot be loaded, or the target holds something else or cannot be written.
    """
    check_model_target(target)
    pipeline = FollowYourPosePipeline.from_source(source, dtype)
    with _replacing_model(target) as folder:
        if not standalone and source.base != source.layout and has_image_unet(source.base):
            _save_on_base(pipeline, source, folder)
        else:
            pipeline.save_pretrained(folder)
        if (lora := own_few_step_lora(source.layout)) is not None:
            shutil.copytree(lora.parent, folder / OWN_FOLDER)
        _remove_origins(folder)


def _save_on_base(pipeline: FollowYourPosePipeline, source: ModelSource, folder: Path) -> None:
    """Write the pose encoder, the UNet's tensors that the base does not have, and an index that names the base."""
    pipeline.pose_encoder.save_pretrained(folder / "pose_encoder")
    unet = pipeline.unet
    unet.save_config(folder / "unet")
    own = unet.state_dict()
    for name, tensor in image_unet_tensors(source.base).items():
        if own[name].equal(read_tensor(tensor).to(unet.dtype)):
            del own[name]
    save_file(own, folder / "unet" / "diffusion_pytorch_model.safetensors")
    index = {
        name: value
        for name, value in pipeline.config.items()
        if name in _OWN_PARTS or not isinstance(value, (tuple, list))
    }
    index |= {"_class_name": type(pipeline).__name__, BASE_KEY: base_name(source)}
    (folder / MODEL_INDEX).write_text(json.dumps(index, indent=2) + "\n")


def check_model_target(target: Path) -> None:
    """Raise InputError for a folder that holds other files than a model and its descriptions."""
    if target.is_file():
        raise InputError(f"{target} is a file; name a folder for the model.")
    names = {path.name for path in target.iterdir()} if target.is_dir() else set()
    if names - _DESCRIPTIONS and MODEL_INDEX not in names:
        raise InputError(f"{target} holds something that is not a model; name an empty or new folder.")


@contextlib.contextmanager
def _replacing_model(target: Path) -> Iterator[Path]:
    """A scratch folder beside ``target`` that takes its place at the end, or is deleted after a failure."""
    target = target.resolve()
    scratch = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    try:
        scratch.mkdir(parents=True)
        try:
            yield scratch
            if target.is_dir():
                _copy_others(target, scratch)
            _swap(scratch, target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise InputError(f"Cannot write {target}: {error.strerror}; choose another place.") from error


def _remove_origins(folder: Path) -> None:
    """Remove the path from which the model was loaded: it may be private, and is of no use elsewhere."""
    for path in folder.rglob("*.json"):
        config = json.loads(path.read_text())
        if isinstance(config, dict) and config.pop("_name_or_path", None) is not None:
            path.write_text(json.dumps(config, indent=2) + "\n")


def _copy_others(target: Path, scratch: Path) -> None:
    """Copy what lies beside the model in ``target``."""
    index = target / MODEL_INDEX
    parts = {MODEL_INDEX, OWN_FOLDER, *(json.loads(index.read_text()) if index.is_file() else ())}
    for path in target.iterdir():
        if path.name not in parts and path.is_dir():
            shutil.copytree(path, scratch / path.name)
        elif path.name not in parts:
            shutil.copy2(path, scratch)


def _swap(scratch: Path, target: Path) -> None:
    """Put ``scratch`` in the place of ``target``, which stays if that fails."""
    if not target.exists():
        scratch.rename(target)
        return
    old = scratch.with_name(f"{scratch.name}.old")
    target.rename(old)
    try:
        scratch.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old)
