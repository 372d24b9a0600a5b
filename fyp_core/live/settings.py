"""The settings of a live stream."""

from __future__ import annotations

from fyp_core.generation.request import MAX_SEED, EstimatorName, Prompt
from fyp_core.settings import RequestSettings, setting


class LiveSettings(RequestSettings):
    """Settings of a live stream. :func:`fyp_core.settings.setting` says how to add a setting.

    Raises:
        InputError: a value cannot work.
    """

    prompt: Prompt = setting(
        ..., 'the character and the scene, for example "an astronaut on the beach"', metavar="TEXT"
    )
    steps: int = setting(
        2,
        "denoising steps; each makes a frame sharper, slower and later",
        metavar="N",
        ge=1,
    )
    seed: int = setting(
        0, "another seed gives another character of the same kind", metavar="N", ge=0, le=MAX_SEED
    )
    estimator: EstimatorName = setting("auto", "finds the people", group="pose")
