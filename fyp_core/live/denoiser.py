"""Denoises a stream: takes skeletons one by one and returns the latents of the character's frames."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from diffusers import LCMScheduler, SchedulerMixin

from fyp_core.conditioning.skeleton_input import check_skeleton
from fyp_core.live.causal_unet import causal_copy
from fyp_core.noise import draw_noise
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.schedulers import set_timesteps
from fyp_media.errors import InputError

PAST = 7  # frames before the newest one that the temporal attention sees: 8 with it, as in training


class StreamDenoiser:
    """Denoises a stream: every pass of the network takes a frame in and finishes the one ``steps - 1`` before.

    All frames start from the same noise and see the first one, so that the character and the scene stay the same.
    Guidance is off. The noise levels are those of the pipeline's scheduler. A step is DDIM's (arXiv 2010.02502), or
    with an ``LCMScheduler`` that of consistency models, which adds the initial noise again (arXiv 2303.01469,
    algorithm 1). Used by one thread.

    Args:
        pipeline: the model, which stays as it is.
        prompt: what to show.
        steps: denoising steps, at least 1: as many frames a pass computes, and as many passes a frame takes.
        seed: of the noise.

    Raises:
        InputError: a setting cannot work.
    """

    @torch.inference_mode()
    def __init__(
        self,
        pipeline: FollowYourPosePipeline,
        prompt: str,
        steps: int,
        seed: int,
    ) -> None:
        config, factor, device = pipeline.config, pipeline.vae_scale_factor, pipeline._execution_device
        self.size = height, width = config.default_height, config.default_width
        pipeline.check_inputs(prompt, None, height, width, steps, "latent", 1)
        self._pipeline = pipeline
        merged = [weight for weight, _ in pipeline.unmerged_weights]  # the next job may remove their LoRAs
        self._unet = causal_copy(pipeline.unet, PAST, merged)
        self._text = pipeline.encode_prompt(prompt, device, 1, False)[0].to(pipeline.unet.dtype)
        shape = (1, pipeline.unet.config.in_channels, 1, height // factor, width // factor)
        noise = draw_noise(shape, torch.Generator().manual_seed(seed), 0.0)
        self._noise = noise.to(device, torch.float32)
        self._levels = _NoiseLevels(pipeline.scheduler, steps, device)
        self._fresh_noise = isinstance(pipeline.scheduler, LCMScheduler)
        self._latents = self._noise[:0]
        self._pose: list[torch.Tensor] = []

    @property
    def steps(self) -> int:
        """Passes that a frame takes."""
        return len(self._levels.timesteps)

    @torch.inference_mode()
    def push(self, skeleton: np.ndarray) -> torch.Tensor | None:
        """Take in a frame.

        Args:
            skeleton: (H, W, 3) uint8 RGB; another size than that of the stream is fitted to it.

        Returns:
            (1, c, 1, h, w) latents of the frame taken in ``steps - 1`` calls before; None until then.
        """
        encoded = self._pipeline.encode_pose(check_skeleton(skeleton[None]), *self.size, 1.0, 1)
        newest = [level[0] for level in encoded]
        old = self._pose or [level[:0] for level in newest]
        pose = [torch.cat(both) for both in zip(newest, old, strict=True)]
        latents = torch.cat([self._noise, self._latents])
        levels = self._levels
        prediction = self._unet(
            latents.to(self._unet.dtype),
            levels.timesteps[: len(latents)],
            self._text,
            pose,
            return_dict=False,
        )[0]
        clean, noise = levels.split(latents, prediction.float())
        latents = levels.mix_next(clean, self._noise if self._fresh_noise else noise)
        unfinished = self.steps - 1
        self._latents, self._pose = latents[:unfinished], [level[:unfinished] for level in pose]
        return latents[unfinished:] if len(latents) == self.steps else None


class _NoiseLevels:
    """The noise levels of the steps, the highest first: signal and spread, with those of the finished frame last."""

    def __init__(self, own: SchedulerMixin, steps: int, device: torch.device) -> None:
        scheduler: Any = copy.deepcopy(own)
        set_timesteps(scheduler, steps)
        if len(scheduler.timesteps) != steps:
            raise InputError(f"{type(scheduler).__name__} cannot take {steps} steps; take another number.")
        self.timesteps = scheduler.timesteps.to(device)
        self._prediction_type = scheduler.config.prediction_type
        shares = torch.cat([scheduler.alphas_cumprod[scheduler.timesteps.long()].cpu(), torch.ones(1)])
        shares = shares.to(device, torch.float32).view(-1, 1, 1, 1, 1)
        self._signal, self._spread = shares.sqrt(), (1 - shares).sqrt()

    def split(self, latents: torch.Tensor, prediction: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The clean estimate of ``latents``, (levels, c, 1, h, w), and their noise, by the network's prediction."""
        signal, spread = self._signal[: len(latents)], self._spread[: len(latents)]
        if self._prediction_type == "v_prediction":
            return signal * latents - spread * prediction, spread * latents + signal * prediction
        if self._prediction_type == "sample":
            return prediction, (latents - signal * prediction) / spread
        return (latents - spread * prediction) / signal, prediction

    def mix_next(self, clean: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Latents at the level that follows each."""
        following = slice(1, len(clean) + 1)
        return self._signal[following] * clean + self._spread[following] * noise
