"""Settings as models: messages for bad values, and the rows of a table for readers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import Field

from fyp_core.settings import Settings, setting_rows, validated
from fyp_core.training.config import STAGE_CONFIGS, reference_rows
from fyp_media.errors import InputError

CONFIGS = Path(__file__).parents[3] / "configs"


class Circle(Settings):
    kind: Literal["circle"] = "circle"
    radius: Annotated[float, Field(ge=0, lt=10)] = Field(1.0, description="in metres")


class Square(Settings):
    kind: Literal["square"] = "square"
    side: Annotated[int, Field(ge=8, multiple_of=8)] | None = Field(None, description="in pixels")


class Drawing(Settings):
    name: str
    shape: Circle | Square = Field(Circle(), discriminator="kind")
    colors: list[Literal["red", "blue"]] = Field([], description="of the lines")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "There is no name; give it."),
        ({"name": "a", "colour": 1}, "There is no setting colour; did you mean colors?"),
        ({"name": "a", "x": 1}, "There is no setting x."),
        ({"name": "a", "colors": ["pink"]}, "colors must be one of red, blue, not 'pink'."),
        ({"name": "a", "colors": 3}, "colors is 3, but must be a valid list."),
        ({"name": "a", "shape": {"kind": "oval"}}, "shape.kind must be one of circle, square, not 'oval'."),
        (
            {"name": "a", "shape": {"kind": "circle", "radios": 1}},
            "There is no setting shape.radios; did you mean shape.radius?",
        ),
        (
            {"name": "a", "shape": {"kind": "circle", "radius": 12}},
            "shape.radius is 12, but must be at least 0 and below 10.",
        ),
        (
            {"name": "a", "shape": {"kind": "circle", "radius": float("nan")}},
            "shape.radius is nan, but must be at least 0 and below 10.",
        ),
        (
            {"name": "a", "shape": {"kind": "square", "side": 12}},
            "shape.side is 12, but must be a multiple of 8.",
        ),
        ({"name": "a", "shape": {"kind": "square", "side": 0}}, "shape.side is 0, but must be at least 8."),
        (
            {"name": "a", "shape": {"kind": "square", "side": "wide"}},
            "shape.side is 'wide', but must be a valid integer.",
        ),
    ],
)
def test_bad_settings_are_one_sentence(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        validated(Drawing, given)
    assert str(error.value) == message


def test_the_prefix_stands_before_keys() -> None:
    with pytest.raises(InputError, match=r"no setting picture\.nam; did you mean picture\.name\?"):
        validated(Drawing, {"name": "a", "nam": 1}, "picture.")


def test_settings_are_rows_of_a_table() -> None:
    rows = {row.key: row for row in setting_rows(Drawing)}
    assert list(rows) == ["name", "shape.kind", "shape.radius", "shape.side", "colors"]
    assert (rows["name"].type, rows["name"].default) == ("text", "required")
    radius = rows["shape.radius"]
    assert (radius.type, radius.default, radius.limits, radius.help) == (
        "number", "1.0", "at least 0 and below 10", "in metres"
    )  # fmt: skip
    assert (rows["shape.side"].type, rows["shape.side"].default) == ("whole number", "null")
    assert rows["shape.side"].limits == "at least 8"
    assert rows["colors"].type == "list of: red, blue"


def test_the_reference_of_training_has_every_setting_of_the_configurations() -> None:
    rows = reference_rows()
    keys = {row.key for row in rows}
    for path in CONFIGS.glob("[jmp]*_*.yaml"):
        if path.stem == "pose_sample":
            continue
        given = yaml.safe_load(path.read_text())
        for name, value in given.items():
            if name in ("base", "stage"):
                continue
            nested = name in ("train_data", "validation_data")
            named = [f"{name}.{key}" for key in value if key != "kind"] if nested else [name]
            assert set(named) <= keys, path.name
    assert all(row.help for row in rows), "each says what it is for"
    assert {row.where for row in rows if row.key == "pose_dropout"} == {"stage pose, pose_joint, one_stage"}
    assert {row.where for row in rows if row.key == "seed"} == {""}
    assert "clips" in next(row.where for row in rows if row.key == "train_data.sample_start_idx")
    assert set(STAGE_CONFIGS) >= {"autoencoder", "pose", "temporal"}
