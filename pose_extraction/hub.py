"""Models of the Hugging Face hub, or of a folder in its layout, with one sentence where they cannot be had."""

from typing import Any

import torch

from errors import InputError


def from_hub(kind: Any, model: str) -> Any:
    """``kind.from_pretrained(model)``: downloaded once, then from the cache.

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


def best_device() -> torch.device:
    """CUDA where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
