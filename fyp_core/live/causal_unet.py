"""The denoising network for a stream: its layers keep what they need of earlier frames.

A pass computes one frame at each noise level ("stream batch" of StreamDiffusion, Kodaira et al. 2023, arXiv
2312.12491): the newest frame at the highest level, its predecessor at the next one, and so on; each pass finishes a
frame. In the batch a level always has the same place, so that what a layer kept in the last pass belongs to the
predecessor at the same noise level.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from fyp_core.unet import (
    Clip,
    ClipCrossAttention,
    FrameConv,
    PoseVideoUNet,
    SparseCausalAttention,
    TemporalAttention,
    VideoTransformerBlock,
    attend,
    recast,
)


@dataclass
class StreamClip(Clip):
    """A clip of one frame for each noise level; shared by a network's layers.

    past: frames before the newest one that the temporal attention sees.
    """

    past: int = 7


def causal_copy(unet: PoseVideoUNet, past: int, changing: Iterable[torch.Tensor] = ()) -> PoseVideoUNet:
    """A network for one stream, which shares the weights of ``unet`` and leaves it as it is.

    It takes samples of one frame for each noise level, (levels, c, 1, h, w), as many timesteps, and the text of the
    stream, (1, l, d). The batch of the first pass has one level, that of the second two, and so on: in these passes the
    last entry is the first frame of the stream.

    Args:
        past: frames before the newest one that the temporal attention sees, at least 1.
        changing: weights of ``unet`` that may change during the stream; they are copied, not shared.
    """
    shared = {id(tensor): tensor for tensor in (*unet.parameters(), *unet.buffers())}
    for tensor in changing:
        del shared[id(tensor)]
    stream_unet = copy.deepcopy(unet, shared)
    stream_unet.clip = clip = StreamClip(past=past)
    for module in list(stream_unet.modules()):
        if hasattr(module, "clip"):
            module.clip = clip
        if isinstance(module, VideoTransformerBlock):
            recast(module.attn1, StreamAttention, clip)
            recast(module.attn2, StreamCrossAttention, clip)
            recast(module.attn_temp, StreamTemporalAttention, clip)
            recast(module.conv_temporal.down, StreamFrameConv, clip)
            recast(module.conv_temporal.up, StreamFrameConv, clip)
    return stream_unet


def _completed(kept: torch.Tensor | None, new: torch.Tensor) -> torch.Tensor:
    """What was kept, (levels, ...), and for levels that are new the first frame's own."""
    if kept is None:
        return new
    return kept if len(kept) == len(new) else torch.cat([kept, new[len(kept) :]])


class StreamAttention(SparseCausalAttention):
    """Self-attention of a frame to the stream's first frame and to its predecessor."""

    first: tuple[torch.Tensor, torch.Tensor] | tuple[None, None] = (None, None)
    previous: tuple[torch.Tensor, torch.Tensor] | tuple[None, None] = (None, None)

    def forward(self, hidden_states: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        """``hidden_states``: (levels, n, c)."""
        k, v = self.to_k(hidden_states), self.to_v(hidden_states)
        first_k, first_v = self.first = _completed(self.first[0], k), _completed(self.first[1], v)
        previous_k, previous_v = _completed(self.previous[0], k), _completed(self.previous[1], v)
        self.previous = k, v
        return attend(
            self,
            self.to_q(hidden_states),
            torch.cat([first_k, previous_k], dim=1),
            torch.cat([first_v, previous_v], dim=1),
        )


class StreamCrossAttention(ClipCrossAttention):
    """Cross-attention of all frames to the text of the stream, whose keys and values are computed once a pass."""

    def forward(self, hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """``hidden_states``: (levels, n, c)."""
        queries = hidden_states.flatten(0, 1)[None]
        return super().forward(queries, *args, **kwargs).view(hidden_states.shape)


class StreamTemporalAttention(TemporalAttention):
    """Attention of each location to itself in the frames before; a frame overwrites the oldest one kept."""

    clip: StreamClip
    kept: tuple[torch.Tensor, torch.Tensor] | tuple[None, None] = (None, None)
    oldest = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``x``: ((levels n), 1, c)."""
        k, v = self.to_k(x), self.to_v(x)
        frames = self.clip.past + 1
        if self.kept[0] is None or len(self.kept[0]) < len(x):
            # The frames before the first one count as copies of it.
            still = k.expand(-1, frames, -1), v.expand(-1, frames, -1)
            self.kept = (
                _completed(self.kept[0], still[0]).contiguous(),
                _completed(self.kept[1], still[1]).contiguous(),
            )
        kept_k, kept_v = self.kept
        kept_k[:, self.oldest], kept_v[:, self.oldest] = k[:, 0], v[:, 0]
        self.oldest = (self.oldest + 1) % frames
        return attend(self, self.to_q(x), kept_k, kept_v)


class StreamFrameConv(FrameConv):
    """Convolution over the predecessor and the frame; the following frame, unknown, counts as equal to the frame."""

    previous: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``x``: (levels, c, 1, n), channels last in memory."""
        previous, self.previous = _completed(self.previous, x), x
        if self.padding_mode == "replicate":
            return F.conv2d(torch.cat([previous, x, x], 2), self.weight[..., None])
        return F.conv2d(torch.cat([previous, x], 2), self.weight[:, :, :2, None])
