"""Settings read from YAML files."""

from __future__ import annotations

from collections.abc import Sequence
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


def with_overrides(given: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """The settings of a file with ``key=value`` pairs in place of its own.

    Raises:
        InputError: a pair cannot be read, or does not fit the file.
    """
    try:
        return merge(given, OmegaConf.from_dotlist(list(overrides)))
    except (OmegaConfBaseException, TypeError, ValueError, yaml.YAMLError) as error:
        raise InputError(
            f"{' '.join(overrides)} is not a valid configuration: {first_line(error)}"
        ) from error


def merge(base: DictConfig, given: DictConfig) -> DictConfig:
    """``base`` with the values of ``given``, section by section."""
    merged = OmegaConf.merge(base, given)
    assert isinstance(merged, DictConfig), "of two mappings"
    return merged


def plain_settings(given: DictConfig) -> dict[str, Any]:
    """Settings as plain Python values, references to others (``${key}``) resolved.

    Raises:
        InputError: a reference leads nowhere, or a value is missing (``???``).
    """
    try:
        values = OmegaConf.to_container(given, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise InputError(f"The configuration is not valid: {first_line(error)}") from error
    assert isinstance(values, dict), "of a mapping"
    return {str(key): value for key, value in values.items()}


def reword_booleans(given: DictConfig) -> None:
    """Correct two settings: YAML reads ``no`` as false, and people write true for ``latest``."""
    for key, words in (
        ("mixed_precision", {False: "no"}),
        ("resume_from_checkpoint", {True: "latest", False: None}),
    ):
        if isinstance(given.get(key), bool) and given[key] in words:
            given[key] = words[given[key]]
