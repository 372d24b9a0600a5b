"""LoRA files applied to a model, each with its weight."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders import StableDiffusionLoraLoaderMixin
from peft.tuners.lora import LoraLayer

from fyp_core.weights.embeddings import add_bundled_embedding, remove_embeddings, split_bundled_embeddings
from fyp_core.weights.identify import PLACES, FileKind, check_family, identify
from fyp_core.weights.lora.layers import read_lora_layers
from fyp_core.weights.lora.scales import stated_scales
from fyp_core.weights.sources import Lora
from fyp_core.weights.tensors import check_file_size, list_tensors
from fyp_media.errors import InputError, as_input_error

__all__ = ["Lora", "set_loras"]

_ADAPTER = "lora"
_NAMES = {  # what diffusers calls a layer's matrices
    "unet": ("lora_B", "lora_A"),
    "text_encoder": ("lora_linear_layer.up", "lora_linear_layer.down"),
}
_MERGED_UP_TO = 2**28  # bytes of weights that are kept beside the merged ones
_UNSUPPORTED = ("an OFT", "an IA3", "a GLoRA")


def set_loras(pipeline: StableDiffusionLoraLoaderMixin, loras: tuple[Lora, ...]) -> None:
    """Apply exactly these to the network and the text encoder; those applied before are removed.

    Words that a LoRA file contains (embeddings in the same file) are added and removed with it. In a small network,
    where LoRAs as separate layers take up to half of its time in addition, they are merged into its weights.

    Raises:
        InputError: a file is damaged, is no LoRA or is one for another kind of model; then none is applied.
    """
    _remove_loras(pipeline)
    names = [f"{_ADAPTER}_{index}" for index in range(len(loras))]
    try:
        for name, lora in zip(names, loras, strict=True):
            with as_input_error(f"{lora.file} is no LoRA for this model"):
                _add_lora(pipeline, name, lora.file)
    except InputError:
        _remove_loras(pipeline)
        raise
    if loras:
        pipeline.set_adapters(names, [lora.weight for lora in loras])
        _merge_loras(pipeline)


def _merge_loras(pipeline: StableDiffusionLoraLoaderMixin) -> None:
    layers = [layer for layer in pipeline.unet.modules() if isinstance(layer, LoraLayer)]
    weights = [layer.get_base_layer().weight for layer in layers]
    if sum(weight.nbytes for weight in weights) > _MERGED_UP_TO:
        return
    pipeline.unmerged_weights = [(weight, weight.detach().to("cpu", copy=True)) for weight in weights]
    for layer in layers:
        layer.merge()


def _remove_loras(pipeline: StableDiffusionLoraLoaderMixin) -> None:
    for weight, unmerged in pipeline.unmerged_weights:
        weight.data.copy_(unmerged)  # subtracting what was added would leave rounding errors
    pipeline.unmerged_weights = []
    pipeline.unload_lora_weights()
    remove_embeddings(pipeline, pipeline.lora_words)
    pipeline.lora_words = []


def _add_lora(pipeline: StableDiffusionLoraLoaderMixin, name: str, file: Path) -> None:
    check_file_size(file)
    words, tensors = split_bundled_embeddings(list_tensors(file))
    _check_kind(identify(tensors), pipeline.unet.config)
    networks = {"unet": pipeline.unet, "text_encoder": pipeline.text_encoder}
    layers = read_lora_layers(tensors, networks, stated_scales(file))
    for word, vectors in words.items():
        add_bundled_embedding(pipeline, word, vectors)
        pipeline.lora_words.append(word)
    state: dict[str, torch.Tensor] = {}
    for layer, (up, down) in layers.items():
        names = _NAMES[layer.partition(".")[0]]
        state |= {f"{layer}.{name}.weight": matrix for name, matrix in zip(names, (up, down), strict=True)}
    options = {"network_alphas": None, "adapter_name": name, "_pipeline": pipeline}
    if any(layer.startswith("unet.") for layer in layers):
        pipeline.load_lora_into_unet(state, unet=pipeline.unet, **options)
    if any(layer.startswith("text_encoder.") for layer in layers):
        pipeline.load_lora_into_text_encoder(state, text_encoder=pipeline.text_encoder, **options)


def _check_kind(kind: FileKind, unet_config: Mapping[str, Any]) -> None:
    """Raise InputError for a file that is no LoRA, of a kind that is not supported, or for another family."""
    if kind.role != "lora":
        raise InputError(f"it is {kind}{PLACES.get(kind.role, '')}")
    if kind.what in _UNSUPPORTED:
        raise InputError(f"it is {kind}, which is not supported; LoRA, DoRA, LoHa and LoKr are")
    check_family(kind, unet_config)
