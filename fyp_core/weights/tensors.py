"""Reading weight files and loading every tensor of them, or naming the one that does not fit.

Tensors are listed first and read one by one, each into memory of its own: no second copy of a model is held, neither
by this process nor as mapped pages that count as its memory. (Measured with 1.3 GB of float32: this way 1.26 GB for
a safetensors file and 1.41 GB for a PyTorch file; with the whole file mapped, ``torch.load(mmap=True)`` or one
``safe_open``, 2.51 GB.) Memory of its own is also aligned as PyTorch's allocator does it: CPU kernels round the last
bit differently on the unaligned memory of a mapped file, and a saved model would compute other numbers than before.
"""

from __future__ import annotations

import functools
import math
import os
import pickle
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from fyp_media.errors import InputError

WEIGHT_SUFFIXES = (".safetensors", ".bin", ".pth", ".pt", ".ckpt")
_NAMES_SHOWN = 5
_LARGEST_ADDITION = 4 * 2**30  # bytes; the largest for Stable Diffusion 1.x are about a tenth of it
_LARGEST_HEADER = 10 * 2**20  # bytes; a LoRA of 1,000 layers has some hundred kilobytes
_FIRST_BYTES = 64
_ALIGNMENT = 64  # bytes; what PyTorch's own allocator gives
_WRAPPERS = ("state_dict", "string_to_param")  # of PyTorch Lightning; of the web UI's textual inversions


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in a file; ``read()`` returns it."""

    shape: tuple[int, ...]
    read: Callable[[], torch.Tensor]


Tensors = Mapping[str, torch.Tensor | StoredTensor]


def list_tensors(path: str | os.PathLike[str]) -> Tensors:
    """The tensors of a ``.safetensors`` or PyTorch weight file by name; nothing stored in it is executed.

    Values are tensors of the file that are not read yet, or tensors where an old format can only be read whole.
    Mappings in which PyTorch Lightning and the web UI wrap the tensors are removed.

    Raises:
        InputError: the file is missing, damaged or holds anything but named tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no weight file {path}; give one ending in {', '.join(WEIGHT_SUFFIXES)}.")
    if what := _what_instead(path):
        raise InputError(f"The weight file {path} is {what}.")
    try:
        return _list_safetensors(path) if is_safetensors(path) else _list_pytorch(path)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"The weight file {path} is damaged or would run code when loaded; get it as .safetensors."
        ) from error
    except InputError:
        raise
    except (
        SafetensorError,
        ValueError,
        KeyError,
        AttributeError,
        zipfile.BadZipFile,
        RuntimeError,
        EOFError,
    ) as error:
        raise InputError(
            f"The weight file {path} cannot be read; it may be damaged, download it again."
        ) from error


def check_file_size(file: Path) -> None:
    """Before it is read: raise InputError for a file that is no weight file or far larger than any LoRA."""
    if what := _what_instead(file):
        raise InputError(f"it is {what}")
    if file.stat().st_size > _LARGEST_ADDITION:
        raise InputError(f"it is larger than {_LARGEST_ADDITION / 2**30:.0f} GiB")
    if is_safetensors(file):
        with file.open("rb") as stream:
            header = int.from_bytes(stream.read(8), "little")  # its length comes first
        if header > _LARGEST_HEADER:
            raise InputError(f"its list of tensors is longer than {_LARGEST_HEADER / 2**20:.0f} MiB")


def is_safetensors(file: Path) -> bool:
    """Whether a weight file is in the format of safetensors, by its content, or else by its name."""
    with file.open("rb") as stream:
        length, brace = int.from_bytes(stream.read(8), "little"), stream.read(1)
    return file.suffix.lower() == ".safetensors" or (brace == b"{" and 8 + length <= file.stat().st_size)


def _what_instead(file: Path) -> str:
    """What a file is, and what to do, where its first bytes are not those of a weight file; otherwise "".

    Download programs store what a site answers, such as a page that asks for a login, under the name of the model.
    """
    with file.open("rb") as stream:
        start = stream.read(_FIRST_BYTES).lstrip()
    if not start:
        return "empty; download it again"
    if start.lower().startswith((b"<!doctype html", b"<html")):
        return "a web page; download the file itself, after a login where the site asks for one"
    if start.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS; get the file itself with git lfs pull"
    if start.startswith(b"PK") and is_safetensors(file):
        return "in PyTorch's format; let its name end in .pt"
    return ""


def read_tensor(tensor: torch.Tensor | StoredTensor) -> torch.Tensor:
    """The tensor itself, wherever it is."""
    return tensor.read() if isinstance(tensor, StoredTensor) else tensor


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
    """The library refuses headers over 100 MB, tensors that overlap and files that are cut off."""
    with safe_open(path, "pt") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    return {
        name: StoredTensor(shape, functools.partial(_read_safetensor, path, name))
        for name, shape in shapes.items()
    }


def _read_safetensor(path: Path, name: str) -> torch.Tensor:
    """Read one tensor; the file is opened for each, so that the rest of it does not stay mapped."""
    with safe_open(path, "pt") as file:
        return file.get_tensor(name).clone()


def _list_pytorch(path: Path) -> Tensors:
    load = functools.partial(torch.load, path, "cpu", weights_only=True)
    if not zipfile.is_zipfile(path):  # the format before PyTorch 1.6
        return _named_tensors(load(), path)
    with zipfile.ZipFile(path) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError("PyTorch does not compress; a small file could unpack to any size")
    with FakeTensorMode():  # gives the offsets of the tensors in the file instead of reading them
        tensors = _named_tensors(load(), path)
        places = {name: _place(tensor) for name, tensor in tensors.items() if tensor.is_contiguous()}
    if len(places) < len(tensors):
        return _named_tensors(load(), path)
    return {
        name: StoredTensor(
            tuple(tensor.shape), functools.partial(_read_at, path, places[name], tensor.dtype, tensor.shape)
        )
        for name, tensor in tensors.items()
    }


def _place(tensor: torch.Tensor) -> int:
    """Bytes from the start of the file."""
    storage: Any = tensor.untyped_storage()
    return storage._checkpoint_offset + tensor.storage_offset() * tensor.dtype.itemsize


def _read_at(path: Path, offset: int, dtype: torch.dtype, shape: Sequence[int]) -> torch.Tensor:
    memory = torch.empty(math.prod(shape) * dtype.itemsize, dtype=torch.uint8)
    with path.open("rb") as file:
        file.seek(offset)
        if file.readinto(memory.numpy().data) < len(memory):
            raise InputError(f"The weight file {path} is cut off; download it again.")
    return memory.view(dtype).view(shape)


def _named_tensors(content: Any, path: Path) -> dict[str, torch.Tensor]:
    for key in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    tensors = _flat(content) if isinstance(content, Mapping) else {}
    if not isinstance(content, Mapping) or not all(torch.is_tensor(t) for t in tensors.values()):
        raise InputError(f"The file {path} is not a state dict (a mapping of names to tensors).")
    return tensors


def _flat(content: Mapping[Any, Any]) -> dict[str, Any]:
    """State dicts in a state dict, as IP-Adapters have them, under the names that they have in safetensors files."""
    inner = {key: part for key, part in content.items() if isinstance(part, Mapping)}
    return {key: part for key, part in content.items() if key not in inner} | {
        f"{key}.{name}": tensor for key, part in inner.items() for name, tensor in part.items()
    }


def _shown(names: Iterable[str]) -> str:
    names = sorted(names)
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
