"""An IP-Adapter applied to a model by diffusers' own loader, and the features that it reads of a picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.loaders import IPAdapterMixin
from diffusers.models.attention_processor import Attention
from diffusers.utils import logging as diffusers_logging
from PIL import Image
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from fyp_core.weights.identify import PLACES, SD1, check_family, identify, width_family
from fyp_core.weights.ip_adapter.files import IPAdapterFiles
from fyp_core.weights.tensors import check_file_size, list_tensors, read_tensor
from fyp_media.errors import InputError, as_input_error

State = dict[str, dict[str, torch.Tensor]]
"""``image_proj`` turns features of a picture into tokens, ``ip_adapter`` these into keys and values."""

# In ``image_proj``, of the plain adapter, the plus variants and the one for whole faces.
_FIRST_LAYERS = ("proj.weight", "proj_in.weight", "proj.0.weight")
_LAST_LAYERS = ("norm.weight", "norm_out.weight", "proj.3.weight")
_UNKNOWN = "the layers that read the picture are of an unknown form"


def check_takes_ip_adapters(name: str, unet_config: Mapping[str, Any]) -> None:
    """Raise InputError for a model that IP-Adapters do not fit; it is called by this name."""
    if width_family(unet_config["cross_attention_dim"]) != SD1:
        raise InputError(
            f"{name} takes no reference picture; models of {SD1} such as followyourpose-v1 do, see --model."
        )


@torch.no_grad()
def load_ip_adapter(
    pipeline: IPAdapterMixin, files: IPAdapterFiles, picture: np.ndarray, device: str
) -> list[torch.Tensor]:
    """Apply an IP-Adapter to the network's attention to the text, and compute its features of a picture.

    The image encoder is loaded for this only. One applied before is removed.

    Args:
        picture: (H, W, 3) uint8 RGB; its middle square is read.
        device: computes the features.

    Returns:
        The pipeline's ``ip_adapter_image_embeds`` with guidance, (2, 1, ...): the unconditional features come first.

    Raises:
        InputError: a file is damaged, is no IP-Adapter or is one for another kind of model; then none is applied.
    """
    remove_ip_adapter(pipeline)
    with as_input_error(f"{files.adapter} is no IP-Adapter for this model"):
        state = _read_adapter(files.adapter, pipeline.unet)
    encoder = _load_image_encoder(files.image_encoder, state["image_proj"], pipeline.unet.dtype)
    pipeline.register_modules(image_encoder=encoder.to(device))
    try:
        _apply(pipeline, state, files.adapter)
        return pipeline.prepare_ip_adapter_image_embeds(Image.fromarray(picture), None, device, 1, True)
    except BaseException:
        remove_ip_adapter(pipeline)
        raise
    finally:
        pipeline.register_modules(image_encoder=None, feature_extractor=None)


def remove_ip_adapter(pipeline: IPAdapterMixin) -> None:
    """Remove the IP-Adapter, where there is one."""
    if any(getattr(processor, "to_k_ip", None) for processor in pipeline.unet.attn_processors.values()):
        pipeline.unload_ip_adapter()


def _apply(pipeline: IPAdapterMixin, state: State, file: Path) -> None:
    try:
        with _without_warnings():
            pipeline.load_ip_adapter(state, subfolder="", weight_name="", low_cpu_mem_usage=False)
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, KeyError, IndexError) as error:  # tensors are missing, or of other shapes
        raise InputError(f"{file} is no IP-Adapter for this model: {_UNKNOWN}") from error


@contextmanager
def _without_warnings() -> Iterator[None]:
    """diffusers warns at every cast of a network that some layers should stay in float32, even if it names none."""
    verbosity = diffusers_logging.get_verbosity()
    diffusers_logging.set_verbosity_error()
    try:
        yield
    finally:
        diffusers_logging.set_verbosity(verbosity)


def _read_adapter(file: Path, unet: Any) -> State:
    check_file_size(file)
    tensors = list_tensors(file)
    kind = identify(tensors)
    if kind.role != "ip_adapter":
        raise InputError(f"it is {kind}{PLACES.get(kind.role, '')}")
    check_family(kind, unet.config)
    state: State = {"image_proj": {}, "ip_adapter": {}}
    for name, tensor in tensors.items():
        part, _, inner = name.partition(".")
        if part in state:
            state[part][inner] = read_tensor(tensor)
    layers = [each for each in unet.modules() if isinstance(each, Attention) and each.is_cross_attention]
    expected = {
        f"{2 * index + 1}.to_{what}_ip.weight": tuple(layer.to_k.weight.shape)
        for index, layer in enumerate(layers)
        for what in "kv"
    }
    if {name: tuple(tensor.shape) for name, tensor in state["ip_adapter"].items()} != expected:
        raise InputError("its layers are of another number or width than this model's")
    if _width(state["image_proj"], _LAST_LAYERS, 0) != unet.config.cross_attention_dim:
        raise InputError(_UNKNOWN)
    return state


def _width(image_proj: Mapping[str, torch.Tensor], layers: tuple[str, ...], axis: int) -> int:
    """Of the layer that there is."""
    weight = next((image_proj[name] for name in layers if name in image_proj), None)
    if weight is None or weight.ndim <= axis:
        raise InputError(_UNKNOWN)
    return weight.shape[axis]


def _load_image_encoder(
    folder: Path, image_proj: Mapping[str, torch.Tensor], dtype: torch.dtype
) -> CLIPVisionModelWithProjection:
    with as_input_error(f"The image encoder {folder} cannot be used"):
        config = CLIPVisionConfig.from_pretrained(folder, local_files_only=True)
        # The plain adapter reads the projected feature of the whole picture, the others those of its parts.
        width = config.projection_dim if "proj.weight" in image_proj else config.hidden_size
        if (read := _width(image_proj, _FIRST_LAYERS, 1)) != width:
            raise InputError(f"its features have {width} values, but the IP-Adapter reads {read}")
        return CLIPVisionModelWithProjection.from_pretrained(folder, dtype=dtype, local_files_only=True)
