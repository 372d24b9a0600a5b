"""The settings of an evaluation. The command's options are derived from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from fyp_core.evaluation.cases import HEIGHT_SHARE
from fyp_core.generation.device import DType
from fyp_core.generation.request import EstimatorName
from fyp_core.presets import PresetName
from fyp_core.settings import Settings, setting
from fyp_core.weights.sources import AUTO, MODEL_NAMES

GROUPS = {  # of options
    "world": "the procedural world",
    "motions": "motions other than the procedural world's",
    "judges": "judges",
    "sampling": "sampling",
}


HeightShare = Annotated[float, Field(gt=0, le=1.5)]


def _split_shares(value: Any) -> Any:
    """A command line has the two numbers in one text."""
    if not isinstance(value, str):
        return value
    try:
        low, high = map(float, value.split(","))
    except ValueError as error:
        raise ValueError(f"The height share is {value!r}; give two numbers such as 0.25,0.4.") from error
    if low > high:
        raise ValueError(f"The height share is {value!r}; give the smaller number first.")
    return low, high


class EvaluationSettings(Settings):
    """The model, the cases and the judges of an evaluation."""

    model: str = setting(AUTO, f"{', '.join(MODEL_NAMES)} or a folder")
    clips: int = setting(24, "of each kind", metavar="N", ge=1)
    frames: int = setting(8, "of each clip", metavar="N", ge=1)
    seed: int = setting(0, "of the clips", metavar="S", ge=0)
    seeds: int = setting(1, "of the noise", metavar="N", ge=1)

    people: int = setting(1, "in each clip of the procedural world", group="world", metavar="N", ge=1, le=3)
    height_share: Annotated[tuple[HeightShare, HeightShare], BeforeValidator(_split_shares)] = setting(
        HEIGHT_SHARE,
        f"lowest and highest standing height, as shares of the picture's; default: {HEIGHT_SHARE[0]},{HEIGHT_SHARE[1]}",
        group="world",
        metavar="LOW,HIGH",
    )

    skeleton: tuple[Path, ...] = setting(
        (), "skeleton videos, keypoint files", group="motions", metavar="FILE"
    )
    raw: tuple[Path, ...] = setting((), "videos of a person", group="motions", metavar="VIDEO")
    prompt: tuple[str, ...] = setting(
        (),
        "one for each clip in turn; without any, sentences of the procedural world",
        group="motions",
        metavar="TEXT",
    )
    stride: int = setting(5, "take every Kth frame", group="motions", metavar="K", ge=1)
    estimator: EstimatorName = setting("auto", "finds the person", group="motions")

    judges: Path | None = setting(
        None, "their folder", unset="checkpoints/judges", group="judges", metavar="DIR"
    )
    clip: str | None = setting(
        None,
        "a CLIP, folder or hub id: adds CLIPScore, and compares neighbours",
        group="judges",
        metavar="CLIP",
    )

    preset: PresetName = setting("exact", "sample as published, or with less work", group="sampling")
    steps: int | None = setting(
        None, "denoising steps", unset="the preset's", group="sampling", metavar="N", ge=1
    )
    guidance: float | None = setting(
        None,
        "weight of the prompt",
        unset="the preset's",
        group="sampling",
        metavar="G",
        allow_inf_nan=False,
    )
    batch: int = setting(4, "clips at once", group="sampling", metavar="N", ge=1)
    dtype: DType | Literal["auto"] = setting("auto", "number format", group="sampling")

    @property
    def motions(self) -> list[tuple[Literal["skeleton", "raw"], Path]]:
        """Files of motions to follow; none for those of the procedural world."""
        return [
            *(("skeleton", path) for path in self.skeleton),
            *(("raw", path) for path in self.raw),
        ]
