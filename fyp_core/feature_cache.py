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


class FeatureCache:
    """Runs the network for one video, in full in some steps and from kept features in the others.

    Args:
        unet: the network.
        full_steps: numbers of the steps computed in full, the first of which is always; ``None`` for all.
        clips_at_once: clips in a pass of the network at most; ``None`` for all.
    """

    def __init__(
        self,
        unet: PoseVideoUNet,
        full_steps: Collection[int] | None = None,
        clips_at_once: int | None = None,
    ) -> None:
        self._unet = unet
        self._full_steps = full_steps
        self._clips_at_once = clips_at_once
        self._deep: dict[int, torch.Tensor] = {}

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
            self._deep |= zip(windows, torch.cat(kept).chunk(len(windows)), strict=True)
            return prediction
        frames = inputs.sample.shape[2]
        a_window = len(inputs.sample) // len(windows) * frames
        deep = torch.cat([self._deep[window][-a_window:] for window in windows])
        pieces = deep.split([len(part.sample) * frames for part in parts])
        return torch.cat(
            [
                shallow_pass(self._unet, part.sample, timestep, part.text, piece, **part.further)
                for part, piece in zip(parts, pieces, strict=True)
            ]
        )

    def _whole(self, inputs: NetworkInputs, timestep: torch.Tensor) -> torch.Tensor:
        arguments = (inputs.sample, timestep, inputs.text, inputs.pose)
        return self._unet(*arguments, return_dict=False, **inputs.further)[0]


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
