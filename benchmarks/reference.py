"""The reference algorithm of the speed benchmark: what our sampling is compared with.

As the method is published: attention as explicit softmax of a product, pose encoder and text projections computed for
every frame in every step, both halves of guidance in all of 50 DDIM steps. In fp32 on a CPU, in fp16 on a GPU.
"""

from __future__ import annotations

import torch
from diffusers.models.attention_dispatch import attention_backend
from diffusers.models.attention_processor import AttnProcessor

from fyp_core.pipeline import FollowYourPosePipeline

STEPS, GUIDANCE = 50, 12.5
EXPLICIT_ATTENTION = "_native_math"  # of diffusers: no fused kernel


class Reference:
    """The denoising steps of one video.

    Args:
        pipeline: its attention is replaced.
        skeleton: (F, 3, H, W) in 0..1.
        text: (2, L, D) embeddings, the unconditional one first.
    """

    def __init__(self, pipeline: FollowYourPosePipeline, skeleton: torch.Tensor, text: torch.Tensor) -> None:
        self._pipeline = pipeline
        self._skeleton = skeleton
        self._text = text.repeat_interleave(len(skeleton), dim=0)  # a text a frame
        pipeline.unet.set_attn_processor(AttnProcessor())
        torch.backends.cuda.allow_fp16_bf16_reduction_math_sdp(True)  # products in the network's own format
        pipeline.scheduler.set_timesteps(STEPS)

    @torch.no_grad()
    def step(self, latents: torch.Tensor, number: int) -> torch.Tensor:
        """(1, C, F, h, w) after one step."""
        pipeline = self._pipeline
        t = pipeline.scheduler.timesteps[number]
        pose = [torch.cat([level, level]) for level in pipeline.pose_encoder(self._skeleton)]
        with attention_backend(EXPLICIT_ATTENTION):
            inputs = torch.cat([latents, latents]).to(pipeline.unet.dtype)
            noise = pipeline.unet(inputs, t, self._text, pose).sample.float()
        unconditional, conditional = noise.chunk(2)
        noise = unconditional + GUIDANCE * (conditional - unconditional)
        return pipeline.scheduler.step(noise, t, latents).prev_sample
