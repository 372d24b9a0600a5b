"""Settings read from YAML: keys that do not exist are named, with the one that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fyp_media.errors import InputError, first_line


def read_yaml(path: Path) -> DictConfig:
    """The settings in a file.

    Raises:
        InputError: it is not there, is not YAML, or holds something else.
    """
    if not path.is_file():
        raise InputError(f"There is no configuration {path}; give the path of a YAML file.")
    try:
        given = OmegaConf.load(path)
    except (OSError, ValueError, yaml.YAMLError, OmegaConfBaseException) as error:
        raise InputError(f"{path} is not a valid configuration: {first_line(error)}") from error
    if not isinstance(given, DictConfig):
        raise InputError(f"{path} holds no settings; each is a line of the form key: value.")
    return given


def reword_booleans(given: DictConfig) -> None:
    """YAML reads a bare ``no`` as false, and people write true where ``latest`` is meant."""
    for key, words in (
        ("mixed_precision", {False: "no"}),
        ("resume_from_checkpoint", {True: "latest", False: None}),
    ):
        if isinstance(given.get(key), bool) and given[key] in words:
            given[key] = words[given[key]]


def refuse_unknown(given: DictConfig, known: Any, prefix: str = "") -> None:
    """Raise InputError at the first key of ``given`` that the dataclass instance ``known`` does not have."""
    refuse_unknown_names(given, [f.name for f in fields(known)], prefix)
    for key in given:
        if is_dataclass(getattr(known, key)) and isinstance(given[key], DictConfig):
            refuse_unknown(given[key], getattr(known, key), f"{prefix}{key}.")


def refuse_unknown_names(given: Iterable[Any], known: Sequence[str], prefix: str = "") -> None:
    """Raise InputError at the first of ``given`` that is not ``known``; names the closest that is."""
    for key in given:
        if key not in known:
            close = get_close_matches(str(key), known, 1, cutoff=0.4)
            hint = f"; did you mean {prefix}{close[0]}?" if close else "."
            raise InputError(f"There is no setting {prefix}{key}{hint}")
