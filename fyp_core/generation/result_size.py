"""The size of a result: the model's default, another one, or other proportions with about as many pixels."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from fyp_core.latent_size import latent_factor
from fyp_core.presets import PresetName
from fyp_core.weights.lora.few_steps import own_few_step_lora
from fyp_core.weights.sources import ModelSource, read_index
from fyp_media.errors import InputError

SOURCE_ASPECT = "source"
ASPECTS = (SOURCE_ASPECT, "square", "9:16", "16:9")
_MOST_ASPECT = 4.0  # width by height, or the reverse
_FEWEST_STEPS = 16  # of the default size; sizes of other proportions are multiples of such a step
_LARGEST_STEP = 64  # pixels; networks of Stable Diffusion 1.x halve what the autoencoder makes three times


@dataclass(frozen=True)
class ModelSize:
    """The default size and length of a model's videos, and how the page samples them at first.

    height, width: in pixels.
    factor: of which both must be multiples.
    seconds, fps: longest part of a video that is used by default, and frames a second; None for a model that makes
        eight frames by default, as published.
    page_preset: ``turbo`` for a model with its own LoRA for few steps.
    """

    height: int = 512
    width: int = 512
    factor: int = 8
    seconds: float | None = None
    fps: float | None = None
    page_preset: PresetName = "exact"

    @classmethod
    def of(cls, source: ModelSource) -> ModelSize:
        """Read from the model's configurations, without its weights.

        Raises:
            InputError: one of them is damaged.
        """
        layout = read_index(source.layout) if source.layout else {}
        return cls(
            layout.get("default_height", cls.height),
            layout.get("default_width", cls.width),
            _factor_of(source.base / "vae" / "config.json"),
            layout.get("default_seconds"),
            layout.get("default_fps"),
            "turbo" if own_few_step_lora(source.layout) else "exact",
        )

    def with_aspect(self, width: float, height: float) -> tuple[int, int]:
        """Height and width in these proportions, with about as many pixels as the model's default size.

        Raises:
            InputError: the proportions are extreme.
        """
        aspect = width / height
        if not 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT:
            raise InputError(
                f"The aspect {width:g}:{height:g} is too extreme; the longer side may be up to {_MOST_ASPECT:g} times"
                " the shorter one."
            )
        step = min(self.width, self.height) / _FEWEST_STEPS
        step = min(max(self.factor, int(step) // self.factor * self.factor), _LARGEST_STEP)
        pixels = self.height * self.width
        sides = math.sqrt(pixels / aspect), math.sqrt(pixels * aspect)
        rows, columns = (max(step, round(side / step) * step) for side in sides)
        return rows, columns

    def check(self, height: int, width: int) -> None:
        """Raise InputError for a size that the model cannot make."""
        if min(height, width) < self.factor or height % self.factor or width % self.factor:
            raise InputError(
                f"Height and width must be positive multiples of {self.factor} pixels, not {height} × {width}."
            )


def result_size(
    model: ModelSize, shown: tuple[int, int], width: int | None, height: int | None, aspect: str | None
) -> tuple[int, int]:
    """Height and width of a result.

    Args:
        shown: height and width of the source.
        width, height: asked for, in pixels; with one of them the other is the model's.
        aspect: asked for, see :func:`parse_aspect`; None is the model's own.

    Raises:
        InputError: both a size and an aspect are asked for, or the model cannot make the size.
    """
    if aspect is not None and (width is not None or height is not None):
        raise InputError("Both an aspect and a width or height are given; leave one of them out.")
    if aspect is not None:
        return model.with_aspect(*(shown[::-1] if aspect == SOURCE_ASPECT else parse_aspect(aspect)))
    size = model.height if height is None else height, model.width if width is None else width
    model.check(*size)
    return size


def parse_aspect(aspect: str) -> tuple[float, float]:
    """Width and height of ``square`` or ``W:H``; raises InputError for anything else."""
    if aspect == "square":
        return 1, 1
    try:
        width, height = map(float, aspect.split(":"))
    except ValueError:
        width = height = 0
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise InputError(f"There is no aspect {aspect!r}; choose one of {', '.join(ASPECTS)}, or give W:H.")
    return width, height


def _factor_of(file: Path) -> int:
    """Of the autoencoder with this configuration; Stable Diffusion's where it is not on this disk yet."""
    try:
        return latent_factor(json.loads(file.read_text()) if file.is_file() else {})
    except (AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{file} is damaged; get the model again.") from error
