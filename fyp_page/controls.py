"""A control of the page for a field of the request: kind, limits, default and help all come from the field."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import gradio as gr
from gradio.components import Component

from fyp_core.generation.request import GenerationRequest
from fyp_core.settings import extra_of
from pose_extraction.estimators.factory import available_estimators

_SEVERAL = (Union, UnionType)
_FEW_CHOICES = 4  # shown side by side; more drop down
_MODELS_OWN = "auto"  # the label of None among choices
_WIDEST_SLIDER = 100  # a larger range gets a number field


def control(name: str, **properties: Any) -> Component:
    """The control of a field.

    Args:
        properties: of the component, in place of those that the field gives.
    """
    field = GenerationRequest.model_fields[name]
    kind, is_optional = _without_none(field.annotation)
    given: dict[str, Any] = {
        "label": name.replace("_", " ").capitalize(),
        "info": field.description,
        "value": None if field.is_required() else field.get_default(),
    }
    if get_origin(kind) is Literal or "choices" in properties:
        return _choice(list(get_args(kind)), is_optional, given | properties)
    if kind is bool:
        return gr.Checkbox(**given | properties)
    if kind in (int, float) and is_optional:  # Gradio shows an empty number as 0 at first
        return gr.Textbox(placeholder=extra_of(field)["unset"], max_lines=1, **given | properties)
    if kind in (int, float):
        return _number(kind, _limits(field.metadata), given | properties)
    return gr.Textbox(**given | properties)


def argument(name: str) -> Component:
    """The argument of an endpoint for a field: :func:`control`, but an optional number is a number too."""
    kind, is_optional = _without_none(GenerationRequest.model_fields[name].annotation)
    if kind in (int, float) and is_optional:
        return gr.Number(None, precision=0 if kind is int else None, label=name)
    return control(name)


def usable_estimators() -> list[str]:
    """Pose estimators that run here without a download, ``auto`` first."""
    return [estimator.name for estimator in available_estimators() if estimator.usable]


def _choice(choices: list[Any], is_optional: bool, given: dict[str, Any]) -> Component:
    names = given.pop("choices", choices)
    if is_optional:
        names = [(_MODELS_OWN, None), *names] if given["value"] is None else names
    return (gr.Radio if len(names) <= _FEW_CHOICES else gr.Dropdown)(choices=names, **given)


def _number(kind: type, limits: dict[str, float], given: dict[str, Any]) -> Component:
    low, high = limits.get("minimum"), limits.get("maximum")
    precision = 0 if kind is int else None
    if low is None or high is None or high - low > _WIDEST_SLIDER:
        return gr.Number(**limits | {"precision": precision} | given)
    step = 1 if kind is int else (high - low) / 20
    return gr.Slider(**limits | {"step": step, "precision": precision} | given)


def _limits(metadata: list[Any]) -> dict[str, float]:
    limits = {}
    for mark in metadata:
        for name, side in (("ge", "minimum"), ("gt", "minimum"), ("le", "maximum"), ("lt", "maximum")):
            if (value := getattr(mark, name, None)) is not None:
                limits[side] = value
    return limits


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """A type, and whether None is allowed besides."""
    parts = get_args(annotation) if get_origin(annotation) in _SEVERAL else (annotation,)
    kinds = [part for part in parts if part is not NoneType]
    return kinds[0], len(kinds) < len(parts)
