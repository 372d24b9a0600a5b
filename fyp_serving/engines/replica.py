"""A replica: a process with the model, which streams the events of each job.

Ray Serve (https://docs.ray.io/en/latest/serve) starts replicas, finds a free one for each call and replaces those
that die.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from functools import partial

from fyp_core.generation.device import Runtime
from fyp_core.generation.engine import Engine, GenerationReport
from fyp_core.generation.guide import Guide
from fyp_core.generation.job import FinishedFrames, Job
from fyp_core.generation.request import GenerationRequest
from fyp_core.generation.running.model_facts import ModelFacts
from fyp_core.weights.sources import ModelSource
from fyp_media.errors import InputError
from fyp_serving.engines.job_events import Event, Refusal, send_last_event
from fyp_serving.memory import release_free_memory

logger = logging.getLogger(__name__)


class Replica:
    """The model, loaded once; one job at a time, which is stopped when its caller goes away.

    Args:
        model, runtime: see :class:`Engine`.
    """

    def __init__(self, model: str | ModelSource, runtime: Runtime | None) -> None:
        self._engine = Engine(model, runtime=runtime)
        self._source = self._engine.load()

    def source(self) -> ModelSource:
        """The model that is loaded."""
        return self._source

    def facts(self) -> ModelFacts:
        """Name, default size and sampling of the model."""
        return self._engine.facts()

    def unknown_words(self, prompt: str) -> list[str]:
        """Words of a prompt that the model does not know."""
        return self._engine.unknown_words(prompt)

    def estimate(self, request: GenerationRequest, frames: int) -> float | Refusal:
        """Seconds that a request will take, see :meth:`Engine.estimate`."""
        try:
            return self._engine.estimate(request, frames)
        except InputError as error:
            return Refusal(str(error))

    async def render(
        self, request: GenerationRequest, guide: Guide, deadline: float | None = None
    ) -> AsyncIterator[Event]:
        """Generate a video; the last event is its report, or why there is none.

        Args:
            deadline: seconds the work may take.
        """
        events: asyncio.Queue[Event | BaseException] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def send(event: Event | BaseException) -> None:
            loop.call_soon_threadsafe(events.put_nowait, event)

        job = Job(send, on_preview=send, deadline=deadline)
        work = partial(self._generate, request, guide, job, send)
        loop.run_in_executor(None, send_last_event, work, send)
        try:
            while True:
                event = await events.get()
                if isinstance(event, BaseException):
                    raise event
                yield event
                if isinstance(event, GenerationReport | Refusal):
                    return
        finally:
            job.cancel()  # no effect on a job that has ended

    def _generate(
        self,
        request: GenerationRequest,
        guide: Guide,
        job: Job,
        send: Callable[[FinishedFrames], object],
    ) -> GenerationReport:
        try:
            return self._engine.stream(request, guide, job, send)
        finally:
            release_free_memory()
