"""Reading weight files and placing every tensor of them, or saying by name which one does not fit."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from errors import InputError

_NAMES_SHOWN = 5
_ALIGNMENT = 64  # bytes; what PyTorch's own allocator gives


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """Read a ``.safetensors`` or a PyTorch weight file onto the CPU, executing nothing stored in it.

    Raises:
        InputError: the file is missing, damaged or holds anything but named tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"There is no weight file {path}; give the path of a .safetensors, .pth or .bin file."
        )
    try:
        state = (
            load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
        )
    except (SafetensorError, pickle.UnpicklingError, zipfile.BadZipFile, RuntimeError, EOFError) as error:
        raise InputError(
            f"The weight file {path} cannot be read; it may be damaged, download it again."
        ) from error
    if not isinstance(state, Mapping) or not all(torch.is_tensor(tensor) for tensor in state.values()):
        raise InputError(f"The file {path} is not a state dict (a mapping of names to tensors).")
    return dict(state)


def load_every_tensor(model: nn.Module, state: Mapping[str, torch.Tensor], source: str) -> None:
    """Load ``state`` into ``model`` when names and shapes agree exactly.

    Args:
        model: receives the tensors.
        state: the tensors under the model's own names.
        source: what the tensors come from, for the message.

    Raises:
        InputError: tensors are missing, unexpected or of another shape; names them, leaves the model as it was.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    misshapen = [
        f"{name} {found[name]} instead of {shape}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    problems = {
        "missing": expected.keys() - found.keys(),
        "unexpected": found.keys() - expected.keys(),
        "of another shape": misshapen,
    }
    complaints = [f"{_shown(names)} {what}" for what, names in problems.items() if names]
    if complaints:
        raise InputError(f"{source} does not fit {type(model).__name__}: {'; '.join(complaints)}.")
    model.load_state_dict(state)


def align_weights(model: nn.Module) -> None:
    """Copy weights that lie unaligned in a memory-mapped file into memory of their own.

    CPU kernels round the last bit differently on unaligned memory: a model would compute other numbers once it
    has been saved and loaded.
    """
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.data_ptr() % _ALIGNMENT:
            tensor.data = tensor.data.clone()


def _shown(names: Iterable[str]) -> str:
    names = sorted(names)
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
