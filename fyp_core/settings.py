"""Settings as pydantic models: each setting is defined once, as a field; a bad value becomes an error message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self, TypeVar, get_args, get_origin

import annotated_types
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from fyp_media.errors import InputError


class Settings(BaseModel):
    """Base of all models of settings: no unknown keys, no changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class RequestSettings(Settings):
    """Settings that are created in Python code: a value that cannot work raises InputError at once."""

    def __init__(self, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise InputError(_sentence(type(self), error.errors()[0], "")) from error

    def changed(self, **changes: Any) -> Self:
        """The same with other values; raises InputError where one cannot work."""
        return type(self)(**{name: getattr(self, name) for name in type(self).model_fields} | changes)


def setting(
    default: Any,
    text: str,
    *,
    unset: str = "",
    group: str = "",
    metavar: str | None = None,
    option: str = "",
    **limits: Any,
) -> Any:
    """A field of a model of settings. Command line, page, API and reference are derived from it.

    To add a setting, add one field, ``steps: int | None = setting(None, "denoising steps", ge=1)``, and the code that
    reads it. ``python -m fyp_core`` then has ``--steps``, :func:`fyp_page.controls.control` makes its control,
    ``model_json_schema()`` names it, and ``python -m scripts.write_reference`` writes it into docs/reference.md.

    Args:
        default: ``...`` where there is none.
        text: one phrase of help.
        unset: what None means, such as "the model's own".
        group: of options, under which the help of a command lists it.
        metavar: placeholder for the value in the help of a command.
        option: name of the command's option, where it is not that of the field.
        limits: of :func:`pydantic.Field`, such as ``ge``.
    """
    extra: dict[str, Any] = {"unset": unset, "group": group, "metavar": metavar, "option": option}
    return Field(default, description=text, json_schema_extra=extra, **limits)


def extra_of(field: FieldInfo) -> dict[str, Any]:
    """What :func:`setting` says besides type, limits, default and help."""
    known = field.json_schema_extra
    return dict(known) if isinstance(known, dict) else {}


def choices_of(field: FieldInfo) -> list[Any]:
    """The values that a field may have, where these are a few names."""
    return _choices(field.annotation)


S = TypeVar("S", bound=Settings)
_OUTSIDE_LIMITS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number")


def validated(model: type[S], given: Mapping[str, Any], prefix: str = "") -> S:
    """The settings in a mapping.

    Args:
        prefix: put before keys in messages, for example "--".

    Raises:
        InputError: a key is unknown (names the closest), missing, or its value does not fit.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise InputError(_sentence(model, error.errors()[0], prefix)) from error


def refuse_unknown_names(given: Sequence[Any] | Mapping[Any, Any], known: Sequence[str], prefix: str) -> None:
    """Raise InputError at the first of ``given`` that is not ``known``; names the closest that is."""
    for key in given:
        if key not in known:
            raise InputError(_unknown(str(key), known, prefix))


@dataclass(frozen=True)
class SettingRow:
    """A setting as a table for readers shows it."""

    key: str
    """Its name in YAML, with dots."""
    type: str
    default: str
    limits: str
    help: str
    where: str = ""
    """What else has to be set for it to have an effect."""


def setting_rows(model: type[Settings], prefix: str = "") -> Iterator[SettingRow]:
    """All settings of a model in order; those of models within it follow under dotted keys."""
    for name, field in model.model_fields.items():
        key = prefix + name
        nested = models_in(field.annotation)
        for part in nested:
            yield from setting_rows(part, f"{key}.")
        if not nested:
            default = "required" if field.is_required() else _written(field.get_default())
            if default == "null":
                default = extra_of(field).get("unset") or default
            yield SettingRow(
                key, _type_name(field.annotation), default, _limits(field), field.description or ""
            )


def models_in(annotation: Any) -> list[type[Settings]]:
    """The models that a field's type consists of, several where it is a union of them."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def _sentence(model: type[Settings], error: ErrorDetails, prefix: str) -> str:
    key, field, siblings = _find(model, error["loc"])
    key = prefix + key
    kind, value = error["type"], error["input"]
    if kind == "extra_forbidden":
        section, _, name = key.rpartition(".")
        return _unknown(name, siblings, f"{section}." if section else "")
    if kind == "missing":
        return f"There is no {key}; give it."
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind == "literal_error" and field and (choices := _choices(field.annotation)):
        return f"{key} must be one of {', '.join(map(str, choices))}, not {value!r:.100}."
    if kind == "union_tag_invalid":
        name, tag = error["ctx"]["discriminator"].strip("'"), error["ctx"]["tag"]
        expected = error["ctx"]["expected_tags"].replace("'", "")
        return f"{key}.{name} must be one of {expected}, not {tag!r}."
    expected = error["msg"].removeprefix("Input should be ").partition(",")[0].partition(" or ")[0]
    is_number = isinstance(value, int | float) or kind in _OUTSIDE_LIMITS  # a command line's is text
    if kind != "multiple_of" and field and is_number:
        expected = _limits(field) or expected
    return f"{key} is {value if is_number else repr(value)!s:.100}, but must be {expected}."


def _unknown(key: str, known: Sequence[str], prefix: str) -> str:
    close = get_close_matches(key, known, 1, cutoff=0.4)
    hint = f"; did you mean {prefix}{close[0]}?" if close else "."
    return f"There is no setting {prefix}{key}{hint}"


def _find(
    model: type[Settings], location: Sequence[int | str]
) -> tuple[str, FieldInfo | None, Sequence[str]]:
    """The dotted key that a location of pydantic names, its field, and the names beside it.

    A location holds more than the key: the tags of unions, and indices of lists.
    """
    models: list[type[Settings]] = [model]
    key: list[str] = []
    field: FieldInfo | None = None
    siblings: list[str] = []
    for part in location:
        if isinstance(part, int):
            continue  # of a list
        if len(models) > 1:
            models = [each for each in models if part in _tags(each)]
        elif not models:
            continue  # within a mapping
        else:
            siblings = list(models[0].model_fields)
            field = models[0].model_fields.get(str(part))
            models = models_in(field.annotation) if field else []
            key.append(str(part))
    return ".".join(key), field, siblings


def _tags(model: type[Settings]) -> list[Any]:
    return [choice for field in model.model_fields.values() for choice in _choices(field.annotation)]


def _choices(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [choice for part in get_args(annotation) for choice in _choices(part)]


def _metadata(annotation: Any) -> list[Any]:
    """The annotations inside a type, as in ``Annotated[int, Ge(0)] | None``."""
    own = list(annotation.__metadata__) if get_origin(annotation) is Annotated else []
    own = [limit for each in own for limit in (each.metadata if isinstance(each, FieldInfo) else [each])]
    return own + [limit for part in get_args(annotation) for limit in _metadata(part)]


def _limits(field: FieldInfo) -> str:
    """Such as "at least 0 and below 1"; "" where every value of the type fits."""
    limits = {type(limit): limit for limit in [*field.metadata, *_metadata(field.annotation)]}
    least, most = limits.get(annotated_types.Ge), limits.get(annotated_types.Le)
    if least and most:
        return f"within {least.ge} and {most.le}"
    phrases = [
        f"{words} {getattr(limits[kind], name)}"
        for kind, name, words in (
            (annotated_types.Ge, "ge", "at least"),
            (annotated_types.Gt, "gt", "above"),
            (annotated_types.Le, "le", "at most"),
            (annotated_types.Lt, "lt", "below"),
        )
        if kind in limits
    ]
    return " and ".join(phrases)


def _type_name(annotation: Any) -> str:
    if choices := _choices(annotation):
        names = ", ".join(map(str, choices))
        return f"list of: {names}" if get_origin(annotation) is list else names
    if get_origin(annotation) is Annotated:
        return _type_name(get_args(annotation)[0])
    if get_origin(annotation) is tuple:
        first, *others = get_args(annotation)
        return (
            f"list of {_type_name(first)}s" if ... in others else f"{len(others) + 1} × {_type_name(first)}"
        )
    if isinstance(annotation, type) and not get_args(annotation):
        return {
            "Path": "path",
            "str": "text",
            "int": "whole number",
            "float": "number",
            "bool": "true or false",
        }.get(annotation.__name__, annotation.__name__)
    if get_origin(annotation) in (list, dict):
        return "list" if get_origin(annotation) is list else "mapping"
    parts = [part for part in get_args(annotation) if part is not type(None)]
    return " or ".join(map(_type_name, parts))


def _written(value: Any) -> str:
    """The value as YAML writes it."""
    if value is None:
        return "null"
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)
