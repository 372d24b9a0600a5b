"""The parts of a model from files: what :class:`fyp_core.pipeline.FollowYourPosePipeline` is constructed with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers import AutoencoderKL, DDIMScheduler, ModelMixin, StableDiffusionPipeline
from transformers import CLIPTextModel, CLIPTokenizer

from fyp_core.autoencoder import autoencoder_class
from fyp_core.pose_encoder import PUBLISHED_PREFIX, PoseEncoder, convert_published_state
from fyp_core.unet import PoseVideoUNet, stage2_parameter_names, temporal_parameter_names
from fyp_core.weights.identify import PLACES, check_family, identify, width_family
from fyp_core.weights.sources import BASE_KEY, ModelSource, read_index, single_file_configs, weight_file
from fyp_core.weights.tensors import (
    Tensors,
    align_weights,
    check_every_tensor,
    list_tensors,
    load_every_tensor,
)
from fyp_media.errors import InputError, as_input_error

Model = TypeVar("Model", bound=ModelMixin)

_WEIGHTED_PARTS = {"unet": PoseVideoUNet, "pose_encoder": PoseEncoder}
_LIBRARIES = ("diffusers", "transformers")  # the only ones a model index can take the other parts from


def load_parts(source: ModelSource, dtype: torch.dtype) -> dict[str, Any]:
    """Components and settings of a model, on the CPU, by the names of the pipeline's arguments.

    Raises:
        InputError: a file is missing, damaged or does not belong to such a model.
    """
    with as_input_error(f"The model {source.name} cannot be loaded"):
        load = _load_whole if source.layout == source.base else _load_assembled
        parts = load(source, dtype)
    if source.vae is not None:
        with as_input_error(f"{source.vae} is no autoencoder of Stable Diffusion"):
            parts["vae"] = _load_vae(source.vae, dtype)
    return parts


def load_untrained_parts(base: Path, dtype: torch.dtype) -> dict[str, Any]:
    """Stable Diffusion as a model to train: a pose encoder without effect, temporal layers that are the identity.

    Args:
        base: a folder in diffusers layout, or a single file.
        dtype: of the weights.

    Raises:
        InputError: a file is missing, damaged or does not belong to such a model.
    """
    with as_input_error(f"{base} is no Stable Diffusion 1.x"):
        image = _open_base(base, dtype)
        unet = PoseVideoUNet.from_config(image.unet_config).to(dtype)
        own = {name: unet.state_dict()[name] for name in temporal_parameter_names(unet)}
        load_every_tensor(unet, {**own, **image.unet_tensors()}, str(base), dtype)
        encoder = PoseEncoder(channels=tuple(unet.config.block_out_channels), zero_gain=True)
        return {**image.parts, "unet": unet, "pose_encoder": encoder.to(dtype)}


def image_unet_tensors(base: Path) -> Tensors:
    """The UNet of a Stable Diffusion folder."""
    return list_tensors(weight_file(base / "unet"))


def _load_whole(source: ModelSource, dtype: torch.dtype) -> dict[str, Any]:
    """A model in our layout that brings all its parts."""
    folder = source.base
    parts: dict[str, Any] = {
        name: _load_part(cls, folder / name, dtype) for name, cls in _WEIGHTED_PARTS.items()
    }
    parts["vae"] = _load_vae_folder(folder / "vae", dtype)
    for name, entry in read_index(folder).items():
        if isinstance(entry, list) and name not in parts:
            library, class_name = entry
            parts[name] = _load_library_part(folder / name, library, class_name, dtype)
    return {**parts, **_settings(folder)}


def _load_assembled(source: ModelSource, dtype: torch.dtype) -> dict[str, Any]:
    with as_input_error(f"{source.base} is no Stable Diffusion 1.x"):
        base = _open_base(source.base, dtype)
    with torch.device("meta"):
        unet = PoseVideoUNet.from_config(base.unet_config, **_own_unet_settings(source.layout))
    own = _own_unet_tensors(source)
    if source.motion_only:
        _check_same_kind(source.base, base.unet_config, own)
        learnt = set(stage2_parameter_names(unet))
        own = {name: tensor for name, tensor in own.items() if name in learnt}
    # A published network is complete: a missing tensor is an error and is not taken from its base.
    image = base.unet_tensors() if source.motion_only or source.layout else {}
    load_every_tensor(unet, {**image, **own}, str(source.unet), dtype)
    return {
        **base.parts,
        "unet": unet.eval(),
        "pose_encoder": _load_pose_encoder(source, dtype),
        **(_settings(source.layout) if source.layout else {}),
    }


@dataclass(frozen=True)
class _Base:
    """Stable Diffusion without its UNet, whose tensors are read only where they are needed.

    parts: vae, text_encoder, tokenizer and scheduler.
    folder: holds the UNet's tensors, where ``unet_state`` does not.
    """

    parts: dict[str, Any]
    unet_config: dict[str, Any]
    folder: Path
    unet_state: Tensors = field(default_factory=dict)

    def unet_tensors(self) -> Tensors:
        return self.unet_state or image_unet_tensors(self.folder)


def _open_base(place: Path, dtype: torch.dtype) -> _Base:
    return (_open_folder if place.is_dir() else _open_file)(place, dtype)


def _open_folder(folder: Path, dtype: torch.dtype) -> _Base:
    offline = {"local_files_only": True}
    parts = {
        "vae": _load_vae_folder(folder / "vae", dtype),
        "text_encoder": CLIPTextModel.from_pretrained(
            folder, subfolder="text_encoder", dtype=dtype, **offline
        ),
        "tokenizer": CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer", **offline),
        "scheduler": DDIMScheduler.from_pretrained(folder, subfolder="scheduler", **offline),
    }
    align_weights(parts["text_encoder"])
    return _Base(parts, PoseVideoUNet.load_config(folder, subfolder="unet"), folder)


def _open_file(file: Path, dtype: torch.dtype) -> _Base:
    """A single file as downloaded from model sites, in the names of the first Stable Diffusion code."""
    configs = single_file_configs()
    kind = identify(list_tensors(file))
    if kind.role != "checkpoint":
        raise InputError(f"it is {kind}{PLACES.get(kind.role, '')}")
    check_family(kind, PoseVideoUNet.load_config(configs, subfolder="unet"))
    pipeline = StableDiffusionPipeline.from_single_file(
        str(file),
        config=str(configs),
        dtype=dtype,
        safety_checker=None,
        feature_extractor=None,
        image_encoder=None,
        local_files_only=True,
    )
    for part in (pipeline.vae, pipeline.text_encoder):
        align_weights(part)
    parts = {
        "vae": pipeline.vae,
        "text_encoder": pipeline.text_encoder,
        "tokenizer": pipeline.tokenizer,
        "scheduler": DDIMScheduler.from_config(pipeline.scheduler.config),
    }
    return _Base(parts, pipeline.unet.config, file, pipeline.unet.state_dict())


def _load_part(cls: type[Model], folder: Path, dtype: torch.dtype) -> Model:
    with torch.device("meta"):
        model = cls.from_config(cls.load_config(folder))
    file = weight_file(folder)
    load_every_tensor(model, list_tensors(file), str(file), dtype)
    return model.eval()


def _load_library_part(folder: Path, library: str | None, name: str | None, dtype: torch.dtype) -> Any:
    """A part that a model index describes by library and class; None where the model has none."""
    if library is None or name is None:
        return None
    if library not in _LIBRARIES:
        raise InputError(f"{folder} is of the library {library}; only {' and '.join(_LIBRARIES)} are allowed")
    cls = getattr(import_module(library), name)
    is_network = issubclass(cls, torch.nn.Module)
    part = cls.from_pretrained(folder, local_files_only=True, **({"dtype": dtype} if is_network else {}))
    if is_network:
        align_weights(part)
    return part


def _load_vae_folder(folder: Path, dtype: torch.dtype) -> AutoencoderKL:
    return _load_part(autoencoder_class(AutoencoderKL.load_config(folder)), folder, dtype)


def _load_vae(place: Path, dtype: torch.dtype) -> AutoencoderKL:
    if place.is_dir():
        return _load_vae_folder(place, dtype)
    kind = identify(list_tensors(place))
    if kind.role not in ("vae", "checkpoint", "variant"):
        raise InputError(f"it is {kind}{PLACES.get(kind.role, '')}")
    vae = AutoencoderKL.from_single_file(
        str(place), config=str(single_file_configs()), subfolder="vae", dtype=dtype, local_files_only=True
    )
    align_weights(vae)
    return vae


def _load_pose_encoder(source: ModelSource, dtype: torch.dtype) -> PoseEncoder:
    if source.pose_encoder.is_dir():
        return _load_part(PoseEncoder, source.pose_encoder, dtype)
    encoder = PoseEncoder.from_published(source.pose_encoder, dtype)
    inside = {
        name: tensor
        for name, tensor in list_tensors(weight_file(source.unet)).items()
        if name.startswith(PUBLISHED_PREFIX)
    }
    if inside:  # the published network file repeats it
        state = {"gain": encoder.gain, **convert_published_state(inside)}
        check_every_tensor(encoder, state, str(source.unet))
    return encoder.eval()


def _own_unet_tensors(source: ModelSource) -> Tensors:
    """What a source's own network file holds of the UNet: everything, or what differs from its base."""
    tensors = list_tensors(weight_file(source.unet))
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(PUBLISHED_PREFIX)}


def _check_same_kind(base: Path, config: Mapping[str, Any], own: Tensors) -> None:
    """Raise InputError for a base whose UNet reads another text encoder or other images than the model's own."""
    width = next((t.shape[1] for name, t in own.items() if name.endswith("attn2.to_k.weight")), None)
    if width not in (None, config["cross_attention_dim"]):
        found = config["cross_attention_dim"]
        raise InputError(
            f"{base} is {width_family(found) or 'a model of another size'} (text features {found} wide); this"
            f" model needs {width_family(width) or 'one of its size'} ({width} wide)"
        )
    channels = own["conv_in.weight"].shape[1] if "conv_in.weight" in own else config["in_channels"]
    if channels != config["in_channels"]:
        raise InputError(
            f"{base} has {config['in_channels']} input channels instead of {channels}, as models for inpainting"
            " or image editing have"
        )


def _own_unet_settings(layout: Path | None) -> dict[str, Any]:
    """Settings of the network that a base's configuration does not have."""
    config = PoseVideoUNet.load_config(layout, subfolder="unet") if layout else {}
    return {key: value for key, value in config.items() if key == "temporal_padding"}


def _settings(layout: Path) -> dict[str, Any]:
    """The pipeline's own settings in a model index: what is neither private nor a part."""
    return {
        key: value
        for key, value in read_index(layout).items()
        if not key.startswith("_") and not isinstance(value, list) and key != BASE_KEY
    }
