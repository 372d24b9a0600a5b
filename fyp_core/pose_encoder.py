"""The pose encoder: a T2I-Adapter over skeleton frames (Follow Your Pose, arXiv 2304.01186, section 3.2)."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from typing import ClassVar

import torch
from diffusers import ModelMixin, T2IAdapter
from diffusers.configuration_utils import register_to_config
from torch import nn

from fyp_core.weights.tensors import StoredTensor, Tensors, list_tensors, load_every_tensor
from fyp_media.errors import InputError

# ModelMixin: diffusers looks it up here when it loads a pipeline's component.
__all__ = ["ModelMixin", "PoseEncoder", "convert_published_state"]

PUBLISHED_PREFIX = "skeleton_adapter."  # inside a whole inflated UNet; pose_encoder.pth has none
_RES_BLOCKS = 2


class PoseEncoder(T2IAdapter):
    """Turns skeleton frames into one feature map for every down block of the UNet.

    Each level has a scalar gain: 1 gives the published encoder, 0 one without effect, where training starts.
    The features depend on neither the timestep nor the prompt: compute them once a video.

    Args:
        in_channels: image channels, 3 for RGB.
        channels: width of every level; those of the UNet's down blocks.
        num_res_blocks: residual blocks a level.
        downscale_factor: pixels a side of a latent's location.
        zero_gain: start with gain 0 instead of 1.
    """

    # Not part of the architecture: the kind of adapter is fixed and the gain is saved with the weights.
    ignore_for_config: ClassVar[list[str]] = ["adapter_type", "zero_gain"]

    @register_to_config
    def __init__(
        self,
        in_channels: int = 3,
        channels: tuple[int, ...] = (320, 640, 1280, 1280),
        num_res_blocks: int = _RES_BLOCKS,
        downscale_factor: int = 8,
        zero_gain: bool = False,
    ) -> None:
        super().__init__(in_channels, list(channels), num_res_blocks, downscale_factor, "full_adapter")
        self.gain = nn.Parameter(torch.zeros(len(channels)) if zero_gain else torch.ones(len(channels)))

    def forward(self, skeleton: torch.Tensor) -> list[torch.Tensor]:
        """Encode frames.

        Args:
            skeleton: ((b f), 3, H, W), RGB in 0..1; H and W multiples of ``downscale_factor``.

        Returns:
            One feature map a level i: ((b f), channels[i], h / 2^i, w / 2^i), with h = H / downscale_factor.
        """
        return [features * gain for features, gain in zip(super().forward(skeleton), self.gain, strict=True)]

    @classmethod
    def from_published(
        cls, source: str | os.PathLike[str] | Tensors, dtype: torch.dtype | None = None
    ) -> PoseEncoder:
        """Build the encoder from published weights: ``pose_encoder.pth``, or an inflated UNet that holds it.

        Args:
            source: a weight file, or its tensors by name, which become the encoder's.
            dtype: of the weights; by default as they are.

        Raises:
            InputError: the file cannot be read, or a tensor is missing, unexpected or of another shape.
        """
        if isinstance(source, Mapping):
            origin, tensors = "The pose encoder's weights", source
        else:
            origin, tensors = os.fspath(source), list_tensors(source)
        state = convert_published_state(tensors)
        with torch.device("meta"):
            encoder = cls(**_infer_config(state, origin))
        load_every_tensor(encoder, {"gain": torch.ones(len(encoder.gain)), **state}, origin, dtype)
        return encoder


def convert_published_state(state: Tensors) -> dict[str, torch.Tensor | StoredTensor]:
    """Rename published tensors to ours; of a whole UNet, keep the pose encoder's only."""
    if any(name.startswith(PUBLISHED_PREFIX) for name in state):
        state = {
            name.removeprefix(PUBLISHED_PREFIX): tensor
            for name, tensor in state.items()
            if name.startswith(PUBLISHED_PREFIX)
        }
    return {_converted_name(name): tensor for name, tensor in state.items()}


def _converted_name(name: str) -> str:
    """The published list of residual blocks becomes levels of two; ``in_conv`` moves from block to level."""
    match = re.fullmatch(r"body\.(\d+)\.(in_conv|block1|block2)\.(weight|bias)", name)
    if match is None:
        return f"adapter.{name}"
    index, layer, kind = int(match[1]), match[2], match[3]
    level, block = divmod(index, _RES_BLOCKS)
    inner = layer if layer == "in_conv" and block == 0 else f"resnets.{block}.{layer}"
    return f"adapter.body.{level}.{inner}.{kind}"


def _infer_config(state: Tensors, origin: str) -> dict[str, object]:
    """Derive the sizes from the tensors: the published file has no configuration."""
    blocks = [re.fullmatch(r"adapter\.body\.(\d+)\.resnets\.0\.block1\.weight", name) for name in state]
    widths = {int(match[1]): state[match[0]].shape[0] for match in blocks if match}
    if "adapter.conv_in.weight" not in state or not widths:
        raise InputError(
            f"{origin} holds no pose encoder: tensors conv_in.weight and body.0.block1.weight are missing."
        )
    rgb = 3
    factor = math.isqrt(
        state["adapter.conv_in.weight"].shape[1] // rgb
    )  # pixels are unshuffled into channels
    return {"channels": tuple(widths[level] for level in sorted(widths)), "downscale_factor": factor}
