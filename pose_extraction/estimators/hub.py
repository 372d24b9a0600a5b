"""Weights from the Hugging Face hub and from mmpose's checkpoints, and where to run them.

PyTorch is imported on use: which weights are on this disk is asked where nothing else needs it.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import huggingface_hub
import numpy as np
from numpy._core import multiarray

from fyp_media.errors import InputError

if TYPE_CHECKING:
    import torch

# Downloaded models, OWNER/NAME@REVISION. The names of the other files hold their versions: see hrnet_weights, rtmlib.
VITPOSE = "usyd-community/vitpose-plus-base@92be54d7a29e42fad47b6e2ca01dd9e685a61e0d"
RT_DETR = "PekingU/rtdetr_r50vd_coco_o365@457857cec8ac28ddede40ecee9eed2beca321af8"

_WEIGHTS = "model.safetensors"

# What a checkpoint of mmpose holds besides tensors: numbers of its data set, stored by numpy 1 or 2.
_NUMPY: list[Any] = [
    *(
        (kind, f"numpy.{core}.multiarray.{kind.__name__}")
        for kind in (multiarray._reconstruct, multiarray.scalar)
        for core in ("core", "_core")
    ),
    np.ndarray,
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("float32", "float64", "int64", "uint8")),
]


def from_hub(kind: Any, model: str) -> Any:
    """``kind.from_pretrained(model)``: of a folder, or of the hub, downloaded once, then from the cache.

    Args:
        model: folder, or id on the hub, ``OWNER/NAME`` or ``OWNER/NAME@REVISION``.

    Raises:
        InputError: there is no such model, or it cannot be downloaded.
    """
    name, _, revision = (model, "", "") if Path(model).is_dir() else model.partition("@")
    try:
        return kind.from_pretrained(name, revision=revision or "main")
    except (OSError, ValueError) as error:
        raise InputError(
            f"The model {model} is not here and cannot be downloaded; connect once to the Hugging Face hub"
            " or name a folder that holds it."
        ) from error


def is_in_hub_cache(model: str) -> bool:
    """Whether a model, ``OWNER/NAME@REVISION``, has been downloaded."""
    repository, _, revision = model.partition("@")
    found = huggingface_hub.try_to_load_from_cache(repository, _WEIGHTS, revision=revision or "main")
    return isinstance(found, str)


def has_checkpoints(pattern: str) -> bool:
    """Whether files of a pattern are in the folder into which ``torch.hub`` downloads checkpoints."""
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    hub = Path(os.environ.get("TORCH_HOME", f"{caches}/torch"), "hub").expanduser()
    return any((hub / "checkpoints").glob(pattern))


def numpy_is_safe() -> AbstractContextManager[None]:
    """Lets ``torch.load(weights_only=True)`` read mmpose's checkpoints."""
    import torch

    return torch.serialization.safe_globals(_NUMPY)


def best_device() -> torch.device:
    """CUDA where there is one."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def best_dtype(device: torch.device) -> torch.dtype:
    """Half precision on CUDA."""
    import torch

    return torch.float16 if device.type == "cuda" else torch.float32
