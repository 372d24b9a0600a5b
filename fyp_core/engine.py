"""The resident engine: one loaded model, one job at a time, with progress and cancel."""

from __future__ import annotations

import logging
import math
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from errors import InputError
from fyp_core.checkpoints import AUTO, ModelSource, load_pipeline, resolve_model
from fyp_core.jobs import Job
from pose_extraction.estimator import ESTIMATOR_NAMES
from video_io import probe, sample_frames

if TYPE_CHECKING:
    from fyp_core.pipeline import FollowYourPosePipeline

logger = logging.getLogger(__name__)

InputType = Literal["raw", "skeleton"]
Preset = Literal["exact", "fast"]
INPUT_TYPES: tuple[InputType, ...] = ("raw", "skeleton")
PRESETS: tuple[Preset, ...] = ("exact", "fast")
MAX_SEED = 2**32 - 1
_FAST_SHARE_OF_STEPS = 0.5  # a second-order solver needs about half the steps for the same picture


@dataclass(frozen=True)
class GenerationRequest:
    """What to generate; ``None`` takes the model's own value.

    input: a video of a person, or a skeleton video.
    prompt: the character and the scene.
    frames, stride, start: frames ``start, start + stride, ...`` of the input are used.
    crop: pixels cut off the left, right, top and bottom of the input.
    steps: denoising steps.
    guidance: classifier-free guidance scale; up to 1 the prompt's pull is not amplified.
    seed: 0..2^32-1; ``None`` draws one, which the result names.
    preset: ``exact`` samples as the model was published, ``fast`` with DPM-Solver++ (Lu et al. 2022,
        arXiv 2211.01095) in half the steps.
    estimator: finds the person in a raw video.
    width, height: of the result in pixels, multiples of 8.
    """

    input: str | os.PathLike[str]
    prompt: str
    input_type: InputType = "raw"
    negative_prompt: str = ""
    frames: int = 8
    stride: int = 5
    start: int = 0
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)
    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None
    preset: Preset = "exact"
    estimator: str = "auto"
    width: int | None = None
    height: int | None = None

    def check(self) -> None:
        """Raise InputError for a value that cannot work; the video itself is checked when it is read."""
        if not self.prompt.strip():
            raise InputError("The prompt is empty; describe the character and the scene.")
        for name, choice, choices in (
            ("input type", self.input_type, INPUT_TYPES),
            ("preset", self.preset, PRESETS),
            ("estimator", self.estimator, ESTIMATOR_NAMES),
        ):
            if choice not in choices:
                raise InputError(f"There is no {name} {choice!r}; choose one of {', '.join(choices)}.")
        if self.steps is not None and self.steps < 1:
            raise InputError(f"The number of steps is {self.steps}, but must be at least 1.")
        if self.guidance is not None and not math.isfinite(self.guidance):
            raise InputError(f"The guidance scale is {self.guidance}, but must be a finite number.")
        if self.seed is not None and not 0 <= self.seed <= MAX_SEED:
            raise InputError(f"The seed is {self.seed}, but must lie in 0..{MAX_SEED}.")


@dataclass(frozen=True)
class Guide:
    """The frames to follow.

    source: (F, H, W, 3) uint8 RGB frames of the input, as they were chosen and cropped.
    skeletons: (F, H, W, 3) uint8 RGB; the source itself where it is a skeleton video.
    fps: frames a second at which these play at the source's speed, at least 1.
    seconds: spent on ``decode`` and ``pose``.
    """

    source: np.ndarray
    skeletons: np.ndarray
    fps: float
    seconds: dict[str, float]


@dataclass(frozen=True)
class GenerationResult:
    """A generated video and how it came about.

    frames: (F, H, W, 3) uint8 RGB.
    guide: the frames it follows.
    request: with the seed, steps and guidance that were used in place of ``None``.
    model: name of the model.
    seconds: spent on each phase.
    notices: sentences the user should read, for example words of the prompt the model does not know.
    """

    frames: np.ndarray
    guide: Guide
    request: GenerationRequest
    model: str
    seconds: dict[str, float]
    notices: list[str] = field(default_factory=list)

    @property
    def fps(self) -> float:
        return self.guide.fps

    def settings(self) -> dict[str, Any]:
        """What is needed to make this video again, and its measures; plain values for JSON."""
        count, height, width = self.frames.shape[:3]
        request = self.request
        return {
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "model": self.model,
            "seed": request.seed,
            "steps": request.steps,
            "guidance": request.guidance,
            "preset": request.preset,
            "frames": count,
            "stride": request.stride,
            "start": request.start,
            "crop": list(request.crop),
            "width": width,
            "height": height,
            "fps": round(self.fps, 3),
        }


class Engine:
    """Keeps one model loaded and works on one job at a time; every method may be called from any thread.

    Args:
        model: a source, or what :func:`fyp_core.checkpoints.resolve_model` makes one of.
        device: ``cuda`` or ``cpu``; by default a GPU where there is one.
    """

    def __init__(self, model: str | ModelSource = AUTO, device: str | None = None) -> None:
        self._model = model
        self._device = device
        self._lock = threading.RLock()
        self._loaded: _Loaded | None = None

    def load(self) -> ModelSource:
        """Load the model unless it is there already, and tell which one it is.

        Raises:
            InputError: it cannot be found or loaded.
        """
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self._model, self._device)
            return self._loaded.source

    @property
    def pipeline(self) -> FollowYourPosePipeline:
        """The loaded pipeline."""
        self.load()
        return self._loaded.pipeline

    def prepare(self, request: GenerationRequest, job: Job | None = None) -> Guide:
        """Read the frames to follow and, of a raw video, find the person in them; needs no model.

        Raises:
            InputError: a setting or the video cannot work.
            JobCancelled: the job was cancelled.
        """
        job = job or Job()
        request.check()
        seconds: dict[str, float] = {}
        with _timed(seconds, "decode"):
            source = sample_frames(
                request.input, request.frames, stride=request.stride, start=request.start, crop=request.crop
            )
            fps = max(1.0, probe(request.input).fps / request.stride)
        if request.input_type == "skeleton":
            return Guide(source, source, fps, seconds)

        from pose_extraction.extract import extract_skeleton_frames

        with self._lock, _timed(seconds, "pose"):
            job.report("pose", 0, len(source))
            skeletons, _ = extract_skeleton_frames(
                source, request.estimator, lambda done, total: job.report("pose", done, total)
            )
        return Guide(source, skeletons, fps, seconds)

    def render(self, request: GenerationRequest, guide: Guide, job: Job | None = None) -> GenerationResult:
        """Generate the video that follows ``guide``.

        Raises:
            InputError: a setting cannot work, or memory does not suffice.
            JobCancelled: the job was cancelled; the engine can go on with the next.
        """
        job = job or Job()
        request.check()
        with self._lock:
            self.load()
            request = self._completed(request)
            seconds = dict(guide.seconds)
            with _timed(seconds, "denoise"):
                frames = self._denoise(request, guide.skeletons, job)
            notices = self._notices(request)
        return GenerationResult(frames, guide, request, self._loaded.source.name, seconds, notices)

    def generate(self, request: GenerationRequest, job: Job | None = None) -> GenerationResult:
        """:meth:`prepare` and :meth:`render` in one."""
        return self.render(request, self.prepare(request, job), job)

    def _completed(self, request: GenerationRequest) -> GenerationRequest:
        """With the values that will be used in place of ``None``."""
        config = self._loaded.pipeline.config
        steps = request.steps
        if steps is None:
            share = _FAST_SHARE_OF_STEPS if request.preset == "fast" else 1.0
            steps = math.ceil(config.default_num_inference_steps * share)
        return replace(
            request,
            steps=steps,
            guidance=config.default_guidance_scale if request.guidance is None else request.guidance,
            seed=secrets.randbelow(MAX_SEED + 1) if request.seed is None else request.seed,
            width=request.width or config.default_width,
            height=request.height or config.default_height,
        )

    def _denoise(self, request: GenerationRequest, skeletons: np.ndarray, job: Job) -> np.ndarray:
        import torch

        pipeline = self._loaded.pipeline
        pipeline.scheduler = self._loaded.schedulers[request.preset]

        def after_step(_pipeline: Any, step: int, _timestep: Any, _tensors: dict[str, Any]) -> dict[str, Any]:
            job.report("denoise", step + 1, request.steps)
            return {}

        job.report("denoise", 0, request.steps)
        try:
            video = pipeline(
                request.prompt,
                skeletons,
                height=request.height,
                width=request.width,
                num_inference_steps=request.steps,
                guidance_scale=request.guidance,
                negative_prompt=request.negative_prompt or None,
                generator=torch.Generator().manual_seed(request.seed),
                callback_on_step_end=after_step,
            ).frames[0]
        except torch.OutOfMemoryError as error:
            raise InputError(
                f"The GPU's memory does not hold {len(skeletons)} frames of {request.width}×{request.height};"
                " take fewer frames."
            ) from error
        finally:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        return (video * 255).round().astype(np.uint8)

    def _notices(self, request: GenerationRequest) -> list[str]:
        pipeline, name = self._loaded.pipeline, self._loaded.source.name
        notices = []
        if unknown := pipeline.unknown_words(request.prompt):
            notices.append(f"{name} does not know: {', '.join(unknown)}.")
        limit = pipeline.tokenizer.model_max_length
        if (length := len(pipeline.tokenizer(request.prompt).input_ids)) > limit:
            notices.append(f"The prompt is too long: its last {length - limit} tokens were ignored.")
        return notices


@dataclass(frozen=True)
class _Loaded:
    source: ModelSource
    pipeline: FollowYourPosePipeline
    schedulers: dict[Preset, Any]


def _load(model: str | ModelSource, device: str | None) -> _Loaded:
    import torch
    from diffusers import DPMSolverMultistepScheduler
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    has_gpu = device.startswith("cuda")
    source = model if isinstance(model, ModelSource) else resolve_model(model, has_gpu=has_gpu)
    pipeline = load_pipeline(source, device, torch.float16 if has_gpu else torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    logger.info("%s loaded on %s. %s", source.name, device, source.note)
    fast = DPMSolverMultistepScheduler.from_config(pipeline.scheduler.config)
    return _Loaded(source, pipeline, {"exact": pipeline.scheduler, "fast": fast})


@contextmanager
def _timed(seconds: dict[str, float], phase: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[phase] = round(time.perf_counter() - start, 3)
