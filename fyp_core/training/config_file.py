"""A training configuration: read from YAML and overrides, and checked against the settings of its stage."""

from __future__ import annotations

import logging
import os
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from fyp_core.settings import Settings, models_in, validated
from fyp_core.training.config import STAGE_CONFIGS, WORLD, TrainConfig, VideoValidation, all_data, data_kind
from fyp_core.training.yaml_config import merge, plain_settings, read_yaml, reword_booleans, with_overrides
from fyp_media.errors import InputError

logger = logging.getLogger(__name__)

# The published configurations carry these; nothing follows from them here.
_WITHOUT_USE = (
    "train_data.dataset_set",
    "train_data.prompt",  # captions are in the table of clips
    "validation_data.dataset_set",
    "validation_data.use_inv_latent",
    "validation_data.num_inv_steps",
)


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a YAML file, apply ``key=value`` overrides and check every key, type and range.

    A file may name another one beside it as ``base``, whose settings it takes over and overrides. The settings
    under ``model`` are checked by the stage that builds its networks from them.

    Raises:
        InputError: the file is missing or not YAML, a key is unknown (names the closest one), has no effect with
            the others, or its value is not possible.
    """
    given = with_overrides(_read_with_base(Path(path)), overrides)
    _take_published_names(given)
    _drop_without_use(given)
    reword_booleans(given)
    _default_precision_from_launcher(given)
    return check_config(plain_settings(given))


def check_config(given: Mapping[str, Any]) -> TrainConfig:
    """The settings of the stage that they name; without one it is ``temporal``.

    Raises:
        InputError: a key is unknown or has no effect with the others, or its value is not possible.
    """
    stage = given.get("stage", "temporal")
    if not isinstance(stage, str) or stage not in STAGE_CONFIGS:
        raise InputError(f"stage must be one of {', '.join(STAGE_CONFIGS)}, not {stage!r}.")
    model = STAGE_CONFIGS[stage]
    where = f"in the {stage} stage"
    everywhere = set().union(*(config.model_fields for config in STAGE_CONFIGS.values()))
    _refuse_without_effect(given, model, everywhere, "", where)
    settings = {**given, "stage": stage}
    shown = given.get("validation_data")
    if isinstance(shown, Mapping):
        (sheet,) = models_in(model.model_fields["validation_data"].annotation)
        _refuse_without_effect(shown, sheet, VideoValidation.model_fields, "validation_data.", where)
    data = given.get("train_data")
    if isinstance(data, Mapping):
        settings["train_data"] = {"kind": WORLD, **data}
        _check_data(settings["train_data"], stage)
    return validated(model, settings)


def _read_with_base(path: Path, above: Sequence[Path] = ()) -> DictConfig:
    if path.resolve() in above:
        raise InputError(f"{path} builds on itself; let its base be a file that does not build on it.")
    given = read_yaml(path)
    base = given.pop("base", None)
    if not base:
        return given
    return merge(_read_with_base(path.parent / str(base), [*above, path.resolve()]), given)


def _default_precision_from_launcher(given: DictConfig) -> None:
    """``accelerate launch --mixed_precision`` decides where the configuration does not."""
    launched = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")  # "no" also where it was not set
    if given.setdefault("mixed_precision", launched) != launched != "no":
        logger.warning(
            "mixed_precision=%s of the configuration is used, not %s of the launcher.",
            given.mixed_precision,
            launched,
        )


def _take_published_names(given: DictConfig) -> None:
    """Rename settings of the published configurations; where both names are given, ours is used."""
    if "skeleton_path" in given:
        given.setdefault("validation_data", {})
        shown, name = _find(given, "validation_data.skeleton_path")
        shown.setdefault(name, given.pop("skeleton_path"))
        logger.info("skeleton_path is taken as validation_data.skeleton_path.")
    data, name = _find(given, "train_data.video_path")
    if name in data:
        data.setdefault("kind", "clips")
        data.setdefault("path", data.pop(name))
        logger.info("train_data.video_path is taken as train_data.path, a table of path,caption.")


def _drop_without_use(given: DictConfig) -> None:
    for key in _WITHOUT_USE:
        section, name = _find(given, key)
        if name in section:
            del section[name]
            logger.info("Without effect: %s.", key)


def _find(given: DictConfig, key: str) -> tuple[DictConfig, str]:
    """The section that a dotted key belongs to, empty where that is not given, and the key's name in it."""
    section, _, name = key.rpartition(".")
    found = given.get(section) if section else given
    return (found if isinstance(found, DictConfig) else OmegaConf.create()), name


def _check_data(given: Mapping[str, Any], stage: str) -> None:
    """Raise InputError for settings that the kind of data or the stage does not have."""
    kind = given["kind"]
    kinds = all_data()
    possible = {
        data_kind(each): each
        for each in models_in(STAGE_CONFIGS[stage].model_fields["train_data"].annotation)
    }
    if kind not in map(data_kind, kinds):
        names = ", ".join(dict.fromkeys(map(data_kind, kinds)))
        raise InputError(f"train_data.kind must be one of {names}, not {kind!r}.")
    if kind not in possible:
        if list(possible) == [WORLD]:
            raise InputError(f"The {stage} stage trains on the procedural world; leave out train_data.kind.")
        raise InputError(
            f"train_data.kind is {kind!r}, but this stage learns from"
            f" {'clips' if 'clips' in possible else 'pictures'}: choose {', '.join(k for k in possible if k != WORLD)}."
        )
    of_kind = {name for each in kinds if data_kind(each) == kind for name in each.model_fields}
    of_any = {name for each in kinds for name in each.model_fields}
    _refuse_without_effect(given, possible[kind], of_kind, "train_data.", f"in the {stage} stage")
    _refuse_without_effect(given, possible[kind], of_any, "train_data.", f"with train_data.kind={kind}")


def _refuse_without_effect(
    given: Mapping[str, Any], model: type[Settings], elsewhere: Container[str], prefix: str, where: str
) -> None:
    """Raise InputError at the first key that ``model`` does not have and others have."""
    for name in sorted(map(str, given)):
        if name not in model.model_fields and name in elsewhere:
            raise InputError(f"{prefix}{name} has no effect {where}; leave it out.")
