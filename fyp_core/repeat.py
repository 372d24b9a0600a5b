"""A video made again from the settings that are stored in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from errors import InputError
from fyp_core.checkpoints import Additions
from fyp_core.devices import Runtime
from fyp_core.request import GenerationRequest

T = TypeVar("T")
_NAMES = {"model", *(field.name for cls in (GenerationRequest, Additions, Runtime) for field in fields(cls))}


def repeatable(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What of a video's settings can be given again: the model, and fields of request, additions and runtime.

    Raises:
        InputError: they are those of several videos, or damaged.
    """
    values = {name: value for name, value in settings.items() if name in _NAMES and value is not None}
    try:
        pick(GenerationRequest, values).check()
    except (TypeError, AttributeError) as error:
        raise InputError("The settings stored in that video are damaged or of several ones.") from error
    return values


def pick(cls: type[T], values: Mapping[str, Any]) -> T:
    """An instance of a dataclass from those values that are its fields; lists become tuples."""
    chosen = {field.name: values[field.name] for field in fields(cls) if field.name in values}
    return cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in chosen.items()})


def differences(before: Mapping[str, Any], now: Mapping[str, Any], ignored: Iterable[str]) -> list[str]:
    """Names of settings that differ without having been asked for."""
    return [name for name in before if name in now and name not in ignored and before[name] != now[name]]
