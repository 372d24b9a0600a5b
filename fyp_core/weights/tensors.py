"""Reading weight files and placing every tensor of them, or saying by name which one does not fit.

Tensors are listed first and read one by one, each straight into memory of its own: no second copy of a model is
ever held, neither by this process nor as mapped pages that count as its memory. Their addresses are aligned as
PyTorch's allocator gives them; CPU kernels round the last bit differently on the unaligned memory of a mapped
file, so that a model would compute other numbers once it has been saved and loaded.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import struct
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from fyp_media.errors import InputError

WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pth", ".pt", ".ckpt")
_NAMES_SHOWN = 5
_ALIGNMENT = 64  # bytes; what PyTorch's own allocator gives
_LONGEST_HEADER = 100_000_000  # bytes, safetensors' own limit
_WRAPPERS = ("state_dict", "string_to_param")  # PyTorch Lightning's; that of the web UI's textual inversions
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


@dataclass(frozen=True)
class StoredTensor:
    """A tensor that lies contiguously in a file, at ``offset`` bytes."""

    path: Path
    dtype: torch.dtype
    shape: tuple[int, ...]
    offset: int

    @property
    def end(self) -> int:
        return self.offset + math.prod(self.shape) * self.dtype.itemsize

    def read(self) -> torch.Tensor:
        memory = torch.empty(self.end - self.offset, dtype=torch.uint8)
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.offset)
            view, done = memoryview(memory.numpy()), 0
            while done < len(view) and (count := file.readinto(view[done:])):
                done += count
        return memory.view(self.dtype).view(self.shape)


Tensors = Mapping[str, torch.Tensor | StoredTensor]


def list_tensors(path: str | os.PathLike[str]) -> dict[str, torch.Tensor | StoredTensor]:
    """The tensors of a ``.safetensors`` or PyTorch weight file by name; nothing stored in it is executed.

    Values are places in the file, or tensors where an old format does not tell the places. They are
    taken out of what PyTorch Lightning or the web UI puts around them.

    Raises:
        InputError: the file is missing, damaged or holds anything but named tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no weight file {path}; give one ending in {', '.join(WEIGHT_SUFFIXES)}.")
    try:
        tensors = _list_safetensors(path) if path.suffix == ".safetensors" else _list_pytorch(path)
        complete = all(t.end <= path.stat().st_size for t in tensors.values() if isinstance(t, StoredTensor))
    except pickle.UnpicklingError as error:
        raise InputError(
            f"The weight file {path} is damaged or would run code when loaded; get it as .safetensors."
        ) from error
    except (ValueError, KeyError, AttributeError, zipfile.BadZipFile, RuntimeError, EOFError) as error:
        raise InputError(
            f"The weight file {path} cannot be read; it may be damaged, download it again."
        ) from error
    if not complete:
        raise InputError(f"The weight file {path} is cut off; download it again.")
    return tensors


def read_tensor(tensor: torch.Tensor | StoredTensor) -> torch.Tensor:
    """The tensor itself, wherever it is."""
    return tensor.read() if isinstance(tensor, StoredTensor) else tensor


def read_state_dict(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """The tensors of a weight file by name, on the CPU; as :func:`list_tensors` otherwise."""
    return {name: read_tensor(tensor) for name, tensor in list_tensors(path).items()}


def load_every_tensor(
    model: nn.Module, state: Tensors, source: str, dtype: torch.dtype | None = None
) -> None:
    """Load ``state`` into ``model`` when names and shapes agree exactly.

    Args:
        model: receives the tensors; on the meta device it takes them over, otherwise it copies them.
        state: the tensors under the model's own names.
        source: what the tensors come from, for the message.
        dtype: of the loaded tensors; by default as they are.

    Raises:
        InputError: as :func:`check_every_tensor`; the model stays as it was.
    """
    check_every_tensor(model, state, source)
    on_meta = any(parameter.is_meta for parameter in model.parameters())
    model.load_state_dict({name: read_tensor(t).to(dtype=dtype) for name, t in state.items()}, assign=on_meta)


def check_every_tensor(model: nn.Module, state: Tensors, source: str) -> None:
    """Raise InputError that names which tensors are missing, unexpected or of another shape than the model's."""
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


def align_weights(model: nn.Module) -> None:
    """Copy weights that lie unaligned in a memory-mapped file into memory of their own."""
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.data_ptr() % _ALIGNMENT:
            tensor.data = tensor.data.clone()


def _list_safetensors(path: Path) -> dict[str, StoredTensor]:
    """https://github.com/huggingface/safetensors#format: header length, JSON header, tensors."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8).rjust(8, b"\xff"))
        if length > _LONGEST_HEADER:
            raise ValueError("no safetensors header")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return {
        name: StoredTensor(
            path, _DTYPES[entry["dtype"]], tuple(entry["shape"]), 8 + length + entry["data_offsets"][0]
        )
        for name, entry in header.items()
    }


def _list_pytorch(path: Path) -> dict[str, torch.Tensor | StoredTensor]:
    if not zipfile.is_zipfile(path):  # the format before PyTorch 1.6
        return _named_tensors(torch.load(path, "cpu", weights_only=True), path)
    with FakeTensorMode():  # tells where in the file the tensors lie, instead of reading them
        tensors = _named_tensors(torch.load(path, "cpu", weights_only=True), path)
        if not all(tensor.is_contiguous() for tensor in tensors.values()):
            tensors = None
    if tensors is None:
        return _named_tensors(torch.load(path, "cpu", weights_only=True), path)
    return {
        name: StoredTensor(
            path,
            tensor.dtype,
            tuple(tensor.shape),
            tensor.untyped_storage()._checkpoint_offset + tensor.storage_offset() * tensor.dtype.itemsize,
        )
        for name, tensor in tensors.items()
    }


def _named_tensors(content: Any, path: Path) -> dict[str, torch.Tensor]:
    for key in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(torch.is_tensor(t) for t in content.values()):
        raise InputError(f"The file {path} is not a state dict (a mapping of names to tensors).")
    return dict(content)


def _shown(names: Iterable[str]) -> str:
    names = sorted(names)
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
