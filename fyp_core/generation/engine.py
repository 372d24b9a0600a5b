"""The resident engine: one loaded model, one job at a time, with progress and cancel."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fyp_core.generation.device import Runtime, choose_device
from fyp_core.generation.guide import Guide, make_guide
from fyp_core.generation.job import MAX_WAITING, Job, JobQueue
from fyp_core.generation.request import GenerationRequest
from fyp_core.generation.result_size import ModelSize
from fyp_core.weights.sources import AUTO, Additions, ModelSource, resolve_model

if TYPE_CHECKING:
    from fyp_core.generation.loaded_model import LoadedModel
    from fyp_core.pipeline import FollowYourPosePipeline


@dataclass(frozen=True)
class GenerationResult:
    """A generated video and how it came about.

    frames: (F, H, W, 3) uint8 RGB.
    guide: the frames it follows.
    request: with the values that were used in place of ``None`` and ``auto``.
    model: what it was made with: name, additions, hashes, device, number format, software.
    seconds: spent on each phase.
    memory: bytes; the ``estimated`` and the measured ``peak``.
    notices: sentences the user should read, for example words of the prompt the model does not know.
    """

    frames: np.ndarray
    guide: Guide
    request: GenerationRequest
    model: dict[str, Any]
    seconds: dict[str, float]
    memory: dict[str, int]
    notices: list[str] = field(default_factory=list)

    @property
    def fps(self) -> float:
        return self.guide.fps

    def settings(self) -> dict[str, Any]:
        """What is needed to make this video again, and its measures; plain values for JSON.

        Of the input and the LoRAs the files' names only: where they lie is the caller's to tell.
        """
        count, height, width = self.frames.shape[:3]
        return {
            **asdict(self.request),
            "input": Path(self.request.input).name,
            "input_hash": self.guide.input_hash,
            "frames": count,
            "crop": list(self.request.crop),
            "estimator": self.guide.estimator,
            "width": width,
            "height": height,
            "fps": round(self.fps, 3),
            **self.model,
        }


class Engine:
    """Keeps one model loaded and works on one job at a time; every method may be called from any thread.

    Args:
        model: a source, or what :func:`fyp_core.weights.sources.resolve_model` makes one of.
        additions: another base and so on; of a source, which has its own, none.
        runtime: device, number format, attention backend, memory.
        max_waiting: jobs that may wait; further ones are refused.
        jobs_per_owner: of one owner, the running one included; None for any number.
    """

    def __init__(
        self,
        model: str | ModelSource = AUTO,
        additions: Additions | None = None,
        runtime: Runtime | None = None,
        max_waiting: int = MAX_WAITING,
        jobs_per_owner: int | None = None,
    ) -> None:
        self._model = model
        self._additions = additions
        self._runtime = runtime or Runtime()
        self.queue = JobQueue(max_waiting, jobs_per_owner)
        self._loading = threading.Lock()
        self._loaded: LoadedModel | None = None

    def load(self) -> ModelSource:
        """Load the model unless it is there already, and tell which one it is.

        Raises:
            InputError: it cannot be found or loaded, or the device cannot run it as asked for.
        """
        return self._model_loaded().source

    def _model_loaded(self) -> LoadedModel:
        with self._loading:
            if self._loaded is None:
                from fyp_core.generation.loaded_model import LoadedModel

                self._loaded = LoadedModel(self._source(), self._runtime)
            return self._loaded

    @property
    def model_name(self) -> str:
        """What another engine finds the model by: as it was given, or where that says too little, what it is."""
        if isinstance(self._model, str) and self._model != AUTO:
            return self._model
        return self.load().name

    @property
    def pipeline(self) -> FollowYourPosePipeline:
        """The loaded pipeline."""
        return self._model_loaded().pipeline

    def prepare(self, request: GenerationRequest, job: Job | None = None) -> Guide:
        """Read the frames to follow and, of a raw video, find the person in them; needs no model.

        Raises:
            InputError: a setting or the video cannot work.
            JobCancelled: the job was cancelled.
        """
        job = job or Job()
        return make_guide(request, ModelSize.of(self._source()), job, self.queue.turn(job))

    def render(self, request: GenerationRequest, guide: Guide, job: Job | None = None) -> GenerationResult:
        """Generate the video that follows ``guide``.

        Raises:
            InputError: a setting cannot work, memory does not suffice, or too many are waiting.
            JobCancelled: the job was cancelled; the engine can go on with the next.
        """
        job = job or Job()
        request.check()
        with self.queue.turn(job):
            return self._render(self._model_loaded(), request, guide, job)

    def generate(self, request: GenerationRequest, job: Job | None = None) -> GenerationResult:
        """:meth:`prepare` and :meth:`render` in one."""
        return self.render(request, self.prepare(request, job), job)

    def _render(
        self, model: LoadedModel, request: GenerationRequest, guide: Guide, job: Job
    ) -> GenerationResult:
        request = model.with_few_step_lora(request)
        model.put_loras(request.found_loras())
        height, width = guide.skeletons.shape[1:3]
        request = model.completed(replace(request, height=height, width=width, aspect=None))
        seconds = dict(guide.seconds)
        with _timed(seconds, "denoise"):
            latents = model.denoise(request, guide.skeletons, job)
        with _timed(seconds, "decode"):
            frames = np.concatenate(list(model.decode(request, latents, job)))
        return GenerationResult(
            frames=frames,
            guide=guide,
            request=request,
            model=model.describe(),
            seconds=seconds,
            memory=model.memory(request, len(frames)),
            notices=guide.notices + model.notices(request),
        )

    def _source(self) -> ModelSource:
        if isinstance(self._model, ModelSource):
            return self._model
        on_gpu = choose_device(self._runtime.device).startswith("cuda")
        return resolve_model(self._model, self._additions, has_gpu=on_gpu)


@contextmanager
def _timed(seconds: dict[str, float], phase: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[phase] = round(time.perf_counter() - start, 3)
