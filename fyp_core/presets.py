"""How a video is sampled: ``exact`` as the model was published, ``fast`` and ``turbo`` with less work.

The table's contents come from ``python -m benchmarks.presets``; their speed and quality are in docs/speed.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from fyp_core import schedulers

PresetName = Literal["exact", "fast", "turbo"]
# Steps; with fewer, neighbouring steps differ too much, and taking fewer steps costs less quality.
REUSE_FROM = 10


@dataclass(frozen=True)
class Preset:
    """A way of sampling.

    scheduler: one of :data:`fyp_core.schedulers.SCHEDULER_NAMES`.
    steps_share: of the model's own number of steps.
    reuse: one step in so many computes the whole network, see :mod:`fyp_core.feature_cache`; from
        :data:`REUSE_FROM` steps on.
    """

    scheduler: str = schedulers.OWN
    steps_share: float = 1.0
    reuse: int = 1

    def steps(self, own: int) -> int:
        """Denoising steps for a model whose own number is ``own``."""
        return max(1, math.floor(self.steps_share * own))

    def reuse_at(self, steps: int) -> int:
        """:attr:`reuse` with that many steps."""
        return self.reuse if steps >= REUSE_FROM else 1

    def sampling(self, own: int) -> dict[str, Any]:
        """Arguments of :class:`fyp_core.pipeline.FollowYourPosePipeline` for such a model."""
        steps = self.steps(own)
        return {
            "num_inference_steps": steps,
            "full_steps": choose_full_steps(steps, self.reuse_at(steps)),
        }


PRESETS: dict[PresetName, Preset] = {
    "exact": Preset(),
    "fast": Preset("dpmpp-2m", steps_share=0.3, reuse=2),
    "turbo": Preset("dpmpp-2m", steps_share=0.2, reuse=3),
}


def choose_full_steps(steps: int, every: int) -> list[int] | None:
    """Numbers of the steps that compute the whole network: the first, and from the second on one in ``every``.

    The features change most at the start, where the picture's layout forms. ``None`` for all steps, ``every = 1``.
    """
    return None if every == 1 else [0, *range(1, steps, every)]
