"""A video made again from the settings that are stored in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from fyp_core.generation.device import Runtime
from fyp_core.generation.request import GenerationRequest
from fyp_core.weights.sources import Additions
from fyp_media.errors import InputError

T = TypeVar("T")
_NAMES = {"model", *(field.name for cls in (GenerationRequest, Additions, Runtime) for field in fields(cls))}


def repeated(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, and what else of a video's settings is a model or a field of request, additions and runtime.

    Raises:
        InputError: the settings are those of several videos, or damaged; or a value cannot work.
    """
    stored = {name: value for name, value in settings.items() if name in _NAMES and value is not None}
    if "fit" not in settings:  # made when there was only the middle of the picture
        stored["fit"] = "cover"
    decided = decided_by(given)
    values = {name: value for name, value in stored.items() if name not in decided} | dict(given)
    try:
        pick(GenerationRequest, stored)  # several videos have no one prompt
        pick(GenerationRequest, values).check()
    except (TypeError, AttributeError) as error:
        raise InputError("The settings stored in that video are damaged or of several ones.") from error
    return values


def decided_by(given: Iterable[str]) -> set[str]:
    """The settings given, and those that a preset or an aspect given stands for: they are stored as completed."""
    of_preset = ("scheduler", "steps", "reuse") if "preset" in given else ()
    return {*given, *of_preset, *(("width", "height") if "aspect" in given else ())}


def pick(cls: type[T], values: Mapping[str, Any]) -> T:
    """An instance of a dataclass from those values that are its fields; lists become tuples."""
    names: list[str] = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    chosen = {name: values[name] for name in names if name in values}
    return cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in chosen.items()})


def differences(before: Mapping[str, Any], now: Mapping[str, Any], ignored: Iterable[str]) -> list[str]:
    """Names of settings that differ without having been asked for."""
    return [name for name in before if name in now and name not in ignored and before[name] != now[name]]
