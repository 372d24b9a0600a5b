"""The parts of a model put together: files in, a pipeline out, without a second copy in memory on the way."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers import AutoencoderKL, DDIMScheduler, ModelMixin, StableDiffusionPipeline
from transformers import CLIPTextModel, CLIPTokenizer

from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.pose_encoder import PUBLISHED_PREFIX, PoseEncoder, convert_published_state
from fyp_core.unet import PoseVideoUNet, stage2_parameter_names, temporal_parameter_names
from fyp_core.weights.sources import (
    BASE_KEY,
    MODEL_INDEX,
    Lora,
    ModelSource,
    single_file_configs,
    weight_file,
)
from fyp_core.weights.tensors import (
    Tensors,
    align_weights,
    check_every_tensor,
    list_tensors,
    load_every_tensor,
    read_state_dict,
)
from fyp_media.errors import InputError, as_input_error

Model = TypeVar("Model", bound=ModelMixin)


def load_pipeline(source: ModelSource, device: str, dtype: torch.dtype) -> FollowYourPosePipeline:
    """Load a model.

    Raises:
        InputError: a file is missing, damaged or does not belong to such a model.
    """
    with as_input_error(f"The model {source.name} cannot be loaded"):
        load = _load_whole if source.layout == source.base else _load_assembled
        pipeline = load(source, dtype)
    if source.vae is not None:
        with as_input_error(f"{source.vae} is no autoencoder of Stable Diffusion"):
            pipeline.register_modules(vae=_load_vae(source.vae, dtype))
    put_embeddings(pipeline, source.embeddings)
    return pipeline.to(device)


def load_untrained(base: Path, dtype: torch.dtype) -> FollowYourPosePipeline:
    """Stable Diffusion as a model to train: a pose encoder without effect, temporal layers that are the identity.

    Args:
        base: a folder in diffusers layout, or a single file.

    Raises:
        InputError: a file is missing, damaged or does not belong to such a model.
    """
    with as_input_error(f"{base} is no Stable Diffusion 1.x"):
        parts = (_open_folder if base.is_dir() else _open_file)(base, dtype)
        unet = PoseVideoUNet.from_config(parts.unet_config).to(dtype)
        own = {name: unet.state_dict()[name] for name in temporal_parameter_names(unet)}
        load_every_tensor(unet, {**own, **parts.unet_tensors()}, str(base), dtype)
        return FollowYourPosePipeline(
            vae=parts.vae,
            text_encoder=parts.text_encoder,
            tokenizer=parts.tokenizer,
            unet=unet,
            pose_encoder=PoseEncoder(channels=tuple(unet.config.block_out_channels), zero_gain=True).to(
                dtype
            ),
            scheduler=parts.scheduler,
        )


def put_loras(pipeline: FollowYourPosePipeline, loras: tuple[Lora, ...]) -> None:
    """Let exactly these act on the network and the text encoder; those there before are removed.

    Raises:
        InputError: a file is damaged, is no LoRA or is one for another kind of model; then none acts.
    """
    pipeline.unload_lora_weights()
    names = [f"lora_{index}" for index in range(len(loras))]
    try:
        for name, lora in zip(names, loras):
            with as_input_error(f"{lora.file} is no LoRA for this model"):
                _put_lora(pipeline, name, lora.file)
    except InputError:
        pipeline.unload_lora_weights()
        raise
    if loras:
        pipeline.set_adapters(names, [lora.weight for lora in loras])


def _put_lora(pipeline: FollowYourPosePipeline, name: str, file: Path) -> None:
    state = _with_scale_folded_in(read_state_dict(file))
    pipeline.load_lora_weights(state, adapter_name=name, unet_config=pipeline.unet.config)
    if not any(name in adapters for adapters in pipeline.get_list_adapters().values()):
        raise InputError("none of its layers is in the network")


def put_embeddings(pipeline: FollowYourPosePipeline, files: tuple[Path, ...]) -> None:
    """Teach the text encoder new words, each by the token its file names, or else by the file's name.

    Raises:
        InputError: a file is damaged, is no textual inversion or is one for another text encoder.
    """
    for file in files:
        with as_input_error(f"{file} is no embedding for this model"):
            token, vectors = _read_embedding(file)
            pipeline.load_textual_inversion(vectors, token=token)


def unet_tensors(source: ModelSource) -> Tensors:
    """What a source's own network file holds of the UNet: everything, or what differs from its base."""
    tensors = list_tensors(weight_file(source.unet))
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(PUBLISHED_PREFIX)}


def image_unet_tensors(base: Path) -> Tensors:
    """The UNet of a Stable Diffusion folder."""
    return list_tensors(weight_file(base / "unet"))


def _load_whole(source: ModelSource, dtype: torch.dtype) -> FollowYourPosePipeline:
    """A model in our layout that brings all its parts."""
    folder = source.base
    large = {"unet": PoseVideoUNet, "vae": AutoencoderKL, "pose_encoder": PoseEncoder}
    parts = {name: _load_part(part, folder / name, dtype) for name, part in large.items()}
    return FollowYourPosePipeline.from_pretrained(folder, **parts, dtype=dtype, local_files_only=True)


def _load_assembled(source: ModelSource, dtype: torch.dtype) -> FollowYourPosePipeline:
    with as_input_error(f"{source.base} is no Stable Diffusion 1.x"):
        base = (_open_folder if source.base.is_dir() else _open_file)(source.base, dtype)
    with torch.device("meta"):
        unet = PoseVideoUNet.from_config(base.unet_config, **_own_unet_settings(source.layout))
    own = unet_tensors(source)
    if source.motion_only:
        learnt = set(stage2_parameter_names(unet))
        own = {name: tensor for name, tensor in own.items() if name in learnt}
    # A published network is whole: what it lacks must be named, not taken from its base.
    image = base.unet_tensors() if source.motion_only or source.layout else {}
    load_every_tensor(unet, {**image, **own}, str(source.unet), dtype)
    return FollowYourPosePipeline(
        vae=base.vae,
        text_encoder=base.text_encoder,
        tokenizer=base.tokenizer,
        unet=unet.eval(),
        pose_encoder=_load_pose_encoder(source, dtype),
        scheduler=base.scheduler,
        **(_own_settings(source.layout) if source.layout else {}),
    )


@dataclass(frozen=True)
class _Base:
    """Stable Diffusion, its UNet as tensors that may still lie in their file."""

    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    scheduler: DDIMScheduler
    unet_config: dict[str, Any]
    unet_place: Path | None = None
    unet_state: Tensors | None = None

    def unet_tensors(self) -> Tensors:
        return self.unet_state if self.unet_place is None else image_unet_tensors(self.unet_place)


def _open_folder(folder: Path, dtype: torch.dtype) -> _Base:
    offline = {"local_files_only": True}
    return _Base(
        vae=_load_part(AutoencoderKL, folder / "vae", dtype),
        text_encoder=CLIPTextModel.from_pretrained(folder, subfolder="text_encoder", dtype=dtype, **offline),
        tokenizer=CLIPTokenizer.from_pretrained(folder, subfolder="tokenizer", **offline),
        scheduler=DDIMScheduler.from_pretrained(folder, subfolder="scheduler", **offline),
        unet_config=PoseVideoUNet.load_config(folder, subfolder="unet"),
        unet_place=folder,
    )


def _open_file(file: Path, dtype: torch.dtype) -> _Base:
    """A single file as downloaded from model sites, in the names of the first Stable Diffusion code."""
    list_tensors(file)  # refuses what is damaged or would run code
    parts = StableDiffusionPipeline.from_single_file(
        str(file),
        config=str(single_file_configs()),
        dtype=dtype,
        safety_checker=None,
        feature_extractor=None,
        image_encoder=None,
        local_files_only=True,
    )
    for part in (parts.vae, parts.text_encoder):
        align_weights(part)
    return _Base(
        vae=parts.vae,
        text_encoder=parts.text_encoder,
        tokenizer=parts.tokenizer,
        scheduler=DDIMScheduler.from_config(parts.scheduler.config),
        unet_config=parts.unet.config,
        unet_state=parts.unet.state_dict(),
    )


def _load_part(cls: type[Model], folder: Path, dtype: torch.dtype) -> Model:
    with torch.device("meta"):
        model = cls.from_config(cls.load_config(folder))
    file = weight_file(folder)
    load_every_tensor(model, list_tensors(file), str(file), dtype)
    return model.eval()


def _load_vae(place: Path, dtype: torch.dtype) -> AutoencoderKL:
    if place.is_dir():
        return _load_part(AutoencoderKL, place, dtype)
    list_tensors(place)  # refuses what is damaged or would run code
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
        name: t
        for name, t in list_tensors(weight_file(source.unet)).items()
        if name.startswith(PUBLISHED_PREFIX)
    }
    if inside:  # the published network file repeats it
        state = {"gain": encoder.gain, **convert_published_state(inside)}
        check_every_tensor(encoder, state, str(source.unet))
    return encoder.eval()


def _own_unet_settings(layout: Path | None) -> dict[str, Any]:
    """What a base's configuration does not know of the network."""
    config = PoseVideoUNet.load_config(layout, subfolder="unet") if layout else {}
    return {key: value for key, value in config.items() if key == "temporal_padding"}


def _own_settings(layout: Path) -> dict[str, Any]:
    """The pipeline's own settings in a model index: what is neither private nor a part."""
    index = json.loads((layout / MODEL_INDEX).read_text())
    return {
        key: value
        for key, value in index.items()
        if not key.startswith("_") and not isinstance(value, list) and key != BASE_KEY
    }


def _with_scale_folded_in(lora: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """kohya's files give the product of a layer's two matrices the weight alpha / rank; here the matrix has it.

    diffusers keeps the alphas beside the matrices, but loses those of text encoder layers that differ.
    """
    for name in [name for name in lora if name.endswith(".alpha")]:
        stem = name.removesuffix(".alpha")
        up, down = f"{stem}.lora_up.weight", f"{stem}.lora_down.weight"
        if up in lora and down in lora:
            lora[up] = lora[up] * (lora.pop(name).item() / len(lora[down]))
    return lora


def _read_embedding(file: Path) -> tuple[str, torch.Tensor]:
    """Token and vectors, of diffusers' format (one tensor, named by its token) or the web UI's."""
    tensors = read_state_dict(file)
    if len(tensors) != 1:
        raise InputError("it holds more than one tensor")
    ((name, vectors),) = tensors.items()
    return (file.stem if name in ("*", "emb_params") else name), vectors
