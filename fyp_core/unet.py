"""Stable Diffusion's UNet inflated to video (section 3.3 of Follow Your Pose, arXiv 2304.01186).

Frames travel as the batch, ``(b f) c h w``, so every 2-D layer works on them unchanged. The layers that must
see several frames at once read the number of frames from one shared :class:`Clip`. Parameter names are those of
the published checkpoint.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from diffusers import ModelMixin, UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_dispatch import dispatch_attention_fn
from diffusers.models.attention_processor import Attention
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.unets.unet_2d_condition import UNet2DConditionOutput
from torch import nn
from torch.utils.checkpoint import checkpoint

# ModelMixin: diffusers looks it up here when it loads a pipeline's component.
__all__ = [
    "ModelMixin",
    "PoseVideoUNet",
    "stage2_parameter_names",
    "temporal_parameter_names",
    "without_temporal_layers",
]

TEMPORAL_CONV_RANK = 160
TEMPORAL_PADDINGS = ("zeros", "replicate")
TEMPORAL_LAYERS = ("norm_temp", "attn_temp", "conv_temporal")
STAGE2_LAYERS = ("attn1.to_q", "attn2.to_q", *TEMPORAL_LAYERS)


@dataclass
class Clip:
    """How many consecutive entries of the batch are the frames of one clip; shared by a network's layers."""

    frames: int = 1


def split_clips(x: torch.Tensor, frames: int) -> torch.Tensor:
    """``(b f) ... -> b f ...``"""
    return x.unflatten(0, (-1, frames))


def attend(
    attn: Attention | TemporalAttention, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor
) -> torch.Tensor:
    """Multi-head attention of ``q`` (b, n, c) on ``k`` and ``v`` (b, m, c), then the output projection."""
    q, k, v = (x.unflatten(-1, (attn.heads, -1)) for x in (q, k, v))
    return project_out(attn, dispatch_attention_fn(q, k, v).flatten(2))


def project_out(attn: Attention | TemporalAttention, x: torch.Tensor) -> torch.Tensor:
    """The output projection of attention, (b, n, c) to the same."""
    for layer in attn.to_out:  # linear, dropout
        x = layer(x)
    return x


class ClipGroupNorm(nn.GroupNorm):
    """Group normalisation whose statistics span all frames of a clip."""

    clip: Clip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``x``: ((b f), c, h, w)."""
        if self.clip.frames == 1:
            return super().forward(x)
        # b f c h w -> b c (f h) w: frames one below the other; no copy where memory is channels-last
        tall = split_clips(x, self.clip.frames).transpose(1, 2).flatten(2, 3)
        return super().forward(tall).unflatten(2, (self.clip.frames, -1)).transpose(1, 2).flatten(0, 1)


class SparseCausalAttention(Attention):
    """Self-attention in which a frame looks at the clip's first frame and at its predecessor.

    Computes the attention itself: a processor swapped in for another reason (slicing, IP-Adapter) would silently
    lose the coherence between frames. The backend follows ``set_attention_backend`` all the same.
    """

    clip: Clip

    def forward(self, hidden_states: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        """``hidden_states``: ((b f), n, c)."""
        q, k, v = self.to_q(hidden_states), self.to_k(hidden_states), self.to_v(hidden_states)
        return attend(self, q, self._first_and_previous(k), self._first_and_previous(v))

    def _first_and_previous(self, x: torch.Tensor) -> torch.Tensor:
        """((b f), n, c) -> ((b f), 2 n, c); the first frame is its own predecessor."""
        if self.clip.frames == 1:  # the same keys twice weigh as much as once
            return x
        x = split_clips(x, self.clip.frames)
        first = x[:, :1]
        previous = torch.cat([first, x[:, :-1]], dim=1)
        return torch.cat([first.expand_as(x), previous], dim=2).flatten(0, 1)


class ClipCrossAttention(Attention):
    """Cross-attention of the frames to the text: of a text for the whole clip, keys and values are computed once."""

    clip: Clip

    def forward(
        self,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> torch.Tensor:
        """``hidden_states``: ((b f), n, c), ``encoder_hidden_states``: (b, l, d), or ((b f), l, d), a text a frame."""
        text = encoder_hidden_states[0] if isinstance(encoder_hidden_states, tuple) else encoder_hidden_states
        if text is not None and len(text) == len(hidden_states):
            return super().forward(hidden_states, encoder_hidden_states, *args, **kwargs)
        queries = split_clips(hidden_states, self.clip.frames).flatten(1, 2)  # b (f n) c
        return super().forward(queries, encoder_hidden_states, *args, **kwargs).reshape(hidden_states.shape)


class TemporalAttention(nn.Module):
    """Self-attention over the frames of each location; starts as the identity of its residual branch."""

    def __init__(self, dim: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_k = nn.Linear(dim, dim, bias=False)
        self.to_v = nn.Linear(dim, dim, bias=False)
        out = nn.Linear(dim, dim)
        nn.init.zeros_(out.weight)
        nn.init.zeros_(out.bias)
        self.to_out = nn.ModuleList([out, nn.Dropout(dropout)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``x``: (locations, f, c)."""
        if x.shape[1] == 1:  # a single key has all the weight
            return project_out(self, self.to_v(x))
        return attend(self, self.to_q(x), self.to_k(x), self.to_v(x))


class FrameConv(nn.Conv1d):
    """Convolution over frames, applied to all locations in their own memory order."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``x``: (b, c, f, n), channels last in memory."""
        if self.padding_mode == "replicate":
            return F.conv2d(torch.cat([x[:, :, :1], x, x[:, :, -1:]], 2), self.weight[..., None])
        if x.shape[2] == 1:  # the outer taps see padding only
            return F.conv2d(x, self.weight[:, :, 1:2, None])
        return F.conv2d(x, self.weight[..., None], padding=(1, 0))


class TemporalConv(nn.Module):
    """Low-rank convolution over frames with a residual; starts as the identity."""

    def __init__(self, dim: int, padding_mode: str) -> None:
        super().__init__()
        rank = TEMPORAL_CONV_RANK if dim >= TEMPORAL_CONV_RANK else dim // 2
        settings: dict[str, Any] = {
            "kernel_size": 3,
            "padding": 1,
            "bias": False,
            "padding_mode": padding_mode,
        }
        self.down = FrameConv(dim, rank, **settings)
        self.up = FrameConv(rank, dim, **settings)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``x``: (b, f, n, c)."""
        return x + self.up(self.down(x.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)


class VideoTransformerBlock(BasicTransformerBlock):
    """Stable Diffusion's transformer block followed by attention and convolution over frames."""

    clip: Clip

    def add_temporal_layers(self, padding_mode: str) -> None:
        """Make the temporal layers, which do nothing yet; ``padding_mode`` is one of TEMPORAL_PADDINGS."""
        self.norm_temp = nn.LayerNorm(self.dim)
        self.attn_temp = TemporalAttention(self.dim, self.num_attention_heads, self.dropout)
        self.conv_temporal = TemporalConv(self.dim, padding_mode)

    def forward(self, hidden_states: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """``hidden_states``: ((b f), n, c)."""
        x = super().forward(hidden_states, *args, **kwargs)
        x = split_clips(x, self.clip.frames).transpose(1, 2)  # b n f c
        locations = x.flatten(0, 1)
        attended = self.attn_temp(self.norm_temp(locations)).view_as(x)
        x = (x + attended).transpose(1, 2).contiguous()  # b f n c
        return self.conv_temporal(x).flatten(0, 1)


def recast(module: Any, video_class: type[nn.Module], clip: Clip) -> None:
    """Give a built image layer the forward pass of its video subclass; weights, names and settings stay."""
    module.__class__ = video_class
    module.clip = clip


def _with_temporal_padding(signature: inspect.Signature) -> inspect.Signature:
    own = inspect.Parameter("temporal_padding", inspect.Parameter.KEYWORD_ONLY, default="zeros")
    return signature.replace(parameters=[*signature.parameters.values(), own])


class PoseVideoUNet(UNet2DConditionModel):
    """The denoising network of Follow Your Pose: ``UNet2DConditionModel`` that sees a clip as a whole.

    Takes the arguments of :class:`diffusers.UNet2DConditionModel`. Temporal layers start as the identity.

    Args:
        temporal_padding: what the temporal convolutions see before the first frame and after the last: "zeros", as the
            published network does, or "replicate", the same frame again. With zeros the clip's ends differ from its
            middle, which shows as flicker.
    """

    _no_split_modules: ClassVar[list[str]] = [
        "VideoTransformerBlock",
        "ResnetBlock2D",
        "CrossAttnUpBlock2D",
        "UpBlock2D",
    ]
    _repeated_blocks: ClassVar[list[str]] = ["VideoTransformerBlock"]

    @functools.wraps(UNet2DConditionModel.__init__)  # type: ignore[misc]  # the configuration is read from the signature
    def __init__(self, *args: Any, temporal_padding: str = "zeros", **kwargs: Any) -> None:
        if temporal_padding not in TEMPORAL_PADDINGS:
            raise ValueError(f"temporal_padding must be one of {', '.join(TEMPORAL_PADDINGS)}")
        super().__init__(*args, **kwargs)
        self.register_to_config(temporal_padding=temporal_padding)
        self.clip = Clip()
        for module in list(self.modules()):
            if isinstance(module, ResnetBlock2D):
                recast(module.norm1, ClipGroupNorm, self.clip)
                recast(module.norm2, ClipGroupNorm, self.clip)
            elif isinstance(module, BasicTransformerBlock):
                recast(module.attn1, SparseCausalAttention, self.clip)
                recast(module.attn2, ClipCrossAttention, self.clip)
                recast(module, VideoTransformerBlock, self.clip)
                module.add_temporal_layers(temporal_padding)
        recast(self.conv_norm_out, ClipGroupNorm, self.clip)

    __init__.__signature__ = _with_temporal_padding(  # type: ignore[attr-defined]
        inspect.signature(UNet2DConditionModel.__init__)
    )

    @classmethod
    def from_unet2d(cls, unet: UNet2DConditionModel) -> PoseVideoUNet:
        """Inflate an image network: a clip of one frame gives exactly the image network's output."""
        video_unet = cls.from_config(unet.config).to(unet.device).type(unet.dtype)
        video_unet.load_state_dict({**video_unet.state_dict(), **unet.state_dict()})
        return video_unet

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor | float,
        encoder_hidden_states: torch.Tensor,
        pose_features: Sequence[torch.Tensor] | None = None,
        return_dict: bool = True,
        **kwargs: Any,
    ) -> UNet2DConditionOutput | tuple[torch.Tensor]:
        """Predict the noise (or the velocity) of every frame.

        Args:
            sample: noisy latents, (b, c, f, h, w).
            timestep: one for all clips, or (b,).
            encoder_hidden_states: text embeddings, (b, l, d), or ((b f), l, d) where each frame has its own.
            pose_features: one a down block, ((b f), c_i, h_i, w_i), as :class:`PoseEncoder` returns them.
            return_dict: return a plain tuple when false.
            kwargs: other arguments of ``UNet2DConditionModel.forward``, for example ``added_cond_kwargs``.

        Returns:
            The prediction as ``sample``, (b, c, f, h, w).
        """
        clips, _, frames, _, _ = sample.shape
        self.clip.frames = frames
        if torch.is_tensor(timestep) and timestep.numel() == clips:
            timestep = timestep.reshape(clips).repeat_interleave(frames)
        (out,) = super().forward(
            sample.transpose(1, 2).flatten(0, 1),
            timestep,
            encoder_hidden_states,
            # the parent takes the features off the list one by one
            down_intrablock_additional_residuals=None if pose_features is None else list(pose_features),
            return_dict=False,
            **kwargs,
        )
        out = split_clips(out, frames).transpose(1, 2)
        return UNet2DConditionOutput(sample=out) if return_dict else (out,)

    def enable_gradient_checkpointing(
        self, gradient_checkpointing_func: Callable[..., Any] | None = None
    ) -> None:
        """Recompute activations in the backward pass, with the frame count of their forward pass."""
        recompute = gradient_checkpointing_func or functools.partial(checkpoint, use_reentrant=False)

        def checkpoint_clip(module: Callable[..., Any], *args: Any) -> Any:
            frames = self.clip.frames

            def run(*inputs: Any) -> Any:
                self.clip.frames = frames
                return module(*inputs)

            return recompute(run, *args)

        super().enable_gradient_checkpointing(checkpoint_clip)


def temporal_parameter_names(unet: PoseVideoUNet) -> list[str]:
    """Names of the parameters the image network does not have."""
    return [
        name for name, _ in unet.named_parameters() if any(f".{layer}." in name for layer in TEMPORAL_LAYERS)
    ]


def stage2_parameter_names(unet: PoseVideoUNet) -> list[str]:
    """Names of what the second training stage learns (section 3.3): temporal layers and query projections."""
    return [
        name for name, _ in unet.named_parameters() if any(f".{layer}." in name for layer in STAGE2_LAYERS)
    ]


def without_temporal_layers(unet: PoseVideoUNet) -> PoseVideoUNet:
    """A copy whose temporal layers do nothing, as a new network's; frames still see each other in attention."""
    temporal = set(temporal_parameter_names(unet))
    kept = {name: tensor for name, tensor in unet.state_dict().items() if name not in temporal}
    copy = PoseVideoUNet.from_config(unet.config).to(unet.device).type(unet.dtype).eval()
    copy.load_state_dict({**copy.state_dict(), **kept})
    return copy
