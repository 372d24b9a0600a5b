"""The engine: one loaded model, one job at a time, with progress and cancellation."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fyp_core.generation.device import Runtime, choose_device
from fyp_core.generation.guide import Guide, make_guide, with_reference
from fyp_core.generation.job import MAX_WAITING, FinishedFrames, Job, JobQueue
from fyp_core.generation.output import OutputVideo
from fyp_core.generation.request import GenerationRequest
from fyp_core.generation.result_size import ModelSize
from fyp_core.generation.running.memory import free_memory
from fyp_core.generation.running.model_facts import ModelFacts
from fyp_core.generation.running.report import GenerationReport, GenerationResult
from fyp_core.weights.sources import AUTO, Additions, ModelSource, resolve_model, with_additions
from fyp_media.imports import without_collection
from pose_extraction.pose_cache import PoseCache

if TYPE_CHECKING:
    from fyp_core.generation.loaded_model import LoadedModel
    from fyp_core.pipeline import FollowYourPosePipeline

__all__ = ["Engine", "GenerationReport", "GenerationResult", "loading_threads"]

_LOADING = "load a model"  # the name of threads


def loading_threads() -> list[threading.Thread]:
    """Threads that load a model in the background at the moment, see :meth:`Engine.load_in_background`.

    A program that ends meanwhile may abort: Python stops these threads in the middle of native code.
    """
    return [thread for thread in threading.enumerate() if thread.name == _LOADING]


class Engine:
    """Keeps one model loaded and works on one job at a time; every method may be called from any thread.

    Args:
        model: a source, or what :func:`fyp_core.weights.sources.resolve_model` makes one of.
        additions: another base model and so on; None with a source, which has its own.
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
        self._loaded_additions: Additions | None = None  # of a request, in place of the engine's own
        self.pose_cache = PoseCache.of_user()  # of all videos of this engine; another one may take its place

    def load(self) -> ModelSource:
        """Load the model unless it is loaded already, and return its source.

        Raises:
            InputError: it cannot be found or loaded, or the device cannot run it as asked for.
        """
        return self._model_loaded().source

    def _model_loaded(self) -> LoadedModel:
        """The loaded model, with whatever additions it has at the moment."""
        with self._loading:
            return self._loaded or self._load(None)

    def _model_with(self, additions: Additions | None) -> LoadedModel:
        """The model with the additions of a request, in place of one with others."""
        with self._loading:
            if self._loaded is not None and self._has(additions):
                return self._loaded
            return self._load(additions)

    def _has(self, additions: Additions | None) -> bool:
        return self._loaded is not None and self._loaded_additions == additions

    def _load(self, additions: Additions | None) -> LoadedModel:
        with without_collection():
            from fyp_core.generation.loaded_model import LoadedModel

        speed = self._loaded.speed if self._loaded else None
        source = self._source() if additions is None else with_additions(self._source(), additions)
        if self._loaded is not None:
            self._loaded = None
            free_memory()
        self._loaded = LoadedModel(source, self._runtime, speed)
        self._loaded_additions = additions
        return self._loaded

    def load_in_background(self) -> None:
        """Start loading, for example while poses are found; :meth:`load` waits for it and raises its errors."""

        def try_to_load() -> None:
            with suppress(Exception):  # `load` tries again and raises the error to its caller
                self.load()

        if self._loaded is None:
            threading.Thread(target=try_to_load, name=_LOADING, daemon=True).start()

    @property
    def model_name(self) -> str:
        """The name by which another engine finds this model: as it was given, or for ``auto`` the chosen model's."""
        if isinstance(self._model, str) and self._model != AUTO:
            return self._model
        return self.load().name

    @property
    def default_size(self) -> ModelSize:
        """The default size and length of the model's videos; read without loading it.

        Raises:
            InputError: the model cannot be found.
        """
        return ModelSize.of(self._source())

    def facts(self) -> ModelFacts:
        """Name, default size and sampling of the model; loads it unless it is loaded already.

        Raises:
            InputError: see :meth:`load`.
        """
        return ModelFacts.of(self._model_loaded())

    def unknown_words(self, prompt: str) -> list[str]:
        """Words of a prompt that the model does not know; see :meth:`load` for what is raised."""
        return self._model_loaded().pipeline.unknown_words(prompt)

    @property
    def pipeline(self) -> FollowYourPosePipeline:
        """The loaded pipeline, of a model in this process."""
        return self._model_loaded().pipeline

    def prepare_sampling(self, request: GenerationRequest) -> dict[str, Any]:
        """Set up :attr:`pipeline` to sample as a request says, for direct calls, and return their arguments.

        Raises:
            InputError: a LoRA or the reference picture does not fit this model, or the scheduler cannot take that many
                steps.
        """
        return self._model_loaded().prepare_sampling(request)

    def prepare(self, request: GenerationRequest, job: Job | None = None) -> Guide:
        """Read the frames to follow and, of a raw video, find the people in them; needs no model.

        People are found once for a part of a video, see :attr:`pose_cache`: a later request that differs only in their
        choice, size, smoothing or window uses those found before.

        Raises:
            InputError: a setting or the video cannot work.
            JobCancelled: the job was cancelled.
        """
        job = job or Job()
        turn = self._turn_to_find_poses(job)
        return make_guide(request, self.default_size, job, turn, self.pose_cache)

    def render(self, request: GenerationRequest, guide: Guide, job: Job | None = None) -> GenerationResult:
        """Generate the video that follows ``guide``, in memory.

        Raises:
            InputError: a setting cannot work, memory is too small, or too many jobs are waiting.
            JobCancelled: the job was cancelled; the engine can go on with the next.
        """
        chunks: list[np.ndarray] = []
        report = self.stream(request, guide, job or Job(), lambda chunk: chunks.append(chunk.frames))
        return GenerationResult(**vars(report), frames=np.concatenate(chunks), guide=guide)

    def render_file(
        self,
        output: str | os.PathLike[str],
        request: GenerationRequest,
        guide: Guide,
        job: Job | None = None,
        *,
        with_paths: bool = False,
    ) -> GenerationReport:
        """Generate the video that follows ``guide`` into a file; finished frames are written and not held.

        Until the end the file has another name; a job that fails or is stopped leaves nothing.

        Args:
            output: ends in .mp4 or .gif.
            with_paths: of :meth:`GenerationReport.settings`, which are stored in the file.

        Raises:
            InputError: as :meth:`render`, or the file cannot be written.
            JobCancelled: the job was cancelled.
        """
        sound = guide.sound if request.sound else None
        with OutputVideo(output, guide.fps, sound=sound) as video:

            def write(chunk: FinishedFrames) -> None:
                for frame in chunk.frames:
                    video.write(frame)

            report = self.stream(request, guide, job or Job(), write)
            video.settings = report.settings(with_paths=with_paths)
        return report

    def generate(self, request: GenerationRequest, job: Job | None = None) -> GenerationResult:
        """:meth:`prepare` and :meth:`render` in one."""
        return self.render(request, self.prepare(request, job), job)

    def estimate(self, request: GenerationRequest, frames: int | None = None) -> float:
        """Seconds that a request will take from its turn to the last frame, about.

        The speed is the mean of earlier videos; the first time it is measured by a short run, in a turn of its own.

        Args:
            frames: instead of the request's.

        Raises:
            InputError: the model cannot be loaded, or a setting cannot work.
        """
        known = self.quick_estimate(request, frames)
        if known is not None:
            return known
        model = self._model_loaded()
        with self.queue.turn(Job()):
            return model.estimate_seconds(request, frames or request.frames)

    def quick_estimate(self, request: GenerationRequest, frames: int | None = None) -> float | None:
        """:meth:`estimate` without waiting: None before the model is loaded and its speed measured.

        Raises:
            InputError: a setting cannot work.
        """
        model = self._loaded
        if model is None or not model.speed.knows("denoise"):
            return None
        return model.estimate_seconds(request, frames or request.frames)

    def measure_speed(self) -> None:
        """Make a short run in a turn of its own, so that estimates need none; does nothing where speed is known.

        Raises:
            InputError: the model cannot be loaded.
        """
        self.estimate(GenerationRequest(input=Path(), prompt="a person"))

    def check_memory(self, request: GenerationRequest) -> None:
        """Raise InputError for a request whose frames cannot fit into the device's memory."""
        model = self._model_loaded()
        model.check_memory(model.completed(request), request.frames)

    @contextmanager
    def _turn_to_find_poses(self, job: Job) -> Iterator[None]:
        """A turn in which the model, needed next, is loaded in the background: the video could be opened."""
        with self.queue.turn(job):
            self.load_in_background()
            yield

    def stream(
        self, request: GenerationRequest, guide: Guide, job: Job, take: Callable[[FinishedFrames], object]
    ) -> GenerationReport:
        """Generate the video that follows ``guide``; its frames are taken as they are finished.

        Args:
            take: called with the frames, before the job's ``on_frames``.

        Raises:
            InputError, JobCancelled: see :meth:`render`.
        """
        request.check()
        guide = with_reference(guide, request)

        def deliver(chunk: FinishedFrames) -> None:
            take(chunk)
            job.deliver(chunk)

        with self.queue.turn(job):
            return self._compute(request, guide, job, deliver)

    def _compute(
        self, request: GenerationRequest, guide: Guide, job: Job, take: Callable[[FinishedFrames], object]
    ) -> GenerationReport:
        """Load the model if needed and generate; called in the job's turn.

        An engine whose model is in another process overrides it.
        """
        if not self._has(request.additions):
            job.report("load", 0, 1)
        start = time.perf_counter()
        model = self._model_with(request.additions)
        seconds = {"load": round(time.perf_counter() - start, 3)}
        report = model.generate(request, guide, job, take)
        return replace(report, seconds=seconds | report.seconds, model_name=self.model_name)

    def _source(self) -> ModelSource:
        if isinstance(self._model, ModelSource):
            return self._model
        on_gpu = choose_device(self._runtime.device).startswith("cuda")
        return resolve_model(self._model, self._additions, has_gpu=on_gpu)
