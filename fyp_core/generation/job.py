"""A job: its place in the queue, its progress and results so far, and how to cancel it; the queue of jobs."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fyp_media.errors import InputError

Phase = Literal["wait", "load", "pose", "denoise", "decode", "write"]
JobState = Literal["waiting", "running", "finished", "failed", "cancelled"]
PHASE_NAMES: dict[Phase, str] = {
    "wait": "Waiting for others",
    "load": "Loading the model",
    "pose": "Finding the person",
    "denoise": "Denoising",
    "decode": "Decoding",
    "write": "Writing the files",
}
MAX_WAITING = 20  # jobs
_POLL_SECONDS = 0.1  # between two checks whether a waiting job was cancelled


class JobCancelled(Exception):  # noqa: N818 - not an error
    """Raised inside work whose job was cancelled; ``str(error)`` says why where its owner did not cancel it."""


@dataclass(frozen=True)
class Progress:
    """Progress of a phase: ``step`` of ``total``; seconds left of this phase, None before the first step."""

    phase: Phase
    step: int
    total: int
    seconds_left: float | None

    @property
    def fraction(self) -> float:
        """Share of the phase that is done, 0..1."""
        return self.step / self.total if self.total else 0.0


@dataclass(frozen=True)
class Preview:
    """A small early picture of the video.

    step, total: denoising steps that are done.
    frames: (n, h, w, 3) uint8 RGB, a few frames spread over the video, one pixel for each of the latents.
    """

    step: int
    total: int
    frames: np.ndarray


@dataclass(frozen=True)
class FinishedFrames:
    """Decoded frames of the result.

    first: number of the first one in the video, from 0.
    frames: (n, H, W, 3) uint8 RGB.
    """

    first: int
    frames: np.ndarray


class Job:
    """Follows one generation and can cancel it from another thread.

    Args:
        on_progress: called in the working thread at the start of every phase and after each of its steps.
        on_preview: called there every few denoising steps; without it no previews are made.
        on_frames: called there with the frames of the result as they are finished.
        owner: for the queue's limit of jobs per owner.
        deadline: seconds the job may compute, without its time in the queue.
        abandoned_after: seconds without a call of :meth:`ask` after which the job is stopped.

    Attributes:
        id: unguessable; whoever knows it may see and stop the job.
        state: ``waiting`` and ``running`` are set by the queue, the others by the code that runs the job.
        progress: the last one reported.
        place: number of jobs before it in the queue.
    """

    def __init__(
        self,
        on_progress: Callable[[Progress], object] | None = None,
        *,
        on_preview: Callable[[Preview], object] | None = None,
        on_frames: Callable[[FinishedFrames], object] | None = None,
        owner: str | None = None,
        deadline: float | None = None,
        abandoned_after: float | None = None,
    ) -> None:
        self.id = secrets.token_urlsafe(16)
        self.owner = owner
        self.deadline = deadline
        self.state: JobState = "waiting"
        self.progress: Progress | None = None
        self.place = 0
        self._on_progress = on_progress
        self._on_preview = on_preview
        self._on_frames = on_frames
        self._abandoned_after = abandoned_after
        self._last_asked = time.monotonic()
        self._cancelled = threading.Event()
        self._computed = 0.0  # seconds of the turns before this one
        self._turn_start: float | None = None
        self._phase_start = 0.0

    @property
    def cancelled(self) -> bool:
        """Whether the work has to stop; :meth:`check` raises then."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Stop the work at its next report, that is within one step."""
        self._cancelled.set()

    def ask(self) -> None:
        """Record that somebody still waits for the job."""
        self._last_asked = time.monotonic()

    @property
    def seconds_computed(self) -> float:
        """Seconds of its turns so far."""
        running = time.monotonic() - self._turn_start if self._turn_start is not None else 0.0
        return self._computed + running

    def begin_turn(self) -> None:
        """The queue calls this when the job may compute, and :meth:`end_turn` afterwards."""
        self._turn_start = time.monotonic()
        self.state = "running"

    def end_turn(self) -> None:
        """The time of the turn counts as computed; the job may wait for another one."""
        self._computed, self._turn_start = self.seconds_computed, None
        self.state = "waiting"

    def check(self) -> None:
        """Raise where the work has to stop.

        Raises:
            JobCancelled: the job was cancelled, or abandoned.
            InputError: its time is up.
        """
        if self.cancelled:
            raise JobCancelled
        if self._abandoned_after is not None and time.monotonic() - self._last_asked > self._abandoned_after:
            self.cancel()
            raise JobCancelled(f"Nobody has asked for the video for {self._abandoned_after:g} s.")
        if self.deadline is not None and self.seconds_computed > self.deadline:
            raise InputError(
                f"The video takes longer than the {self.deadline:g} s allowed here; take fewer frames or steps."
            )

    def report(self, phase: Phase, step: int, total: int) -> None:
        """Report that ``step`` of ``total`` are done; step 0 starts the phase.

        Raises:
            JobCancelled, InputError: see :meth:`check`.
        """
        self.check()
        now = time.perf_counter()
        if step == 0:
            self._phase_start = now
        seconds_left = (now - self._phase_start) / step * (total - step) if step else None
        self.progress = Progress(phase, step, total, seconds_left)
        if self._on_progress:
            self._on_progress(self.progress)

    @property
    def wants_previews(self) -> bool:
        """Whether anybody is shown previews."""
        return self._on_preview is not None

    def show_preview(self, preview: Preview) -> None:
        """Pass a preview to ``on_preview``."""
        if self._on_preview:
            self._on_preview(preview)

    def deliver(self, frames: FinishedFrames) -> None:
        """Pass finished frames to ``on_frames``."""
        if self._on_frames:
            self._on_frames(frames)


class JobQueue:
    """Lets jobs compute one after the other, first come first served.

    Args:
        max_waiting: jobs that may wait; further ones are refused.
        jobs_per_owner: of one owner, the running one included; None for any number. Jobs without an owner are
            not limited.
        at_once: jobs that may compute at the same time.
    """

    def __init__(
        self, max_waiting: int = MAX_WAITING, jobs_per_owner: int | None = None, at_once: int = 1
    ) -> None:
        self._max_waiting = max_waiting
        self._jobs_per_owner = jobs_per_owner
        self._at_once = at_once
        self._jobs: deque[Job] = deque()  # the first ``at_once`` are running
        self._changed = threading.Condition()

    def __len__(self) -> int:
        """Jobs in the queue, those running included."""
        return len(self._jobs)

    @contextmanager
    def turn(self, job: Job) -> Iterator[None]:
        """Wait until it is the job's turn, and let the others wait; a nested turn of the same job does not wait.

        Raises:
            InputError: too many are waiting, or its owner has too many jobs.
            JobCancelled: the job was cancelled while it waited.
        """
        with self.entered(job):
            self._wait(job)
            with self._computing(job):
                yield

    @contextmanager
    def entered(self, job: Job) -> Iterator[None]:
        """Keep the job in the queue until the end of the block; its turns are taken inside.

        Raises:
            InputError: see :meth:`turn`; raised at once.
        """
        with self._changed:
            is_new = job not in self._jobs
            if is_new:
                self._check_room(job.owner)
                self._jobs.append(job)
                self._set_places()
        try:
            yield
        finally:
            if is_new:
                with self._changed:
                    self._jobs.remove(job)
                    self._set_places()
                    self._changed.notify_all()

    def _set_places(self) -> None:
        for index, job in enumerate(self._jobs):
            job.place = max(0, index - self._at_once + 1)

    def check_room(self, owner: str | None) -> None:
        """Raise InputError where no job of this owner is taken at the moment: before costly checks of one."""
        with self._changed:
            self._check_room(owner)

    def _check_room(self, owner: str | None) -> None:
        others = [job.owner for job in self._jobs]
        if len(others) >= self._max_waiting + self._at_once:
            raise InputError(f"{self._max_waiting} others are waiting already; try again later.")
        own = 0 if owner is None else others.count(owner)
        if self._jobs_per_owner is not None and own >= self._jobs_per_owner:
            raise InputError(
                f"You have {own} {'job' if own == 1 else 'jobs'} running or waiting already;"
                " wait for one to finish or stop it."
            )

    def _wait(self, job: Job) -> None:
        last_reported, ahead = None, job.place
        while place := job.place:
            if place != last_reported:
                job.report("wait", ahead - place, ahead)
                last_reported = place
            job.check()
            with self._changed:
                if job.place == place:
                    self._changed.wait(_POLL_SECONDS)

    @contextmanager
    def _computing(self, job: Job) -> Iterator[None]:
        if job.state == "running":  # a nested turn
            yield
            return
        job.begin_turn()
        try:
            yield
        finally:
            job.end_turn()
