"""Which parameters of a network learn, and the number format of the others."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from torch import nn

from fyp_core.generation.device import torch_dtype
from fyp_media.errors import InputError


def set_trainable(network: nn.Module, modules: Sequence[str]) -> None:
    """Train exactly those parameters whose dotted names contain one of ``modules``; all, if it is empty.

    Raises:
        InputError: no parameter has such a name; the message names the closest.
    """
    found = set()
    for name, parameter in network.named_parameters():
        chosen = {module for module in modules if f".{module}." in f".{name}."}
        parameter.requires_grad_(bool(chosen) or not modules)
        found |= chosen
    for module in modules:
        if module not in found:
            known = sorted({part for name, _ in network.named_parameters() for part in _contained(name)})
            close = difflib.get_close_matches(module, known, 1)
            hint = f"; did you mean {close[0]}?" if close else "."
            raise InputError(f"trainable_modules: no parameter of the network is called {module}{hint}")


def _contained(name: str) -> Iterator[str]:
    parts = name.split(".")
    for first in range(len(parts)):
        yield parts[first]
        yield ".".join(parts[first : first + 2])


def cast_frozen_layers(network: nn.Module, mixed_precision: str) -> None:
    """Cast frozen weights to the number format they are computed in.

    Autocast would convert them in every pass; results stay bit for bit the same, memory halves.

    Args:
        mixed_precision: ``fp16`` or ``bf16``; ``no`` leaves everything as it is.
    """
    if mixed_precision == "no":
        return
    dtype = torch_dtype(mixed_precision)
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d)):
            for parameter in layer.parameters(recurse=False):
                if not parameter.requires_grad:
                    parameter.data = parameter.data.to(dtype)


def learnt_names(network: nn.Module) -> list[str]:
    """Names in a network's state that training changes: parameters that learn, and buffers with statistics."""
    frozen = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    return [name for name in network.state_dict() if name not in frozen]
