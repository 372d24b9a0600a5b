"""How a video is sampled: ``exact`` as the model was published, ``fast`` and ``turbo`` with less work.

The table's contents come from ``python -m benchmarks.presets``; what they cost and keep is in docs/speed.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from fyp_core import schedulers
from fyp_core.feature_cache import choose_full_steps

PresetName = Literal["exact", "fast", "turbo"]


@dataclass(frozen=True)
class Preset:
    """A way of sampling.

    scheduler: one of :data:`fyp_core.schedulers.SCHEDULER_NAMES`.
    steps_factor: of the square root of the model's own number of steps; ``None`` takes the model's own number. The
        error of a second-order solver falls with the square of the number of steps, that of DDIM with the number.
    reuse: one step in so many computes the whole network; see :mod:`fyp_core.feature_cache`.
    guidance_end: share of the steps after which guidance is off.
    """

    scheduler: str = schedulers.OWN
    steps_factor: float | None = None
    reuse: int = 1
    guidance_end: float = 1.0

    def steps(self, own: int) -> int:
        """Denoising steps for a model whose own number is ``own``."""
        if self.steps_factor is None:
            return own
        return min(own, math.ceil(self.steps_factor * math.sqrt(own)))

    def kinds_of_steps(self, own: int) -> list[str]:
        """What each step computes: ``"guided"`` or ``"unguided"``, with ``", features reused"`` where they are."""
        sampling = self.sampling(own)
        steps, full = sampling["num_inference_steps"], sampling["full_steps"]
        guided = math.ceil(self.guidance_end * steps)
        return [
            ("guided" if step < guided else "unguided")
            + ("" if full is None or step in full else ", features reused")
            for step in range(steps)
        ]

    def sampling(self, own: int) -> dict[str, Any]:
        """Arguments of :class:`fyp_core.pipeline.FollowYourPosePipeline` for such a model."""
        steps = self.steps(own)
        return {
            "num_inference_steps": steps,
            "full_steps": choose_full_steps(steps, self.reuse),
            "guidance_end": self.guidance_end,
        }


PRESETS: dict[PresetName, Preset] = {
    "exact": Preset(),
    "fast": Preset("dpmpp-2m", steps_factor=2.0, reuse=2),
    "turbo": Preset("dpmpp-2m", steps_factor=1.2, reuse=2),
}
