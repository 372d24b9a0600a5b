"""How long a generation will take, from the mean speed of those before it, and whether that is allowed."""

from __future__ import annotations

import math
import threading

from fyp_core.generation.job import Phase
from fyp_core.presets import choose_full_steps
from fyp_media.errors import InputError

_WEIGHT_OF_NEW = 0.5  # of a new measurement in the running mean: speed changes with the machine's load
_CACHED_STEP = 0.2  # work of a step that reuses features, as a share of a full one; see docs/speed.md
_DEFAULT_POSE_SECONDS = 0.06  # a frame, before any has been measured


class SpeedMeter:
    """Running means of the seconds that a unit of work takes, for each phase."""

    def __init__(self) -> None:
        self._seconds: dict[Phase, float] = {"pose": _DEFAULT_POSE_SECONDS}
        self._measured: set[Phase] = set()
        self._lock = threading.Lock()

    def record(self, phase: Phase, work: float, seconds: float) -> None:
        """Take a measurement into the mean."""
        if not work:
            return
        with self._lock:
            measured = seconds / work
            if phase in self._measured:
                measured = _WEIGHT_OF_NEW * measured + (1 - _WEIGHT_OF_NEW) * self._seconds[phase]
            self._seconds[phase] = measured
            self._measured.add(phase)

    def guess(self, phase: Phase, work: float, seconds: float) -> None:
        """Use the speed of a short run until the first job is recorded; it is less reliable than a whole job."""
        with self._lock:
            if phase not in self._measured:
                self._seconds[phase] = seconds / work

    def knows(self, phase: Phase) -> bool:
        """Whether a speed of the phase was measured, guessed or is there by default."""
        return phase in self._seconds

    def seconds(self, phase: Phase, work: float) -> float:
        """Seconds for an amount of work; 0 before anything is known."""
        return self._seconds.get(phase, 0.0) * work


def check_time(estimate: float, limit: float) -> None:
    """Raise InputError where a job will take longer than it may.

    Args:
        estimate, limit: seconds.
    """
    if estimate > limit:
        raise InputError(
            f"This would take about {estimate:.0f} s, but a job may compute for {limit:.0f} s here; take fewer frames,"
            " fewer steps or a smaller size."
        )


def denoising_work(
    pixels: int,
    frames: int,
    steps: int,
    reuse: int,
    guided_share: float,
    window: int,
    overlap: int,
) -> float:
    """Pixels that pass through the whole network: the unit of ``denoise``.

    Args:
        pixels: of a frame of the result.
        reuse: one step in so many computes the whole network.
        guided_share: share of the steps, 0..1, that are computed with and without the prompt.
        window, overlap: see :mod:`fyp_core.windows`.
    """
    from fyp_core.windows import plan_windows  # with PyTorch, which the page is laid out without

    seen = sum(len(each.frames) for each in plan_windows(frames, window, overlap))
    passes = steps + math.ceil(guided_share * steps)
    full = choose_full_steps(steps, reuse)
    share = 1.0 if full is None else (len(full) + _CACHED_STEP * (steps - len(full))) / steps
    return seen * pixels * passes * share
