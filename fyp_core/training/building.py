"""Networks made new, of the sizes that a configuration gives under ``model``."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any, TypeVar

from fyp_core.training.config import TrainConfig
from fyp_core.yaml_config import refuse_unknown_names
from fyp_media.errors import InputError

T = TypeVar("T")


def build(kind: Callable[..., T], config: TrainConfig, part: str = "", **given: Any) -> T:
    """Make ``kind`` of the sizes under ``model``, or under a part of it.

    Args:
        given: arguments that are not the configuration's to decide.

    Raises:
        InputError: there are no sizes, one of them is unknown (names the closest), or they do not fit together.
    """
    key = f"model.{part}" if part else "model"
    sizes = config.model.get(part) if part else config.model
    if not sizes or not isinstance(sizes, dict):
        raise InputError(
            f"The {config.stage} stage makes a {kind.__name__} and needs its sizes under {key}; give them as in"
            f" configs/mini_{config.stage}.yaml."
        )
    refuse_unknown_names(sizes, [name for name in signature(kind).parameters if name not in given], f"{key}.")
    try:
        return kind(**sizes, **given)
    except Exception as error:  # libraries raise nearly anything on sizes that do not fit
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
        raise InputError(f"The sizes under {key} make no {kind.__name__}; change them: {reason}") from error
