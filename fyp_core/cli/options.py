"""Options of a command, derived from models of settings: the values themselves are checked by the models."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from fyp_core.settings import Settings, choices_of, extra_of


def add_setting_options(
    parser: argparse.ArgumentParser, *models: type[Settings], groups: Mapping[str, Any] | None = None
) -> None:
    """Add an option for each field of the models; one that is not given is absent from the parsed options.

    Args:
        groups: of options, by the name that fields give; the others go straight to the parser.
    """
    for model in models:
        for name, field in model.model_fields.items():
            extra = extra_of(field)
            if not extra:  # has no option
                continue
            group = (groups or {}).get(extra["group"], parser)
            option = option_name(name, field)
            group.add_argument(
                option, dest=name, default=argparse.SUPPRESS, **_keywords(field, extra["metavar"])
            )


def option_name(name: str, field: FieldInfo) -> str:
    """The option of a field; where that is on by default, the one that turns it off."""
    is_on = field.annotation is bool and field.default is True
    return extra_of(field)["option"] or f"--{'no-' if is_on else ''}{name.replace('_', '-')}"


def given_settings(options: argparse.Namespace, *models: type[Settings]) -> dict[str, Any]:
    """The settings of the models that were given as options."""
    names = {name for model in models for name in model.model_fields}
    return {name: value for name, value in vars(options).items() if name in names}


def _keywords(field: FieldInfo, metavar: str | None) -> dict[str, Any]:
    text = (field.description or "").replace("%", "%%")
    if field.annotation is bool:
        return {
            "action": f"store_{str(not field.default).lower()}",
            "help": f"{'do not ' * bool(field.default)}{text}",
        }
    if default := _default(field):
        text = f"{text}; default: {default}"
    is_list = get_origin(field.annotation) is tuple and ... in get_args(field.annotation)
    if is_list:
        return {"nargs": "+", "action": "extend", "metavar": metavar, "help": text}
    if choices := choices_of(field):
        return {"choices": choices, "help": text}
    return {"metavar": metavar, "help": text}


def _default(field: FieldInfo) -> str:
    """As the help shows it; "" where there is none."""
    if field.default is None:
        return extra_of(field)["unset"]
    is_shown = (
        isinstance(field.default, str | int | float) and not field.is_required() and field.default != ""
    )
    return f"{field.default}" if is_shown else ""
