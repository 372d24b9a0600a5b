"""The settings of a live stream."""

from __future__ import annotations

from fyp_core.generation.request import MAX_SEED, EstimatorName, Prompt
from fyp_core.settings import RequestSettings, setting

DEFAULT_STEPS = 2  # of a model without a LoRA for few steps


class LiveSettings(RequestSettings):
    """Settings of a live stream. :func:`fyp_core.settings.setting` says how to add a setting.

    Raises:
        InputError: a value cannot work.
    """

    prompt: Prompt = setting(
        ..., 'the character and the scene, for example "an astronaut on the beach"', metavar="TEXT"
    )
    steps: int | None = setting(
        None,
        "denoising steps; each makes a frame sharper, slower and later",
        unset=f"as many as the model's LoRA for few steps takes, otherwise {DEFAULT_STEPS}",
        metavar="N",
        ge=1,
    )
    seed: int = setting(
        0, "another seed gives another character of the same kind", metavar="N", ge=0, le=MAX_SEED
    )
    estimator: EstimatorName = setting("auto", "finds the people", group="pose")
