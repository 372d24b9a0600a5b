"""The engine of a page on Hugging Face's ZeroGPU, which lends a GPU to a process for the seconds a job takes.

https://huggingface.co/docs/hub/spaces-zerogpu. The package ``spaces``, which exists only there, forks a process for a
decorated function; arguments and results are pickled. The model has to be loaded before, in the main thread, where
``spaces`` emulates CUDA.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from types import ModuleType

from fyp_core.generation.device import Runtime
from fyp_core.generation.engine import Engine, GenerationReport
from fyp_core.generation.guide import Guide
from fyp_core.generation.job import MAX_WAITING, FinishedFrames, Job
from fyp_core.generation.request import GenerationRequest
from fyp_core.weights.sources import AUTO, ModelSource
from fyp_media.errors import InputError
from fyp_serving.engines.job_events import Event, Refusal, follow, send_last_event

DEFAULT_SECONDS = 60  # of a job, before any was measured; what ZeroGPU itself assumes
_SHORTEST, _LONGEST = 15, 120  # seconds of a GPU that a job requests
_MARGIN = 1.5  # a job is stopped at the end of its time
_START_SECONDS = 8.0  # in which the model is moved to the GPU


def is_zero_gpu(environment: Mapping[str, str]) -> bool:
    """Whether this process runs on ZeroGPU."""
    return environment.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def import_spaces() -> ModuleType:
    """The package ``spaces``; to be imported before CUDA is used.

    Raises:
        InputError: it is not there.
    """
    try:
        import spaces
    except ImportError as error:
        raise InputError("ZeroGPU needs the package spaces; add it to requirements.txt.") from error
    return spaces


class ZeroGpuEngine(Engine):
    """An :class:`Engine` whose videos are generated in processes with a GPU; poses are found in this one.

    Args:
        spaces: the package, see :func:`import_spaces`.
        model, runtime, max_waiting, jobs_per_owner: see :class:`Engine`.

    Raises:
        InputError: the model cannot be loaded.
    """

    def __init__(
        self,
        spaces: ModuleType,
        model: str | ModelSource = AUTO,
        runtime: Runtime | None = None,
        max_waiting: int = MAX_WAITING,
        jobs_per_owner: int | None = None,
    ) -> None:
        super().__init__(model, None, runtime, max_waiting, jobs_per_owner)
        self._model_loaded().describe()  # waits for its hash, which a forked process could not do
        self._on_gpu = spaces.GPU(duration=self.duration)(self._generate)

    def duration(self, request: GenerationRequest, guide: Guide, deadline: float | None = None) -> int:
        """Seconds of a GPU that a job asks for: the fewer, the sooner it gets them."""
        frames_only = request.changed(input_type="skeleton")  # the poses are found already
        estimate = self.quick_estimate(frames_only, len(guide.skeletons))
        seconds = DEFAULT_SECONDS if estimate is None else _MARGIN * estimate + _START_SECONDS
        return min(max(math.ceil(seconds), _SHORTEST), _LONGEST)

    def estimate(self, request: GenerationRequest, frames: int | None = None) -> float:
        """Seconds that a request will take, about; :data:`DEFAULT_SECONDS` before any was measured."""
        return self.quick_estimate(request, frames) or float(DEFAULT_SECONDS)

    def stream(
        self, request: GenerationRequest, guide: Guide, job: Job, take: Callable[[FinishedFrames], object]
    ) -> GenerationReport:
        """Generate the video that follows ``guide`` in a process with a GPU; see :meth:`Engine.stream`.

        Raises:
            InputError: as there; or the request has additions, or the visitor's GPU time is used up.
        """
        if request.additions is not None:
            raise InputError(
                "On ZeroGPU the model is loaded once, before all jobs; leave out embeddings and other parts."
            )
        return super().stream(request, guide, job, take)

    def _compute(
        self, request: GenerationRequest, guide: Guide, job: Job, take: Callable[[FinishedFrames], object]
    ) -> GenerationReport:
        stopped = threading.Event()
        left = None if job.deadline is None else job.deadline - job.seconds_computed
        report = follow(self._events(stopped, request, guide, left), job, take, stopped.set)
        self._model_loaded().record_speed(report.request, len(guide.skeletons), report.seconds)
        return report

    def _events(
        self, stopped: threading.Event, request: GenerationRequest, guide: Guide, deadline: float | None
    ) -> Iterator[Event]:
        """What the process with a GPU sends, until ``stopped`` is set."""
        import gradio as gr

        try:
            with closing(self._on_gpu(request, guide, deadline)) as events:
                for event in events:
                    if stopped.is_set():
                        return
                    yield event
        except gr.Error as error:  # for example: the visitor's share of GPU time is used up
            raise InputError(str(error.message)) from error

    def _generate(self, request: GenerationRequest, guide: Guide, deadline: float | None) -> Iterator[Event]:
        """In the process with a GPU: events as they come; the last one is the report, or why there is none."""
        events: queue.Queue[Event | BaseException] = queue.Queue()
        job = Job(events.put, on_preview=events.put, deadline=deadline)
        compute = super()._compute
        job.begin_turn()
        work = partial(compute, request, guide, job, events.put)
        threading.Thread(target=send_last_event, args=(work, events.put), daemon=True).start()
        try:
            while True:
                event = events.get()
                if isinstance(event, BaseException):
                    raise event
                yield event
                if isinstance(event, GenerationReport | Refusal):
                    return
        finally:
            job.cancel()  # no effect on a job that has ended
