"""A model on its device: runs one job after the other, and stays usable after a job that fails."""

from __future__ import annotations

import logging
import platform
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from importlib.metadata import version
from typing import Any, TypeVar

import numpy as np
import torch
from diffusers.utils import logging as diffusers_logging
from huggingface_hub.utils import are_progress_bars_disabled, enable_progress_bars
from transformers.utils import logging as transformers_logging

from fyp_core.conditioning.prompt_weights import lora_tags
from fyp_core.conditioning.skeleton_input import Skeleton
from fyp_core.generation.device import (
    Runtime,
    check_attention,
    choose_device,
    choose_dtype,
    compile_blocks,
    place,
    torch_dtype,
    use_attention,
)
from fyp_core.generation.guide import Guide
from fyp_core.generation.job import FinishedFrames, Job, Preview
from fyp_core.generation.reference import ReferencePicture, read_reference
from fyp_core.generation.request import GenerationRequest
from fyp_core.generation.running.applied_reference import AppliedReference
from fyp_core.generation.running.latent_preview import LatentPreview
from fyp_core.generation.running.memory import (
    check_memory,
    clips_at_once,
    estimate_peak,
    free_memory,
    in_gib,
    is_out_of_memory,
    peak_memory,
    reset_peak,
)
from fyp_core.generation.running.model_defaults import ModelDefaults
from fyp_core.generation.running.report import GenerationReport
from fyp_core.generation.running.time_estimate import SpeedMeter, check_time, denoising_work
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.weights.hashes import model_hash, model_revisions
from fyp_core.weights.lora.loading import Lora, set_loras
from fyp_core.weights.sources import ModelSource
from fyp_media.errors import InputError
from fyp_media.files import file_hash

logger = logging.getLogger(__name__)

Number = TypeVar("Number", int, float)
_PREVIEWS, _PREVIEW_FRAMES = 10, 8  # of a video, and frames of each
_SLOW_STEP = 3.0  # seconds of a step of two frames
_SOFTWARE = ("torch", "diffusers", "transformers")


class LoadedModel:
    """A loaded model.

    Args:
        source: where its parts are.
        runtime: how to run it.
        speed: measurements of the model loaded before it.

    Raises:
        InputError: it cannot be loaded, or the device cannot run it as asked for.
    """

    def __init__(self, source: ModelSource, runtime: Runtime, speed: SpeedMeter | None = None) -> None:
        hides_downloads = are_progress_bars_disabled()
        diffusers_logging.disable_progress_bar()
        transformers_logging.disable_progress_bar()
        if not hides_downloads:  # transformers hides them with its own bars
            enable_progress_bars()
        self.source = source
        self._device = device = choose_device(runtime.device)
        self.runtime = runtime.changed(device=device, dtype=choose_dtype(runtime.dtype, device))
        need = f"the model {source.name} on {device}; close other programs that use it"
        with _within_memory(self.runtime, lambda: need):
            self.pipeline = _load_placed(source, self.runtime, device)
        self.pipeline.set_progress_bar_config(disable=True)
        self._defaults = ModelDefaults(self.pipeline, source.layout)
        self._loras: tuple[Lora, ...] = ()
        self._lora_hashes: list[str] = []
        self._reference = AppliedReference(self.pipeline, source.name, device)
        self._fitted_preview: LatentPreview | None = None
        self.speed = speed or SpeedMeter()
        self._hash = _in_background(lambda: model_hash(source))
        logger.info("%s loaded on %s as %s. %s", source.name, device, self.runtime.dtype, source.note)

    def apply_loras(self, loras: tuple[Lora, ...]) -> None:
        """Apply exactly these LoRAs; does nothing where they are applied already.

        Raises:
            InputError: one of them is not for this model; then none is applied.
        """
        hashes = [file_hash(lora.file) for lora in loras]
        if (loras, hashes) == (self._loras, self._lora_hashes):
            return
        self._loras, self._lora_hashes = (), []
        set_loras(self.pipeline, loras)
        self._loras, self._lora_hashes = loras, hashes

    def apply_reference(self, reference: ReferencePicture | None, request: GenerationRequest) -> None:
        """Apply exactly this picture with the settings of a request, or none.

        Raises:
            InputError: the model takes none, or the IP-Adapter is missing or is not for it; then none is applied.
        """
        if reference is None:
            self._reference.remove()
            return
        with _within_memory(
            self.runtime, lambda: "the image encoder of the IP-Adapter; leave out the reference picture"
        ):
            self._reference.apply(reference, request.ip_adapter, request.reference_strength)

    def completed(self, request: GenerationRequest) -> GenerationRequest:
        """The request with the values that will be used in place of ``None`` and ``auto``.

        Raises:
            InputError: the scheduler cannot take that many steps.
        """
        return self._defaults.completed(request)

    def prepare_sampling(self, request: GenerationRequest) -> dict[str, Any]:
        """Apply the additions and set the scheduler of a request, for direct calls of the pipeline.

        Returns:
            Arguments of these calls.

        Raises:
            InputError: a LoRA or the reference picture does not fit this model, or the scheduler cannot take that many
                steps.
        """
        request = self._defaults.with_few_step_lora(request)
        self.apply_loras(request.loras)
        self.apply_reference(read_reference(request), request)
        request = self.completed(request)
        self.pipeline.scheduler = self._defaults.scheduler_of(request)
        return self._sampling(request)

    def _sampling(self, request: GenerationRequest) -> dict[str, Any]:
        """Arguments of the pipeline for the sampling of a completed request."""
        reference = self._reference.arguments(guided=_given(request.guidance) > 1)
        return self._defaults.sampling(request) | reference

    def generate(
        self,
        request: GenerationRequest,
        guide: Guide,
        job: Job,
        take: Callable[[FinishedFrames], object],
    ) -> GenerationReport:
        """Make the video that follows ``guide``; of the whole video only latents are held.

        Args:
            job: receives progress and previews, and can stop the work within a step.
            take: receives the finished frames in chunks.

        Raises:
            InputError: a setting cannot work, memory or the job's time is too small, or numbers became larger than
                the number format allows.
            JobCancelled: the job was cancelled.
        """
        named = request.loras  # without one that the preset adds: a repeated request gets it again
        request = self._set_up(request, guide, job)
        count, height, width = guide.skeletons.shape[:3]
        self.check_memory(request, count)
        if job.deadline is not None:
            check_time(self._estimate_seconds(request, count), job.deadline - job.seconds_computed)
        spent = self._make(request, guide.skeletons, job, take)
        seconds = guide.seconds | {phase: round(each, 3) for phase, each in spent.items()}
        self.record_speed(request, count, seconds)
        return GenerationReport(
            request=request.changed(loras=named),
            size=(count, height, width),
            fps=guide.fps,
            input_hash=guide.input_hash,
            estimator=guide.estimator,
            model=self.describe(),
            seconds=seconds,
            memory={"estimated": self.estimate_peak(request, count), "peak": peak_memory(self._device)},
            notices=guide.notices + self.notices(request),
        )

    def _set_up(self, request: GenerationRequest, guide: Guide, job: Job) -> GenerationRequest:
        """Apply the request's additions, and complete it."""
        request = self._defaults.with_few_step_lora(request)
        self.apply_loras(request.loras)
        if guide.reference is not None:
            job.report("load", 0, 1)
        self.apply_reference(guide.reference, request)
        height, width = guide.skeletons.shape[1:3]
        return self.completed(
            request.changed(height=height, width=width, aspect=None, input_type=guide.input_type)
        )

    def _make(
        self,
        request: GenerationRequest,
        skeletons: Skeleton,
        job: Job,
        take: Callable[[FinishedFrames], object],
    ) -> dict[str, float]:
        """Denoise and decode a completed request; returns the seconds of each phase."""
        clock = time.perf_counter
        start = clock()
        latents = self._denoise(request, skeletons, job)
        denoised = clock()
        taking = 0.0
        with closing(self._decode(request, latents, job)) as chunks:
            for chunk in chunks:
                taken = clock()
                take(chunk)
                taking += clock() - taken
        return {"denoise": denoised - start, "decode": clock() - denoised - taking, "write": taking}

    def estimate_seconds(self, request: GenerationRequest, frames: int) -> float:
        """Seconds that a request will take from its turn to the last frame; an unknown speed is measured."""
        poses = frames if request.input_type in ("auto", "raw") else 0
        return self.speed.seconds("pose", poses) + self._estimate_seconds(self.completed(request), frames)

    def _estimate_seconds(self, request: GenerationRequest, frames: int) -> float:
        """Seconds that a completed request will take once its poses are found."""
        if not self.speed.knows("denoise"):
            self._calibrate(request)
        work = self._denoising_work(request, frames)
        decoding = self.speed.seconds("decode", frames * _pixels(request))
        return self.speed.seconds("denoise", work) + decoding

    def check_memory(self, request: GenerationRequest, frames: int) -> None:
        """Raise InputError where so many frames of a completed request cannot fit into the device's memory."""
        advice = "take fewer frames or a smaller size" + (
            "" if self.runtime.low_vram else ", or use --low-vram"
        )
        check_memory(self.estimate_peak(request, frames), self._device, advice)

    def _denoise(self, request: GenerationRequest, skeletons: Skeleton, job: Job) -> torch.Tensor:
        """Latents (1, C, F, h, w) of a completed request."""
        steps = _given(request.steps)
        preview_every = max(1, steps // _PREVIEWS)

        def after_step(_pipeline: Any, step: int, _timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            job.report("denoise", step + 1, steps)
            if preview and step % preview_every == 0:
                pictures = preview.pictures(tensors["denoised"], _PREVIEW_FRAMES)
                job.show_preview(Preview(step + 1, steps, pictures))
            return {}

        reset_peak(self._device)
        job.report("denoise", 0, steps)
        pipeline = self.pipeline
        pipeline.scheduler = self._defaults.scheduler_of(request)
        try:
            with self._recovering(request, len(skeletons)), use_attention(self.runtime.attention):
                preview = self._preview() if job.wants_previews else None
                return pipeline(
                    request.prompt,
                    skeletons,
                    height=request.height,
                    width=request.width,
                    **self._sampling(request),
                    clips_at_once=self._clips_at_once(request, len(skeletons)),
                    pose_scale=request.pose_strength,
                    negative_prompt=request.negative_prompt or None,
                    generator=torch.Generator().manual_seed(_given(request.seed)),
                    callback_on_step_end=after_step,
                    callback_on_step_end_tensor_inputs=["denoised"] if preview else [],
                    output_type="latent",
                ).frames
        finally:
            pipeline.scheduler = self._defaults.scheduler

    def _preview(self) -> LatentPreview:
        if self._fitted_preview is None:
            self._fitted_preview = LatentPreview.fit(self.pipeline.vae, self.pipeline._execution_device)
            self.pipeline.maybe_free_model_hooks()  # no other network moves the autoencoder off the device
        return self._fitted_preview

    def _decode(
        self, request: GenerationRequest, latents: torch.Tensor, job: Job
    ) -> Generator[FinishedFrames]:
        """The frames in chunks; what was yielded is not held."""
        count, size = latents.shape[2], self.runtime.decode_chunk
        done = 0
        job.report("decode", done, count)
        with self._recovering(request, count):  # once for all chunks: the autoencoder stays on the device
            for chunk in latents.split(size, dim=2):
                frames = self.pipeline.decode_latents(chunk, size)[0]
                if not np.isfinite(frames).all():
                    other = "other weights" if self.runtime.dtype == "fp32" else "--dtype fp32"
                    raise InputError(
                        f"The video has undefined numbers (NaN) in {self.runtime.dtype}; use {other} or a"
                        " lower guidance scale."
                    )
                yield FinishedFrames(done, (frames * 255).round().astype(np.uint8))
                done += len(frames)
                job.report("decode", done, count)

    def _calibrate(self, request: GenerationRequest) -> None:
        """Measure the time of a step after the first, which includes what is done once, such as encoding the text.

        On a slow device, where that part is small, a single step is measured.
        """
        frames = 2
        work, spent, decoding = self._short_run(request, frames, 1)
        if spent < _SLOW_STEP:
            frames = 8
            first_work, first_spent, _ = self._short_run(request, frames, 1)
            work, spent, decoding = self._short_run(request, frames, 3)
            work, spent = work - first_work, max(0.0, spent - first_spent)
        self.speed.guess("denoise", work, spent)
        self.speed.guess("decode", frames * _pixels(request), decoding)

    def _short_run(self, request: GenerationRequest, frames: int, steps: int) -> tuple[float, float, float]:
        """Work of denoising, and seconds of denoising and decoding."""
        short = request.changed(steps=steps, reuse=1, loras=())
        skeletons = np.zeros((frames, _given(request.height), _given(request.width), 3), np.uint8)
        start = time.perf_counter()
        latents = self._denoise(short, skeletons, Job())
        denoised = time.perf_counter()
        for _chunk in self._decode(short, latents, Job()):
            pass
        return self._denoising_work(short, frames), denoised - start, time.perf_counter() - denoised

    def record_speed(self, request: GenerationRequest, frames: int, spent: Mapping[str, float]) -> None:
        """Use the measured times of a job for later estimates.

        Args:
            request: completed.
            spent: seconds of its phases.
        """
        self.speed.record("denoise", self._denoising_work(request, frames), spent["denoise"])
        self.speed.record("decode", frames * _pixels(request), spent["decode"])
        if "pose" in spent:
            self.speed.record("pose", frames, spent["pose"] + spent["read"])

    def _denoising_work(self, request: GenerationRequest, frames: int) -> float:
        config = self.pipeline.config
        guided_share = request.guidance_end if _given(request.guidance) > 1 else 0.0
        steps, reuse = _given(request.steps), _given(request.reuse)
        return denoising_work(
            _pixels(request), frames, steps, reuse, guided_share, config.window, config.window_overlap
        )

    def describe(self) -> dict[str, Any]:
        """Everything that a result depends on besides its request; plain values for JSON."""
        source, runtime = self.source, self.runtime
        return {
            "model": source.name,
            "model_hash": self._hash.result(),
            "model_revisions": model_revisions(source),
            "base": str(source.base) if source.motion_only else None,
            "vae": str(source.vae) if source.vae else None,
            "loras": [f"{lora.file.name}:{lora.weight:g}" for lora in self._loras],
            "lora_hashes": self._lora_hashes,
            **self._reference.describe(),
            "embeddings": [str(file) for file in source.embeddings],
            "embedding_hashes": [file_hash(file) for file in source.embeddings],
            "device": runtime.device,
            "dtype": runtime.dtype,
            "attention": runtime.attention,
            "low_vram": runtime.low_vram,
            "compile": runtime.compile,
            "software": {
                "python": platform.python_version(),
                **{name: version(name) for name in _SOFTWARE},
            },
        }

    def notices(self, request: GenerationRequest) -> list[str]:
        """Sentences that the user should read."""
        pipeline, name = self.pipeline, self.source.name
        notices = []
        for what, prompt in (
            (" of the prompt", request.prompt),
            (" of the negative prompt", request.negative_prompt),
        ):
            if tags := lora_tags(prompt):
                notices.append(
                    f"In the text{what} {', '.join(tags)} is read as words; give a LoRA with --lora."
                )
            if unknown := pipeline.unknown_words(prompt):
                notices.append(f"{name} does not know these words{what}: {', '.join(unknown)}.")
            if pipeline.is_long(prompt):
                limit = pipeline.tokenizer.model_max_length
                notices.append(f"The text{what} is encoded in parts: the model reads {limit} tokens at once.")
        return notices + self._defaults.notices(request, name)

    def _clips_at_once(self, request: GenerationRequest, frames: int) -> int:
        height, width, guided = _given(request.height), _given(request.width), _given(request.guidance) > 1
        return clips_at_once(self.pipeline, frames, height, width, guided, self.runtime)

    def estimate_peak(self, request: GenerationRequest, frames: int) -> int:
        """Estimated largest number of bytes of the device's memory that a completed request takes."""
        height, width, guided = _given(request.height), _given(request.width), _given(request.guidance) > 1
        reuses = _given(request.reuse) > 1
        return estimate_peak(self.pipeline, frames, height, width, guided, self.runtime, reuses)

    @contextmanager
    def _recovering(self, request: GenerationRequest, frames: int) -> Iterator[None]:
        """:func:`_within_memory` for a job, which also moves the networks that it left on the device to the host."""

        def need() -> str:
            estimate = in_gib(self.estimate_peak(request, frames))
            size = f"{request.width}×{request.height}"
            return f"{frames} frames of {size}, which need about {estimate}; take fewer frames"

        with _within_memory(self.runtime, need):
            try:
                yield
            finally:
                self.pipeline.maybe_free_model_hooks()


def _given(value: Number | None) -> Number:
    """A setting of a completed request, see :meth:`LoadedModel.completed`."""
    assert value is not None
    return value


def _pixels(request: GenerationRequest) -> int:
    """Of a frame of a completed request."""
    return _given(request.height) * _given(request.width)


def _load_placed(source: ModelSource, runtime: Runtime, device: str) -> FollowYourPosePipeline:
    with use_attention(runtime.attention):  # before the long loading
        pipeline = FollowYourPosePipeline.from_source(source, torch_dtype(runtime.dtype))
    place(pipeline, device, runtime.low_vram)
    check_attention(runtime.attention, pipeline.unet, device)
    if runtime.compile:
        compile_blocks(pipeline)
    return pipeline


@contextmanager
def _within_memory(runtime: Runtime, need: Callable[[], str]) -> Iterator[None]:
    """Free unused memory after the block; running out of memory in it becomes an InputError with advice.

    Args:
        need: what does not fit and what to do about it, to follow "There is not enough memory for".
    """
    try:
        yield
    except Exception as error:
        traceback.clear_frames(error.__traceback__)  # they hold the tensors of the failed work
        if not is_out_of_memory(error):
            raise
        low = "" if runtime.low_vram else " or use --low-vram"
        raise InputError(f"There is not enough memory for {need()}{low}.") from None
    finally:
        free_memory()


def _in_background(work: Callable[[], Any]) -> Future[Any]:
    """Run work in a thread: hashing gigabytes takes seconds, during which the first job runs."""
    executor = ThreadPoolExecutor(1)
    future = executor.submit(work)
    executor.shutdown(wait=False)
    return future
