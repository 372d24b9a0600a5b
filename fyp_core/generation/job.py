"""One piece of work as seen from outside: its turn, how far it is, how long it will take, and a way to stop it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from fyp_media.errors import InputError

Phase = Literal["wait", "load", "pose", "denoise", "decode"]
_GLANCE = 0.1  # seconds between two looks at whether a waiting job was cancelled


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

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop the work at its next report, that is within one step."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise JobCancelled where the job was cancelled."""
        if self.cancelled:
            raise JobCancelled

    def report(self, phase: Phase, step: int, total: int) -> None:
        """Tell that ``step`` of ``total`` are done; step 0 starts the phase.

        Raises:
            JobCancelled: the job was cancelled.
        """
        self.check()
        now = time.perf_counter()
        if step == 0:
            self._phase_start = now
        seconds_left = (now - self._phase_start) / step * (total - step) if step else None
        if self._on_progress:
            self._on_progress(Progress(phase, step, total, seconds_left))


class Line:
    """Lets jobs in one after the other, first come first served.

    Args:
        longest: jobs that may wait; further ones are turned away.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._jobs: deque[Job] = deque()  # the first one is at work
        self._moved = threading.Condition()

    @contextmanager
    def turn(self, job: Job) -> Iterator[None]:
        """Wait until it is the job's turn, and keep the others waiting meanwhile.

        Raises:
            InputError: too many are waiting.
            JobCancelled: the job was cancelled while it waited.
        """
        with self._moved:
            if len(self._jobs) > self._longest:
                raise InputError(f"{self._longest} others are waiting already; try again later.")
            ahead = len(self._jobs)
            self._jobs.append(job)
        try:
            self._wait(job, ahead)
            yield
        finally:
            with self._moved:
                self._jobs.remove(job)
                self._moved.notify_all()

    def _wait(self, job: Job, ahead: int) -> None:
        told = None
        while True:
            with self._moved:
                before = self._jobs.index(job)
                if before and before == told:
                    self._moved.wait(_GLANCE)
            if not before:
                return
            if before != told or job.cancelled:
                job.report("wait", ahead - before, ahead)
                told = before
