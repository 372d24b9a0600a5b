"""The changes of a LoRA file to each layer, whatever tool wrote it, as pairs of low-rank matrices.

A layer's weight W becomes W + up @ down. LoRA (Hu et al. 2021, arXiv 2106.09685) stores the two matrices. DoRA (Liu et
al. 2024, arXiv 2402.09353), and LoHa and LoKr of LyCORIS (Yeh et al. 2023, arXiv 2309.14859) store other factors of a
difference of W, which are multiplied here once, so that one kind of adapter layer runs them all.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping

import torch
from torch import nn

from fyp_core.weights.tensors import Tensors, read_tensor
from fyp_media.errors import InputError

Factors = tuple[torch.Tensor, torch.Tensor]
"""up (out, rank) and down (rank, in), of a convolution with its kernel."""
_Parts = dict[str, torch.Tensor]

_PART = re.compile(
    r"(?P<layer>.+?)[._](?P<part>lora_(?:up|down|mid)\.weight|alpha|dora_scale|hada_(?:w[12]_[ab]|t[12])"
    r"|lokr_(?:w[12](?:_[ab])?|t2)|diff)"
)
# Spellings of PEFT and of versions of diffusers, and what they are called here.
_SPELLINGS = (
    (r"\.default(?=\.|$)", ""),
    (r"[._]lora(?:_linear_layer)?\.(up|down)\.weight$", r".lora_\1.weight"),
    (r"\.lora_A(?:\.weight)?$", ".lora_down.weight"),
    (r"\.lora_B(?:\.weight)?$", ".lora_up.weight"),
    (r"\.lora_magnitude_vector(?:\.weight)?$", ".dora_scale"),
)
_NETWORKS = (  # prefixes and their networks; PEFT's files of one network have none
    ("lora_unet_", "unet"),
    ("unet.", "unet"),
    ("lora_te_", "text_encoder"),
    ("lora_te1_", "text_encoder"),
    ("text_encoder.", "text_encoder"),
)
_NAMES_SHOWN = 3


def read_lora_layers(
    tensors: Tensors, networks: Mapping[str, nn.Module], scales: Mapping[str, Callable[[int], float]]
) -> dict[str, Factors]:
    """The changes of a LoRA file.

    Args:
        tensors: of the file.
        networks: ``unet`` and ``text_encoder``; they may carry other LoRAs already.
        scales: for each network alpha / rank by a layer's rank, where the layer does not state its own.

    Returns:
        Matrices by ``NETWORK.PATH`` of the layer.

    Raises:
        InputError: a tensor is of an unknown kind, or belongs to no layer or to one of another size.
    """
    places = {name: _adaptable_layers(network) for name, network in networks.items()}
    layers = {}
    unknown = []
    for stem, parts in _group(tensors).items():
        found = _find_layer(stem, places)
        if found is None:
            unknown.append(stem)
            continue
        name, layer = found
        if "alpha" not in parts and (down := parts.get("lora_down.weight")) is not None:
            parts["alpha"] = torch.tensor(scales[name.partition(".")[0]](len(down)) * len(down))
        layers[name] = _layer_factors(stem, parts, layer)
    if unknown:
        shown = ", ".join(unknown[:_NAMES_SHOWN])
        raise InputError(f"{len(unknown)} of its {len(unknown) + len(layers)} layers are not in it ({shown})")
    if not layers:
        raise InputError("it holds no layers")
    return layers


def _group(tensors: Tensors) -> dict[str, _Parts]:
    """Tensors by layer and part."""
    layers: dict[str, _Parts] = defaultdict(dict)
    for name, tensor in tensors.items():
        plain = name
        for pattern, replacement in _SPELLINGS:
            plain = re.sub(pattern, replacement, plain)
        match = _PART.fullmatch(plain)
        if match is None:
            raise InputError(f"its tensor {name} is of a kind that is not supported")
        layers[match["layer"]][match["part"]] = read_tensor(tensor).float()
    return layers


def _adaptable_layers(network: nn.Module) -> dict[str, tuple[str, nn.Linear | nn.Conv2d]]:
    """Path and layer, by the path with underscores, as kohya's trainer writes it."""
    layers = {}
    for path, module in network.named_modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)) and ".lora_" not in path:
            path = path.removesuffix(".base_layer")  # where another LoRA is applied to it
            layers[path.removeprefix("text_model.").replace(".", "_")] = (path, module)
    return layers


def _find_layer(
    stem: str, places: Mapping[str, Mapping[str, tuple[str, nn.Linear | nn.Conv2d]]]
) -> tuple[str, nn.Linear | nn.Conv2d] | None:
    """``NETWORK.PATH`` and layer of a name in a file."""
    stem = stem.removeprefix("base_model.model.")
    prefix, *names = next(((p, n) for p, n in _NETWORKS if stem.startswith(p)), ("", *places))
    key = stem.removeprefix(prefix).replace(".", "_").replace("processor_", "").removeprefix("text_model_")
    for name in names:
        for candidate in (key, f"{key}_0"):  # diffusers once called the list to_out by its only layer
            if candidate in places[name]:
                path, layer = places[name][candidate]
                return f"{name}.{path}", layer
    return None


def _layer_factors(stem: str, parts: _Parts, layer: nn.Linear | nn.Conv2d) -> Factors:
    """The change of one layer.

    Raises:
        InputError: parts are missing, of another size than the layer, empty or undefined.
    """
    weight = layer.weight.detach()
    rows, columns = weight.flatten(1).shape
    try:
        up, down = _stored_factors(parts)
    except (KeyError, RuntimeError) as error:
        raise InputError(f"the tensors of its layer {stem} do not belong together") from error
    if up.shape[1] != len(down):
        raise InputError(f"the tensors of its layer {stem} do not belong together")
    if (len(up), down.shape[1]) != (rows, columns):
        raise InputError(
            f"its layer {stem} has {len(up)} outputs and {down.shape[1]} inputs, this model's {rows} and {columns}"
        )
    if not len(down):
        raise InputError(f"its layer {stem} is empty")
    if not (up.isfinite().all() and down.isfinite().all()):
        raise InputError(f"its layer {stem} has undefined numbers (NaN); download it again or choose another")
    if "dora_scale" in parts:
        change = (up @ down).view(weight.shape)
        up, down = _split(_decompose(stem, change, parts["dora_scale"], weight.float()).flatten(1))
    elif len(down) > min(rows, columns):
        up, down = _split(up @ down)
    kernel = weight.shape[2:]
    return up.view(*up.shape, *(1 for _ in kernel)), down.view(len(down), *weight.shape[1:])


def _stored_factors(parts: _Parts) -> Factors:
    """(out, rank) and (rank, in), with a kernel's places counted as inputs; the scale alpha / rank is multiplied in."""
    if "lora_up.weight" in parts:
        up, down = parts["lora_up.weight"].flatten(1), parts["lora_down.weight"].flatten(1)
        rank = up.shape[1]
        if "lora_mid.weight" in parts:
            down = torch.einsum("rs...,si->ri...", parts["lora_mid.weight"], down).flatten(1)
    elif "hada_w1_a" in parts and "hada_t1" not in parts:
        # The element-wise product of two low-rank matrices has the products of all pairs of columns as its factors.
        rank = len(parts["hada_w1_b"])
        up = (parts["hada_w1_a"][:, :, None] * parts["hada_w2_a"][:, None]).flatten(1)
        down = (parts["hada_w1_b"][:, None] * parts["hada_w2_b"][None]).flatten(0, 1)
    elif "hada_w1_a" in parts:
        rank = len(parts["hada_w1_b"])
        first, second = (_tucker(parts, f"hada_t{i}", f"hada_w{i}_a", f"hada_w{i}_b") for i in (1, 2))
        up, down = _split((first * second).flatten(1))
    elif "diff" in parts:
        return _split(parts["diff"].flatten(1))
    else:
        first, second = _kronecker_factor(parts, 1), _kronecker_factor(parts, 2)
        rank = next((len(parts[name]) for name in ("lokr_w1_b", "lokr_w2_b") if name in parts), 0)
        up, down = _split(torch.kron(first.flatten(1), second.flatten(1)))
    alpha = parts["alpha"].item() if "alpha" in parts and rank else None
    return (up, down) if alpha is None else (up * (alpha / rank), down)


def _kronecker_factor(parts: _Parts, index: int) -> torch.Tensor:
    name = f"lokr_w{index}"
    if name in parts:
        return parts[name]
    if "lokr_t2" in parts and index == 2:
        return _tucker(parts, "lokr_t2", "lokr_w2_a", "lokr_w2_b")
    return parts[f"{name}_a"] @ parts[f"{name}_b"]


def _tucker(parts: _Parts, core: str, up: str, down: str) -> torch.Tensor:
    """(out, in, height, width) of a convolution in Tucker's decomposition."""
    return torch.einsum("ijkl,jr,ip->prkl", parts[core], parts[down], parts[up])


def _split(change: torch.Tensor) -> Factors:
    """A full matrix as a product of two."""
    rows, columns = change.shape
    return (torch.eye(rows), change) if rows <= columns else (change, torch.eye(columns))


def _decompose(
    stem: str, change: torch.Tensor, magnitude: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    """The change of DoRA: W + change gets new lengths, of its rows, or in older files of its columns."""
    outputs, inputs = weight.shape[:2]
    by_rows = magnitude.numel() == outputs and (magnitude.ndim == 1 or len(magnitude) == outputs)
    if not by_rows and magnitude.numel() != inputs:
        raise InputError(f"the magnitudes of its layer {stem} are {tuple(magnitude.shape)} in size")
    dims = [dim for dim in range(weight.ndim) if dim != (0 if by_rows else 1)]
    changed = weight + change
    lengths = torch.linalg.vector_norm(changed, dim=dims, keepdim=True).clamp_min(
        torch.finfo(torch.float32).eps
    )
    return changed * (magnitude.reshape(lengths.shape) / lengths) - weight
