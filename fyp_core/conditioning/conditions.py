"""What the denoising network is told besides the latents, for all frames of a video or for one window of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass
class Conditions:
    """Text, poses and pictures. Where guidance needs two passes, the unconditional ones come first (P = 2).

    Attributes:
        text: (P B, L, D) embeddings, or (P B, F, L, D) where they change from frame to frame.
        pose: features, one level a down block: (V, F, c, h, w), V = 1 for all videos or V = B; ``None`` for none.
            They may lie in the host's memory.
        guide_pose: leave the pose out of the unconditional pass.
        images: of IP-Adapter, each (P B, N, ...).
    """

    text: torch.Tensor
    pose: list[torch.Tensor] | None = None
    guide_pose: bool = False
    images: list[torch.Tensor] = field(default_factory=list)

    def for_pass(
        self, frames: torch.Tensor, videos: int, guided: bool
    ) -> tuple[torch.Tensor, list[torch.Tensor] | None, dict[str, Any]]:
        """What the network takes for some frames.

        Args:
            frames: (f,) indices.
            videos: B.
            guided: with the unconditional pass.

        Returns:
            Text (P B, L, D) or ((P B f), L, D), pose features ((P B f), c, h, w), and further arguments.
        """
        clips = 2 * videos if guided else videos
        text, images = self.text[-clips:], [image[-clips:] for image in self.images]
        if text.ndim == 4:
            text = text[:, frames.to(text.device)].flatten(0, 1)
            images = [image.repeat_interleave(len(frames), dim=0) for image in images]
        further = {"added_cond_kwargs": {"image_embeds": images}} if images else {}
        pose = None
        if self.pose is not None:
            pose = [self._pose_level(level, frames, videos, guided, text) for level in self.pose]
        return text, pose, further

    def _pose_level(
        self, level: torch.Tensor, frames: torch.Tensor, videos: int, guided: bool, like: torch.Tensor
    ) -> torch.Tensor:
        level = level[:, frames.to(level.device)].to(like.device)
        level = level.expand(videos, *level.shape[1:]).flatten(0, 1)  # (b f) c h w
        if not guided:
            return level
        return torch.cat([torch.zeros_like(level) if self.guide_pose else level, level])
