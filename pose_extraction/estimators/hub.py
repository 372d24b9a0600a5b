"""Weights from the Hugging Face hub and from mmpose's checkpoints, and where to run them."""

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from numpy._core import multiarray

from fyp_media.errors import InputError

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

    Raises:
        InputError: there is no such model, or it cannot be downloaded.
    """
    try:
        return kind.from_pretrained(model)
    except (OSError, ValueError) as error:
        raise InputError(
            f"The model {model} is not here and cannot be downloaded; connect once to the Hugging Face hub"
            " or name a folder that holds it."
        ) from error


def numpy_is_safe() -> AbstractContextManager[None]:
    """Lets ``torch.load(weights_only=True)`` read mmpose's checkpoints."""
    return torch.serialization.safe_globals(_NUMPY)


def best_device() -> torch.device:
    """CUDA where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def best_dtype(device: torch.device) -> torch.dtype:
    """Half precision on CUDA."""
    return torch.float16 if device.type == "cuda" else torch.float32
