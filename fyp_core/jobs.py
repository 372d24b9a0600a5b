"""One piece of work as seen from outside: how far it is, how long it will take, and a way to stop it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Phase = Literal["load", "pose", "denoise"]


class JobCancelled(Exception):  # noqa: N818 - it is no error
    """Raised inside work whose job was cancelled."""


@dataclass(frozen=True)
class Progress:
    """How far a phase is: ``step`` of ``total``; seconds left of this phase, None before the first step."""

    phase: Phase
    step: int
    total: int
    seconds_left: float | None


class Job:
    """Follows one generation and can cancel it from another thread.

    Args:
        on_progress: called in the working thread at the start of every phase and after each of its steps.
    """

    def __init__(self, on_progress: Callable[[Progress], None] | None = None) -> None:
        self._on_progress = on_progress
        self._cancelled = threading.Event()
        self._phase_start = 0.0

    def cancel(self) -> None:
        """Stop the work at its next report, that is within one step."""
        self._cancelled.set()

    def report(self, phase: Phase, step: int, total: int) -> None:
        """Tell that ``step`` of ``total`` are done; step 0 starts the phase.

        Raises:
            JobCancelled: the job was cancelled.
        """
        if self._cancelled.is_set():
            raise JobCancelled
        now = time.perf_counter()
        if step == 0:
            self._phase_start = now
        seconds_left = (now - self._phase_start) / step * (total - step) if step else None
        if self._on_progress:
            self._on_progress(Progress(phase, step, total, seconds_left))
