"""What a model does where a request does not say: its scheduler, steps, guidance and size, and a LoRA for few steps."""

from __future__ import annotations

import secrets
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fyp_core import schedulers
from fyp_core.generation.request import MAX_SEED, GenerationRequest
from fyp_core.presets import PRESETS, choose_full_steps
from fyp_core.weights.ip_adapter.files import DEFAULT_KIND
from fyp_core.weights.lora.few_steps import (
    DEFAULT,
    DEFAULT_SAMPLING,
    FewSteps,
    few_steps_of,
    find_few_step_lora,
    own_few_step_lora,
    takes_few_step_lora,
)
from fyp_core.weights.lora.loading import Lora

if TYPE_CHECKING:
    from fyp_core.pipeline import FollowYourPosePipeline


class ModelDefaults:
    """The defaults of a loaded model.

    Args:
        pipeline: the model, with its own scheduler.
        folder: of the model, which may hold its own LoRA for few steps; None for a model without a folder.

    Attributes:
        scheduler: the model's own.
    """

    def __init__(self, pipeline: FollowYourPosePipeline, folder: Path | None) -> None:
        self._config = pipeline.config
        self._unet_config = pipeline.unet.config
        self._folder = folder
        self.scheduler = pipeline.scheduler

    def with_few_step_lora(self, request: GenerationRequest) -> GenerationRequest:
        """The request with a LoRA for few steps, the model's own or a general one, where ``turbo`` needs one.

        A request for another scheduler than the LoRA's stays as it is.
        """
        own = self._own_few_step_lora
        if (
            self._lacks_few_step_lora(request)
            and _uses_scheduler(request, self._own_sampling if own else DEFAULT_SAMPLING)
            and (file := own or find_few_step_lora())
        ):
            return request.changed(loras=(*request.loras, Lora(file=file)))
        return request

    def completed(self, request: GenerationRequest) -> GenerationRequest:
        """The request with the values that will be used in place of ``None`` and ``auto``.

        Raises:
            InputError: the scheduler cannot take that many steps.
        """
        config = self._config
        preset = PRESETS[request.preset]
        learnt = self._few_steps(request)
        scheduler, steps, reuse = request.scheduler, request.steps, request.reuse
        if scheduler == schedulers.AUTO:
            scheduler = learnt.scheduler if learnt else preset.scheduler
        if steps is None:
            steps = learnt.steps if learnt else preset.steps(config.default_num_inference_steps)
        guidance = learnt.guidance if learnt else config.default_guidance_scale
        ip_adapter = request.ip_adapter or (DEFAULT_KIND if request.reference_picture else None)
        if reuse is None:
            reuse = preset.reuse_at(steps)
        schedulers.check_steps(schedulers.make_scheduler(scheduler, self.scheduler), steps)
        return request.changed(
            scheduler=scheduler,
            steps=steps,
            reuse=reuse,
            guidance=guidance if request.guidance is None else request.guidance,
            seed=secrets.randbelow(MAX_SEED + 1) if request.seed is None else request.seed,
            ip_adapter=ip_adapter,
            width=config.default_width if request.width is None else request.width,
            height=config.default_height if request.height is None else request.height,
        )

    def scheduler_of(self, request: GenerationRequest) -> Any:
        """A new scheduler for a completed request."""
        return schedulers.make_scheduler(request.scheduler, self.scheduler)

    def sampling(self, request: GenerationRequest) -> dict[str, Any]:
        """Arguments of the pipeline for the sampling of a completed request."""
        steps, reuse = request.steps, request.reuse
        assert steps is not None and reuse is not None
        return {
            "num_inference_steps": steps,
            "timesteps": schedulers.aligned_timesteps(request.scheduler, steps, self.scheduler),
            "full_steps": choose_full_steps(steps, reuse),
            "guidance_scale": request.guidance,
            "guidance_end": request.guidance_end,
            "guidance_rescale": request.guidance_rescale,
            "eta": schedulers.usable_eta(request.eta),
        }

    def notices(self, request: GenerationRequest, name: str) -> list[str]:
        """Where a completed request gets another sampling than its settings promise.

        Args:
            name: of the model.
        """
        notices = []
        plain = request.scheduler in (PRESETS["turbo"].scheduler, DEFAULT_SAMPLING.scheduler)
        if plain and self._own_few_step_lora is None and self._lacks_few_step_lora(request):
            notices.append(
                f"turbo runs without a LoRA for few steps: {DEFAULT.repository} is neither on this disk nor can it be"
                " downloaded. Name one with --lora."
            )
        if not schedulers.can_space(request.scheduler, self.scheduler):
            notices.append(
                f"{name} begins with pure noise, which Karras' spacing does not allow; its own spacing is used."
            )
        if not schedulers.can_align(request.scheduler, self.scheduler):
            notices.append(
                f"{name} has another noise schedule than Align Your Steps; its own spacing is used."
            )
        return notices

    @property
    def _own_few_step_lora(self) -> Path | None:
        return own_few_step_lora(self._folder)

    @cached_property
    def _own_sampling(self) -> FewSteps | None:
        return few_steps_of([self._own_few_step_lora]) if self._own_few_step_lora else None

    def _few_steps(self, request: GenerationRequest) -> FewSteps | None:
        """The sampling of the LoRA for few steps with which ``turbo`` runs, as far as known without asking the hub."""
        if request.preset != "turbo":
            return None
        named = few_steps_of(lora.file for lora in request.loras)
        own = self._own_sampling
        return named or (own if _uses_scheduler(request, own) else None)

    def _lacks_few_step_lora(self, request: GenerationRequest) -> bool:
        """Whether ``turbo`` needs a LoRA for few steps that the request does not name."""
        takes_one = self._own_few_step_lora is not None or takes_few_step_lora(
            self._unet_config, self.scheduler.config
        )
        named = few_steps_of(lora.file for lora in request.loras)
        return request.preset == "turbo" and takes_one and named is None


def _uses_scheduler(request: GenerationRequest, learnt: FewSteps | None) -> bool:
    """Whether a request leaves the scheduler open or, repeating an earlier one, names that of the LoRA."""
    return learnt is not None and request.scheduler in (schedulers.AUTO, learnt.scheduler)
