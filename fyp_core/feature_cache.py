"""Reuse of deep features between denoising steps (DeepCache, Ma et al. 2023, arXiv 2312.00858).

From step to step the features of the UNet's deep blocks change little. A full pass keeps the input of the last layer
of the last up block; the passes that follow compute only the layers that depend most on the latents: the first
convolution, that last layer and the output.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from fyp_core.conditioning.conditions import NetworkInputs
from fyp_core.unet import PoseVideoUNet, split_clips

KEPT_DEEP_BYTES = 2**32
"""Of deep features that are kept between denoising steps: of 640 frames of 512×512 for Stable Diffusion 1.x in fp16
with guidance, in windows of 131 MB. A step without them takes about six times as long."""


class FeatureCache:
    """Runs the network for one video, in full in some steps and from kept features in the others.

    Args:
        unet: the network.
        full_steps: numbers of the steps computed in full, the first of which is always; ``None`` for all.
        clips_at_once: clips in a pass of the network at most; ``None`` for all.
        in_host: keep features in the host's memory, not on the device.
        budget: bytes of features that may be kept; windows beyond it are computed in full in every step.
    """

    def __init__(
        self,
        unet: PoseVideoUNet,
        full_steps: Collection[int] | None = None,
        clips_at_once: int | None = None,
        in_host: bool = False,
        budget: int = KEPT_DEEP_BYTES,
    ) -> None:
        self._unet = unet
        self._full_steps = full_steps
        self._clips_at_once = clips_at_once
        self._in_host = in_host
        self._budget = budget
        self._deep: dict[int, torch.Tensor] = {}  # by number of the window

    def is_full(self, step: int, windows: Sequence[int]) -> bool:
        """Whether the whole network is computed for these windows in that step; otherwise it reads no poses."""
        return self._full_steps is None or step in self._full_steps or not self._deep.keys() >= set(windows)

    def predict(
        self, step: int, windows: Sequence[int], inputs: NetworkInputs, timestep: torch.Tensor
    ) -> torch.Tensor:
        """Prediction for some windows of frames, (n, c, f, h, w), as many clips of each window.

        With fewer clips than in the last full pass, as when guidance has ended, they are the last ones of each window.
        """
        parts = inputs.split(self._clips_at_once or len(inputs.sample))
        if self._full_steps is None:
            return torch.cat([self._whole(part, timestep) for part in parts])
        if self.is_full(step, windows):
            with keeping_deep_features(self._unet) as kept:
                prediction = torch.cat([self._whole(part, timestep) for part in parts])
            self._keep(windows, torch.cat(kept))
            return prediction
        frames = inputs.sample.shape[2]
        a_window = len(inputs.sample) // len(windows) * frames
        device = inputs.sample.device
        deep = torch.cat([self._deep[window][-a_window:].to(device, non_blocking=True) for window in windows])
        pieces = deep.split([len(part.sample) * frames for part in parts])
        return torch.cat(
            [
                shallow_pass(self._unet, part.sample, timestep, part.text, piece, **part.further)
                for part, piece in zip(parts, pieces, strict=True)
            ]
        )

    def _keep(self, windows: Sequence[int], deep: torch.Tensor) -> None:
        """Keep the features of some windows, ((n f), c, h, w), if the budget allows it with those of the others."""
        for window in windows:
            self._deep.pop(window, None)
        if sum(kept.nbytes for kept in self._deep.values()) + deep.nbytes <= self._budget:
            parts = deep.chunk(len(windows))
            self._deep |= zip(windows, map(_in_host, parts) if self._in_host else parts, strict=True)

    def _whole(self, inputs: NetworkInputs, timestep: torch.Tensor) -> torch.Tensor:
        arguments = (inputs.sample, timestep, inputs.text, inputs.pose)
        return self._unet(*arguments, return_dict=False, **inputs.further)[0]


def _in_host(features: torch.Tensor) -> torch.Tensor:
    """Features in the host's memory; those of a GPU in pinned memory, so that it copies while the host goes on."""
    if features.is_cpu:
        return features
    kept = torch.empty_like(features, device="cpu", pin_memory=features.is_cuda)
    return kept.copy_(features, non_blocking=features.is_cuda)


@contextmanager
def keeping_deep_features(unet: PoseVideoUNet) -> Iterator[list[torch.Tensor]]:
    """The list receives the input of the last layer of the last up block, ((b f), c, h, w), of each pass."""
    kept: list[torch.Tensor] = []
    skip_channels = unet.conv_in.out_channels

    def keep(_layer: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        kept.append(inputs[0][:, :-skip_channels].clone())  # a view would keep the skip connection as well

    hook = unet.up_blocks[-1].resnets[-1].register_forward_pre_hook(keep)
    try:
        yield kept
    finally:
        hook.remove()


def shallow_pass(
    unet: PoseVideoUNet,
    sample: torch.Tensor,
    timestep: torch.Tensor,
    text: torch.Tensor,
    deep: torch.Tensor,
    added_cond_kwargs: dict[str, Any] | None = None,
) -> torch.Tensor:
    """The network's prediction (b, c, f, h, w) with the deep blocks' features of an earlier step.

    Args:
        deep: ((b f), c, h, w), of :func:`keeping_deep_features`; the other arguments are those of the network.
    """
    frames = sample.shape[2]
    unet.clip.frames = frames
    x = sample.transpose(1, 2).flatten(0, 1)
    embedding = unet.time_embedding(unet.get_time_embed(sample=x, timestep=timestep))
    text = unet.process_encoder_hidden_states(encoder_hidden_states=text, added_cond_kwargs=added_cond_kwargs)
    block = unet.up_blocks[-1]
    x = block.resnets[-1](torch.cat([deep, unet.conv_in(x)], dim=1), embedding)
    if getattr(block, "has_cross_attention", False):
        x = block.attentions[-1](x, encoder_hidden_states=text, return_dict=False)[0]
    x = unet.conv_out(unet.conv_act(unet.conv_norm_out(x)))
    return split_clips(x, frames).transpose(1, 2)
