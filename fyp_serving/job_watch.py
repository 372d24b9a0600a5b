"""Which jobs the page accepts within its limits; each is counted and logged in one line."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from fyp_core.generation.request import GenerationRequest
from fyp_core.generation.running.time_estimate import check_time
from fyp_media.errors import InputError, shortened
from fyp_page.job_watch import JobOutcome, JobWatch, current_visitor
from fyp_serving.http_guard import SHUTDOWN
from fyp_serving.limits import Limits
from fyp_serving.memory import release_free_memory
from fyp_serving.monitoring import Metrics

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.05  # between two checks whether all jobs have ended


class LimitedJobWatch(JobWatch):
    """Refuses jobs beyond the limits and while the page shuts down, and counts the others.

    Args:
        limits: of the page.
        metrics: in which jobs are counted.
        estimate: seconds that a request will take, see :meth:`Engine.quick_estimate`.
        check_room: raises InputError where the queue takes no job of a visitor, see :meth:`JobQueue.check_room`.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
        estimate: Callable[[GenerationRequest], float | None] = lambda request: None,
        check_room: Callable[[str | None], None] = lambda visitor: None,
    ) -> None:
        self._limits = limits or Limits()
        self.max_job_seconds = self._limits.max_job_seconds
        self.max_live_seconds = self._limits.max_live_seconds
        self._metrics = metrics or Metrics()
        self._estimate = estimate
        self._check_room = check_room
        self._is_closing = threading.Event()
        self._jobs = 0
        self._counting = threading.Lock()

    @property
    def is_closing(self) -> bool:
        return self._is_closing.is_set()

    def check(self, requests: Sequence[GenerationRequest]) -> None:
        """Raise InputError for a job that is not taken here; reads the header of its videos."""
        try:
            self._check(requests)
        except InputError as error:
            self._metrics.jobs.labels("refused").inc()
            logger.info("job refused: %s", shortened(str(error)))
            raise

    def _check(self, requests: Sequence[GenerationRequest]) -> None:
        if self.is_closing:
            raise InputError(SHUTDOWN)
        self._check_room(current_visitor())  # before a video is opened, which takes a process
        for request in requests:
            self._limits.check(request)
        if self.max_job_seconds is not None:
            check_time(sum(self._estimate(request) or 0 for request in requests), self.max_job_seconds)

    def check_input(self, request: GenerationRequest) -> None:
        self._limits.check(request)

    def check_video(self, video: str | os.PathLike[str]) -> None:
        self._limits.check_video(video)

    @contextmanager
    def job(self, requests: Sequence[GenerationRequest]) -> Iterator[JobOutcome]:
        """Count the job that the block works on."""
        outcome = JobOutcome()
        start = time.monotonic()
        self._count(1)
        try:
            yield outcome
        finally:
            self._metrics.jobs.labels(outcome.state).inc()
            for seconds in outcome.seconds:
                for phase, spent in seconds.items():
                    self._metrics.phases.labels(phase).observe(spent)
            logger.info("%s", _line(requests, outcome, time.monotonic() - start))
            release_free_memory()
            self._count(-1)  # last, so that a job is logged before `close` returns

    def close(self, seconds: float) -> None:
        """Take no more jobs, and wait some seconds for those that run."""
        self._is_closing.set()
        deadline = time.monotonic() + seconds
        while self._jobs and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)

    def _count(self, change: int) -> None:
        with self._counting:
            self._jobs += change
            self._metrics.at_work.set(self._jobs)


def _line(requests: Sequence[GenerationRequest], outcome: JobOutcome, seconds: float) -> str:
    request = requests[0]
    videos = f"{len(requests)} videos, " if len(requests) > 1 else ""
    message = f": {shortened(outcome.message)}" if outcome.message else ""
    return (
        f"job {outcome.state} after {seconds:.1f} s: {videos}{request.frames} frames,"
        f" preset {shortened(request.preset)}, prompt {shortened(request.prompt)!r}{message}"
    )
