"""A model in any format this project reads, rewritten in its own: diffusers layout, safetensors, one dtype."""

from __future__ import annotations

import contextlib
import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from errors import InputError
from fyp_core.checkpoints import MODEL_INDEX, ModelSource, load_pipeline

if TYPE_CHECKING:
    import torch

DType = Literal["fp32", "fp16", "bf16"]
DTYPES: tuple[DType, ...] = ("fp32", "fp16", "bf16")


def convert_model(source: ModelSource, target: Path, dtype: DType = "fp32") -> None:
    """Write ``source`` into the folder ``target``, complete or not at all.

    A model that is there already is replaced; other files beside it, such as its README, stay.

    Raises:
        InputError: the source cannot be loaded, or the target holds something else or cannot be written.
    """
    check_target(target)
    pipeline = load_pipeline(source, "cpu", torch_dtype(dtype))
    with _replacing_model(target) as folder:
        pipeline.save_pretrained(folder)
        _forget_places(folder)


def check_target(target: Path) -> None:
    """Raise InputError for a folder that holds anything but a model."""
    if target.is_file():
        raise InputError(f"{target} is a file; name a folder for the model.")
    if target.is_dir() and any(target.iterdir()) and not (target / MODEL_INDEX).is_file():
        raise InputError(f"{target} holds something that is not a model; name an empty or new folder.")


def torch_dtype(name: DType) -> torch.dtype:
    import torch

    return {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[name]


@contextlib.contextmanager
def _replacing_model(target: Path) -> Iterator[Path]:
    """A scratch folder beside ``target`` that takes its place at the end, or vanishes on any failure."""
    target = target.resolve()
    scratch = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    try:
        scratch.mkdir(parents=True)
        try:
            yield scratch
            if target.is_dir():
                _copy_others(target, scratch)
            _swap(scratch, target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise InputError(f"Cannot write {target}: {error.strerror}; choose another place.") from error


def _forget_places(folder: Path) -> None:
    """Where the model was loaded from does not belong into one that is passed on."""
    for path in folder.rglob("*.json"):
        config = json.loads(path.read_text())
        if isinstance(config, dict) and config.pop("_name_or_path", None) is not None:
            path.write_text(json.dumps(config, indent=2) + "\n")


def _copy_others(target: Path, scratch: Path) -> None:
    """Copy what lies beside the model in ``target``."""
    index = target / MODEL_INDEX
    parts = {MODEL_INDEX, *(json.loads(index.read_text()) if index.is_file() else ())}
    for path in target.iterdir():
        if path.name not in parts and path.is_dir():
            shutil.copytree(path, scratch / path.name)
        elif path.name not in parts:
            shutil.copy2(path, scratch)


def _swap(scratch: Path, target: Path) -> None:
    """Put ``scratch`` in the place of ``target``, which stays if that fails."""
    if not target.exists():
        scratch.rename(target)
        return
    old = scratch.with_suffix(".old")
    target.rename(old)
    try:
        scratch.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old)
