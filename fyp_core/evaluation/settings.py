"""The settings of an evaluation. The command's options are derived from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from fyp_core.generation.device import AUTO_DTYPE, DTYPES, DType
from fyp_core.settings import Settings
from fyp_core.weights.sources import AUTO, MODEL_NAMES
from pose_extraction.estimators.factory import ESTIMATORS_WITH_WEIGHTS


def one_of(choices: tuple[str, ...]) -> AfterValidator:
    """A validator of names that are known when the program runs only."""

    def check(value: str) -> str:
        if value not in choices:
            raise ValueError(f"choose one of {', '.join(choices)}")
        return value

    return AfterValidator(check)


def _field(default: Any, text: str, group: str = "", metavar: str | None = None, **limits: Any) -> Any:
    """A setting, its group of options and what stands for its value in the help."""
    extra: dict[str, Any] = {"group": group, "metavar": metavar}
    return Field(default, description=text, json_schema_extra=extra, **limits)


GROUPS = {  # of options
    "motions": "motions other than the procedural world's",
    "judges": "judges",
    "sampling": "sampling",
}


class EvaluationSettings(Settings):
    """A model, what it has to show, and who judges it."""

    model: str = _field(AUTO, f"{', '.join(MODEL_NAMES)} or a folder")
    clips: int = _field(24, "of each kind", metavar="N", ge=1)
    frames: int = _field(8, "of each clip", metavar="N", ge=1)
    seed: int = _field(0, "of the clips", metavar="S", ge=0)
    seeds: int = _field(1, "of the noise", metavar="N", ge=1)

    skeleton: tuple[Path, ...] = _field((), "skeleton videos, keypoint files", "motions", "FILE")
    raw: tuple[Path, ...] = _field((), "videos of a person", "motions", "VIDEO")
    prompt: tuple[str, ...] = _field(
        (), "one for each clip in turn; without any, sentences of the procedural world", "motions", "TEXT"
    )
    stride: int = _field(5, "take every Kth frame", "motions", "K", ge=1)
    estimator: Annotated[str, one_of(tuple(ESTIMATORS_WITH_WEIGHTS))] = _field(
        ESTIMATORS_WITH_WEIGHTS[0], f"finds the person: {', '.join(ESTIMATORS_WITH_WEIGHTS)}", "motions"
    )

    judges: Path | None = _field(None, "their folder; without it, checkpoints/judges", "judges", "DIR")
    clip: str | None = _field(
        None, "a CLIP, folder or hub id: adds CLIPScore, and compares neighbours", "judges", "CLIP"
    )

    steps: int | None = _field(None, "denoising steps; without it, the model's own", "sampling", "N", ge=1)
    guidance: float | None = _field(
        None, "weight of the prompt; without it, the model's own", "sampling", "G", allow_inf_nan=False
    )
    batch: int = _field(4, "clips at once", "sampling", "N", ge=1)
    dtype: DType | Literal["auto"] = _field(
        AUTO_DTYPE, f"number format: {', '.join((AUTO_DTYPE, *DTYPES))}", "sampling"
    )

    @property
    def motions(self) -> list[tuple[Literal["skeleton", "raw"], Path]]:
        """Files of motions to follow; none for those of the procedural world."""
        return [
            *(("skeleton", path) for path in self.skeleton),
            *(("raw", path) for path in self.raw),
        ]
