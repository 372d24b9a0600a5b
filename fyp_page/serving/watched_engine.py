"""The page's engine: within the limits, counted, a line of the log for each job."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fyp_core.generation.engine import Engine, GenerationReport
from fyp_core.generation.guide import Guide
from fyp_core.generation.job import FinishedFrames, Job, JobCancelled
from fyp_core.generation.request import GenerationRequest
from fyp_media.errors import InputError
from fyp_page.serving.http_guard import SHUTDOWN, shortened
from fyp_page.serving.limits import Limits
from fyp_page.serving.monitoring import Metrics

logger = logging.getLogger(__name__)

_WAIT = 0.05  # seconds between two looks at whether the jobs have ended


class WatchedEngine(Engine):
    """An engine that refuses what is beyond the limits, and tells what it does.

    Args:
        model: see :class:`Engine`.
        limits: of the page.
        metrics: are counted up.
    """

    def __init__(self, model: str, limits: Limits, metrics: Metrics) -> None:
        super().__init__(model, max_waiting=limits.queue)
        self._limits = limits
        self._metrics = metrics
        self._is_closing = threading.Event()
        self._is_loaded = threading.Event()
        self._jobs = 0
        self._counting = threading.Lock()

    def load(self) -> Any:
        source = super().load()
        self._is_loaded.set()
        return source

    @property
    def is_ready(self) -> bool:
        """Whether the model is loaded and jobs are taken."""
        return self._is_loaded.is_set() and not self._is_closing.is_set()

    def prepare(self, request: GenerationRequest, job: Job | None = None) -> Guide:
        with self._watched(request, is_last=False):
            if self._is_closing.is_set():
                raise InputError(SHUTDOWN)
            self._limits.check(request)
            return super().prepare(request, job)

    def stream(
        self, request: GenerationRequest, guide: Guide, job: Job, take: Callable[[FinishedFrames], object]
    ) -> GenerationReport:
        with self._watched(request, is_last=True):
            report = super().stream(request, guide, job, take)
            for phase, seconds in report.seconds.items():
                self._metrics.phases.labels(phase).observe(seconds)
            return report

    def close(self, seconds: float) -> None:
        """Take no more jobs, and give those at work some seconds to end."""
        self._is_closing.set()
        deadline = time.monotonic() + seconds
        while self._jobs and time.monotonic() < deadline:
            time.sleep(_WAIT)

    @contextmanager
    def _watched(self, request: GenerationRequest, *, is_last: bool) -> Iterator[None]:
        """Count a part of a job; the job ends with its last part or where one fails."""
        start = time.monotonic()
        outcome, detail = "failed", ""
        self._count(1)
        try:
            yield
            outcome = "done"
        except InputError as error:
            outcome, detail = "refused", str(error)
            raise
        except (JobCancelled, GeneratorExit):
            outcome = "cancelled"
            raise
        finally:
            self._count(-1)
            if is_last or outcome != "done":
                self._metrics.jobs.labels(outcome).inc()
                logger.info(
                    "job %s after %.1f s: %s frames, %s steps, preset %s, prompt %r%s",
                    outcome,
                    time.monotonic() - start,
                    request.frames,
                    request.steps or "the model's",
                    shortened(request.preset),
                    shortened(request.prompt),
                    f": {shortened(detail)}" if detail else "",
                )

    def _count(self, change: int) -> None:
        with self._counting:
            self._jobs += change
            self._metrics.at_work.set(self._jobs)
