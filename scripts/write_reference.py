"""Write docs/reference.md from the definitions of the settings: ``python -m scripts.write_reference``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fyp_core.cli.options import option_name
from fyp_core.evaluation.settings import EvaluationSettings
from fyp_core.generation.device import Runtime
from fyp_core.generation.request import GenerationRequest
from fyp_core.live.settings import LiveSettings
from fyp_core.preparation.filters import Filters
from fyp_core.preparation.settings import PreparationSettings
from fyp_core.settings import SettingRow, Settings, extra_of, setting_rows
from fyp_core.training.config import reference_rows
from fyp_core.weights.sources import Additions
from fyp_serving.engines.choice import REPLICA_VARIABLES
from fyp_serving.engines.settings import ReplicaSettings, ServeSettings
from fyp_serving.limits import Limits

TARGET = Path(__file__).parents[1] / "docs" / "reference.md"
_LINE = "| {} |"
# Variables that are read in one place each and are no limits of the page.
_VARIABLES = (
    ("HOST", "0.0.0.0", "address the page listens on"),
    ("PORT", "7860", "port of the page"),
    ("FYP_MODEL", "auto", "model of the page, as for `--model`"),
    ("FYP_CHECKPOINTS", "`checkpoints` of the project", "folder of the models' parts"),
    ("FYP_GALLERY", "a folder of the user's data", "folder of the page's gallery"),
    ("FYP_POSE_CACHE", "a folder of the user's cache", "folder of poses found before; empty: in memory only"),
    ("FYP_ENGINE", "", "`ray` or the address of a Ray cluster: the page's jobs go to replicas"),
    ("FYP_SHARE", "0", "1: a public address of Gradio's for the page"),
    (
        "FYP_TRUSTED_PROXIES",
        "none",
        "proxies that may state a visitor's address: addresses and networks, with commas",
    ),
    ("FYP_PUBLIC", "0", "1: the limits of a page in public, where they are not set"),
)


def reference() -> str:
    """The text of docs/reference.md."""
    parts = [
        "# Reference of all settings",
        "Written by `python -m scripts.write_reference` from the definitions in the code; do not edit it by hand.",
        "## Generation",
        "Options of `fyp generate`, and fields of `GenerationRequest`, `Additions` and `Runtime` in Python.",
    ]
    for model in (GenerationRequest, Additions, Runtime):
        parts += [f"### `{model.__name__}`", _settings_table(model)]
    parts += ["## Live", "Options of `fyp live`, besides those of `Runtime`.", _settings_table(LiveSettings)]
    parts += ["## Evaluation", "Options of `fyp evaluate`.", _settings_table(EvaluationSettings)]
    parts += ["## Replicas", "Options of `fyp serve`.", _settings_table(ServeSettings)]
    parts += ["## Preparing data", "Options of `fyp prepare-data`."]
    parts += [_settings_table(PreparationSettings), _settings_table(Filters)]
    parts += [
        "## Training",
        "Keys of the configurations in `configs/`, and of `key=value` on the command line.",
    ]
    rows = ((f"`{row.key}`", *_values(row), row.help, row.where) for row in reference_rows())
    parts.append(_table(("key", "values", "default", "what", "where"), rows))
    parts += ["## Environment variables", _table(("variable", "default", "what"), _variable_rows())]
    return "\n\n".join(parts) + "\n"


def _settings_table(model: type[Settings]) -> str:
    options = {
        name: option_name(name, field) for name, field in model.model_fields.items() if extra_of(field)
    }
    rows = (
        (f"`{options[name]}`", f"`{row.key}`", *_values(row), row.help)
        for row in setting_rows(model)
        if (name := row.key.split(".")[0]) in options
    )
    return _table(("option", "field", "values", "default", "what"), rows)


def _values(row: SettingRow) -> tuple[str, str]:
    return f"{row.type}, {row.limits}" if row.limits else row.type, row.default


def _variable_rows() -> Iterable[tuple[str, str, str]]:
    for name, default, text in _VARIABLES:
        yield f"`{name}`", default, text
    replicas = {row.key: row for row in setting_rows(ReplicaSettings)}
    for name, variable in REPLICA_VARIABLES.items():
        yield f"`{variable}`", replicas[name].default, replicas[name].help
    for name, field in Limits.model_fields.items():
        default = "none" if field.default is None else str(field.default)
        yield f"`FYP_{name.upper()}`", default, field.description or ""


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(_LINE.format(" | ".join(cell.replace("|", "\\|") for cell in line)) for line in lines)


if __name__ == "__main__":
    TARGET.write_text(reference(), encoding="utf-8")
