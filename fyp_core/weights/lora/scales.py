"""How strongly a LoRA file acts by what its tool wrote beside the tensors: alpha / rank, of PEFT and diffusers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from safetensors import safe_open

from fyp_core.weights.tensors import is_safetensors
from fyp_media.errors import InputError

_NETWORKS = ("unet", "text_encoder")
_PEFT, _PEFT_CONFIG = "adapter_model", "adapter_config.json"  # the name of its file, and what lies beside it
_DIFFUSERS = "lora_adapter_metadata"  # in the file's header
_BY_LAYER = "alpha_pattern"


def stated_scales(file: Path) -> dict[str, Callable[[int], float]]:
    """For each network alpha / rank by a layer's rank; 1 where nothing is stated.

    Raises:
        InputError: what is stated cannot be read, or differs from layer to layer.
    """
    configs = {network: _config(file, network) for network in _NETWORKS}
    if any(config.get(_BY_LAYER) for config in configs.values()):
        raise InputError(f"its layers have different strengths ({_BY_LAYER}), which is not supported")
    return {network: partial(_scale, config) for network, config in configs.items()}


def _config(file: Path, network: str) -> Mapping[str, Any]:
    beside = file.with_name(_PEFT_CONFIG)
    if file.stem == _PEFT and beside.is_file():
        return _mapping(beside.read_bytes())
    if not is_safetensors(file):
        return {}
    with safe_open(file, "pt") as content:
        stated = _mapping((content.metadata() or {}).get(_DIFFUSERS, "{}"))
    prefix = f"{network}."
    return {name.removeprefix(prefix): value for name, value in stated.items() if name.startswith(prefix)}


def _mapping(text: str | bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise InputError(f"{_PEFT_CONFIG}, or what is stated in its place, is no JSON") from error
    return content if isinstance(content, dict) else {}


def _scale(config: Mapping[str, Any], rank: int) -> float:
    alpha = config.get("lora_alpha")
    if not isinstance(alpha, int | float) or rank < 1:
        return 1.0
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
