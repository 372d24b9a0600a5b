"""Many guided steps distilled into few without guidance, as a LoRA on the model itself.

A step of the student, from one of a few fixed timesteps to the next, has to reach the result of several guided DDIM
steps of the model: progressive distillation (Salimans and Ho 2022, arXiv 2202.00512) in one go to the last number of
steps, with guidance (Meng et al. 2023, arXiv 2210.03142) of the one scale that the model is used with. The states
where the steps begin are the student's own, from noise on (backward distillation, Kohler et al. 2024, arXiv
2405.05224): from there the model's steps lead back to what it would show, so that a step also repairs what those
before it left. No picture is needed, only captions and skeletons.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler
from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from torch import nn

from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.schedulers import make_scheduler
from fyp_core.training.config import TurboConfig, VideoValidation, WorldData
from fyp_core.training.stage import Draws
from fyp_core.training.stages.diffusion import Denoiser, DiffusionStage, near_skeleton
from fyp_core.unet import PoseVideoUNet
from fyp_core.weights.lora.few_steps import FewSteps, save_own_few_step_lora
from fyp_media.errors import InputError

_SCHEDULER = "ddim-trailing"  # begins at the noisiest timestep, whatever the number of steps


@dataclass(frozen=True)
class Trajectory:
    """The timesteps of a student's n steps, and of the k steps of its teacher in each of them.

    timesteps: (n, k) int64, the noisiest first; column 0 is the student's.
    signal, noise: (n, k + 1), shares of both (alpha and sigma) at these timesteps and where the student's step ends.
    prediction_type: of the network: ``epsilon``, ``sample`` or ``v_prediction``.
    """

    timesteps: torch.Tensor
    signal: torch.Tensor
    noise: torch.Tensor
    prediction_type: str

    @classmethod
    def of(cls, scheduler: DDIMScheduler, steps: int, teacher_steps: int) -> Trajectory:
        """Of a scheduler's own spacing.

        Raises:
            InputError: it has not so many timesteps.
        """
        count, known = steps * teacher_steps, scheduler.config.num_train_timesteps
        if count > known:
            raise InputError(
                f"steps × teacher_steps is {count}, but the model knows {known} timesteps; lower one of them."
            )
        scheduler.set_timesteps(count)
        powers = torch.cat(
            [scheduler.alphas_cumprod[scheduler.timesteps], scheduler.final_alpha_cumprod[None]]
        )
        places = torch.arange(steps)[:, None] * teacher_steps + torch.arange(teacher_steps + 1)
        return cls(
            scheduler.timesteps.view(steps, teacher_steps),
            powers[places].sqrt(),
            (1 - powers[places]).sqrt(),
            scheduler.config.prediction_type,
        )

    def to(self, device: torch.device) -> Trajectory:
        return Trajectory(
            self.timesteps.to(device), self.signal.to(device), self.noise.to(device), self.prediction_type
        )

    def shares(self, step: torch.Tensor, column: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Signal and noise, (b, 1, 1, 1, 1) each, in a column of the student's steps (b,)."""
        places = step[:, None, None, None, None], column
        return self.signal[places], self.noise[places]

    def denoised(
        self, prediction: torch.Tensor, state: torch.Tensor, step: torch.Tensor, column: int
    ) -> torch.Tensor:
        """The latents that a prediction at ``state`` takes for those without noise."""
        signal, noise = self.shares(step, column)
        if self.prediction_type == "sample":
            return prediction
        if self.prediction_type == "v_prediction":
            return signal * state - noise * prediction
        return (state - noise * prediction) / signal

    def moved(
        self, denoised: torch.Tensor, state: torch.Tensor, step: torch.Tensor, column: int, to: int
    ) -> torch.Tensor:
        """A DDIM step (arXiv 2010.02502, eq. 12 without fresh noise) from ``state`` to another column."""
        signal, noise = self.shares(step, column)
        next_signal, next_noise = self.shares(step, to)
        return next_signal * denoised + next_noise * (state - signal * denoised) / noise

    def led_to(self, arrived: torch.Tensor, state: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        """The denoised latents with which one step from ``state`` arrives there: :meth:`moved`, solved for them."""
        signal, noise = self.shares(step, 0)
        last_signal, last_noise = self.shares(step, -1)
        kept = last_noise / noise
        return (arrived - kept * state) / (last_signal - kept * signal)


@dataclass(frozen=True)
class Guidance:
    """The guidance that is distilled.

    tokens: (l,) of the empty caption.
    scale: of classifier-free guidance.
    of_pose: leave the pose out of the unconditional prediction, too.
    """

    tokens: torch.Tensor
    scale: float
    of_pose: bool


@dataclass(frozen=True)
class _Conditions:
    """Text (b, l, d) and pose features that a prediction is made from."""

    text: torch.Tensor
    features: list[torch.Tensor] | None


class Distiller(Denoiser):
    """Student and teacher in one: the same network with its LoRA and without it."""

    def forward(  # type: ignore[override]
        self,
        noise: torch.Tensor,
        tokens: torch.Tensor,
        skeleton: torch.Tensor | None,
        step: torch.Tensor,
        trajectory: Trajectory,
        guidance: Guidance,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """One step of the student, and its target from the teacher's guided steps.

        Args:
            noise: (b, c, f, h, w), of unit variance.
            tokens: (b, l).
            skeleton: (b, f, 3, H, W) in 0..1; ``None`` switches the pose off.
            step: (b,) int64, which of the student's steps learns.

        Returns:
            The denoised latents (b, c, f, h, w) that the step predicts, and those that it should.
        """
        with torch.no_grad():
            features = None if skeleton is None else self.encode_pose(skeleton)
            conditions = _Conditions(self.text_encoder(tokens)[0], features)
            state = self._walk(noise, step, conditions, trajectory)
            with without_lora(self.unet):
                arrived = self._teach(state, step, conditions, trajectory, guidance)
        torch.clear_autocast_cache()  # of weights that were cast without gradients
        denoised = self._denoise(state, step, 0, conditions, trajectory)
        return denoised, trajectory.led_to(arrived, state, step)

    def _walk(
        self, state: torch.Tensor, step: torch.Tensor, conditions: _Conditions, trajectory: Trajectory
    ) -> torch.Tensor:
        """The states (b, c, f, h, w) to which the student's steps before ``step`` lead."""
        for before in range(len(trajectory.timesteps) - 1):
            walked = torch.full_like(step, before)
            denoised = self._denoise(state, walked, 0, conditions, trajectory)
            moved = trajectory.moved(denoised, state, walked, 0, -1)
            state = torch.where((step > before)[:, None, None, None, None], moved, state)
        return state

    def _teach(
        self,
        state: torch.Tensor,
        step: torch.Tensor,
        conditions: _Conditions,
        trajectory: Trajectory,
        guidance: Guidance,
    ) -> torch.Tensor:
        """The state that the teacher's guided steps reach in place of the student's one."""
        text, features = conditions.text, conditions.features
        empty = self.text_encoder(guidance.tokens[None])[0].expand_as(text)
        if features is not None:
            others = [torch.zeros_like(level) if guidance.of_pose else level for level in features]
            features = [torch.cat(pair) for pair in zip(others, features, strict=True)]
        both = _Conditions(torch.cat([empty, text]), features)
        for column in range(trajectory.timesteps.shape[1]):
            pair = self._denoise(torch.cat([state, state]), torch.cat([step, step]), column, both, trajectory)
            unconditional, conditional = pair.chunk(2)
            denoised = unconditional + guidance.scale * (conditional - unconditional)
            state = trajectory.moved(denoised, state, step, column, column + 1)
        return state

    def _denoise(
        self,
        state: torch.Tensor,
        step: torch.Tensor,
        column: int,
        conditions: _Conditions,
        trajectory: Trajectory,
    ) -> torch.Tensor:
        t = trajectory.timesteps[step, column]
        prediction = self.predict(state, t, conditions.text, conditions.features).float()
        return trajectory.denoised(prediction, state, step, column)


class TurboStage(DiffusionStage):
    """Learns a LoRA with which few steps without guidance show what many with guidance do."""

    uses_video = True
    learns = ("lora_A", "lora_B")
    network_class = Distiller
    config: TurboConfig

    def __init__(self, config: TurboConfig, *, with_weights: bool = True) -> None:
        super().__init__(config, with_weights=with_weights)
        self._trajectory = Trajectory.of(self.pipeline.scheduler, config.steps, config.teacher_steps)
        length = self.pipeline.text_encoder.config.max_position_embeddings
        self._empty_tokens = self.tokenize("") if with_weights else torch.zeros(length, dtype=torch.long)

    def open_pipeline(self) -> FollowYourPosePipeline:
        pipeline = super().open_pipeline()
        torch.manual_seed(self.config.seed)  # of the LoRA's first weights
        self._add_lora(pipeline.unet)
        return self._sampled_in_few_steps(pipeline)

    def open_pipeline_without_weights(self) -> FollowYourPosePipeline:
        pipeline = super().open_pipeline_without_weights()
        with torch.device(
            "meta"
        ):  # PEFT converts layers on any other, which those without content do not allow
            self._add_lora(pipeline.unet)
        for layer in pipeline.unet.modules():
            for name, parameter in list(layer.named_parameters(recurse=False)):
                if parameter.is_meta:
                    setattr(layer, name, nn.Parameter(torch.empty(parameter.shape)))
        return self._sampled_in_few_steps(pipeline)

    def _add_lora(self, unet: PoseVideoUNet) -> None:
        rank = self.config.rank
        unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=adaptable(unet)))
        for layer in unet.modules():
            if isinstance(layer, LoraLayer):
                layer.cast_input_dtype_enabled = (
                    False  # autocast does it, without a conversion to full precision
                )

    def _sampled_in_few_steps(self, pipeline: FollowYourPosePipeline) -> FollowYourPosePipeline:
        pipeline.scheduler = make_scheduler(_SCHEDULER, pipeline.scheduler)
        return pipeline

    @property
    def _needs_skeletons(self) -> bool:
        return isinstance(self.config.train_data, WorldData)

    @property
    def _pipeline_settings(self) -> dict[str, Any]:
        return self.config.pipeline

    @property
    def _validation(self) -> VideoValidation:
        """As the LoRA is used, where the configuration does not say otherwise."""
        shown = self.config.validation_data
        used = {"num_inference_steps": self.config.steps, "guidance_scale": 1.0}
        return shown.model_copy(
            update={name: value for name, value in used.items() if getattr(shown, name) is None}
        )

    def loss(self, network: nn.Module, batch: dict[str, Any], draws: Draws) -> torch.Tensor:
        """Error of the denoised latents, weighted by SNR + 1 (arXiv 2202.00512, section 4): that of the velocity."""
        device, steps = batch["tokens"].device, self.config.steps
        trajectory = self._trajectory.to(device)
        step = (draws.uniform() * steps).long().clamp(max=steps - 1)
        noise = draws.clip_noise(*self._latent_shape(batch), share=self.pipeline.config.noise_share)
        skeleton = self._skeleton(batch)
        denoised, target = network(noise, batch["tokens"], skeleton, step, trajectory, self._guidance(device))
        _, noise_share = trajectory.shares(step, 0)
        error = ((denoised - target) / noise_share).square()
        if skeleton is not None and self.config.skeleton_weight:
            error = error * (1 + self.config.skeleton_weight * near_skeleton(skeleton, noise))
        return error.mean()

    def _latent_shape(self, batch: dict[str, Any]) -> tuple[int, ...]:
        """(c, f, h, w) of the clips of a batch."""
        if "latents" in batch:
            return batch["latents"].shape[1:]
        frames, height, width = batch["pixels"].shape[2:]
        factor = self.pipeline.vae_scale_factor
        return self.pipeline.unet.config.in_channels, frames, height // factor, width // factor

    def _guidance(self, device: torch.device) -> Guidance:
        config, scale = self.pipeline.config, self.config.guidance_scale
        return Guidance(
            self._empty_tokens.to(device),
            config.default_guidance_scale if scale is None else scale,
            config.default_guide_pose,
        )

    def export(self, folder: Path, learnt: dict[str, torch.Tensor]) -> None:
        """Write the model unchanged, and its LoRA into it."""
        pipeline = super().open_pipeline()
        pipeline.register_to_config(**self._pipeline_settings)
        pipeline.save_pretrained(folder)
        sampling = FewSteps(scheduler=_SCHEDULER, steps=self.config.steps)
        save_own_few_step_lora(folder, learnt, sampling)


def adaptable(unet: PoseVideoUNet) -> list[str]:
    """Names of the layers that get a LoRA: every linear one and every convolution over a picture."""
    return [name for name, layer in unet.named_modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]


@contextmanager
def without_lora(unet: PoseVideoUNet) -> Iterator[None]:
    """Within, the network computes what it did before the LoRA was added."""
    unet.disable_adapters()
    try:
        yield
    finally:
        unet.enable_adapters()
