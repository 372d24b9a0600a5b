"""A video made again from the settings that are stored in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from fyp_core.generation.device import Runtime
from fyp_core.generation.request import GenerationRequest
from fyp_core.settings import Settings, validated
from fyp_core.weights.sources import Additions
from fyp_media.errors import InputError

S = TypeVar("S", bound=Settings)
_NAMES = {
    "model",
    *(name for model in (GenerationRequest, Additions, Runtime) for name in model.model_fields),
}


def repeated(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given settings, completed by those stored in a video: the model and fields of request, additions, runtime.

    Raises:
        InputError: the settings are those of several videos, or damaged; or a value cannot work.
    """
    stored = {name: value for name, value in settings.items() if name in _NAMES and value is not None}
    if "fit" not in settings:  # written by a version that always showed the middle of the picture
        stored["fit"] = "cover"
    decided = decided_by(given)
    values = {name: value for name, value in stored.items() if name not in decided} | dict(given)
    if not all(isinstance(stored.get(name), str) for name in ("input", "prompt")):  # several videos have none
        raise InputError(
            "The settings stored in that video are damaged, or belong to several videos; name another video."
        )
    pick(GenerationRequest, values).check()
    return values


def decided_by(given: Iterable[str]) -> set[str]:
    """The given settings, and those that a given preset or aspect decides, which are stored with their final values."""
    of_preset = ("scheduler", "steps", "reuse") if "preset" in given else ()
    return {*given, *of_preset, *(("width", "height") if "aspect" in given else ())}


def pick(model: type[S], values: Mapping[str, Any]) -> S:
    """Settings made of those values that are fields of them.

    Raises:
        InputError: one is missing or cannot work.
    """
    return validated(model, {name: values[name] for name in model.model_fields if name in values})


def differences(before: Mapping[str, Any], now: Mapping[str, Any], ignored: Iterable[str]) -> list[str]:
    """Names of settings whose values differ, without the ignored ones."""
    return [name for name in before if name in now and name not in ignored and before[name] != now[name]]
