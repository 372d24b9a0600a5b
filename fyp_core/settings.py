"""Settings read from YAML: keys that do not exist are named, with the one that was probably meant."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from typing import Any

from omegaconf import DictConfig

from errors import InputError


def refuse_unknown(given: DictConfig, known: Any, prefix: str = "") -> None:
    """Raise InputError at the first key of ``given`` that the dataclass instance ``known`` does not have."""
    names = [f.name for f in fields(known)]
    for key in given:
        if key not in names:
            close = get_close_matches(str(key), names, 1, cutoff=0.4)
            hint = f"; did you mean {prefix}{close[0]}?" if close else "."
            raise InputError(f"There is no setting {prefix}{key}{hint}")
        if is_dataclass(getattr(known, key)) and isinstance(given[key], DictConfig):
            refuse_unknown(given[key], getattr(known, key), f"{prefix}{key}.")
