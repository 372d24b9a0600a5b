"""Inputs of the denoising network besides the latents, for all frames of a video or for one window of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from fyp_core.conditioning.pose_features import PoseFeatures
from fyp_core.windows import Window


@dataclass
class Conditions:
    """Text, poses and pictures. Where guidance needs two passes, the unconditional ones come first (P = 2).

    Attributes:
        text: (P B, L, D) embeddings, or (P B, F, L, D) where they change from frame to frame.
        pose: ``None`` for none.
        guide_pose: leave the pose out of the unconditional pass.
        images: of IP-Adapter, each (P B, N, ...).
    """

    text: torch.Tensor
    pose: PoseFeatures | None = None
    guide_pose: bool = False
    images: list[torch.Tensor] = field(default_factory=list)

    def for_pass(
        self, sample: torch.Tensor, windows: Sequence[Window], videos: int, with_pose: bool = True
    ) -> NetworkInputs:
        """The network's inputs for some windows.

        Args:
            sample: (n, c, f, h, w) latents of all clips: of each window its passes, of each pass its videos.
            windows: of the same number of frames.
            videos: B.
            with_pose: whether the network reads the poses, which may have to be encoded.
        """
        clips = len(sample) // len(windows)  # of a window: P B
        texts = [self.text[-clips:]] * len(windows)
        images = [torch.cat([image[-clips:]] * len(windows)) for image in self.images]
        if self.text.ndim == 4:
            texts = [window.take(self.text[-clips:], 1).flatten(0, 1) for window in windows]
            images = [image.repeat_interleave(sample.shape[2], dim=0) for image in images]
        pose = None
        if self.pose is not None and with_pose:
            taken = [self.pose.take(window, sample.device) for window in windows]
            pose = [
                torch.cat([self._for_clips(level, videos, clips) for level in levels])
                for levels in zip(*taken, strict=True)
            ]
        return NetworkInputs(sample, torch.cat(texts), pose, images)

    def _for_clips(self, level: torch.Tensor, videos: int, clips: int) -> torch.Tensor:
        """A level of a window (V, f, c, h, w), for all its clips: ((clips f), c, h, w)."""
        level = level.expand(videos, *level.shape[1:]).flatten(0, 1)  # (b f) c h w
        if clips == videos:
            return level
        return torch.cat([torch.zeros_like(level) if self.guide_pose else level, level])


@dataclass
class NetworkInputs:
    """Arguments of the network for n clips of f frames.

    Attributes:
        sample: (n, c, f, h, w).
        text: (n, L, D), or ((n f), L, D) where it changes from frame to frame.
        pose: features, one level a down block, ((n f), c, h, w); ``None`` for none.
        images: of IP-Adapter, each as many as texts.
    """

    sample: torch.Tensor
    text: torch.Tensor
    pose: list[torch.Tensor] | None = None
    images: list[torch.Tensor] = field(default_factory=list)

    @property
    def further(self) -> dict[str, Any]:
        """Keyword arguments of the network for the pictures."""
        return {"added_cond_kwargs": {"image_embeds": self.images}} if self.images else {}

    def split(self, clips: int) -> list[NetworkInputs]:
        """Inputs of at most so many clips each."""
        count = len(self.sample)
        if count <= clips:
            return [self]

        def part(x: torch.Tensor, first: int) -> torch.Tensor:
            each = len(x) // count
            return x[first * each : (first + clips) * each]

        return [
            NetworkInputs(
                part(self.sample, first),
                part(self.text, first),
                None if self.pose is None else [part(level, first) for level in self.pose],
                [part(image, first) for image in self.images],
            )
            for first in range(0, count, clips)
        ]
