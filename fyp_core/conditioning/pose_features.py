"""The pose encoder's features of a video, encoded as windows of frames need them."""

from __future__ import annotations

from collections.abc import Callable

import torch

from fyp_core.windows import Window

KEPT_BYTES = 2**30
"""Of features that are kept between denoising steps: of 226 frames of 512×512 for Stable Diffusion 1.x in fp16, which
has 4.75 MB a frame. To encode a frame again makes its guided step 4 to 6 % longer."""

Levels = list[torch.Tensor]
"""One a down block: (V, f, c, h, w), V = 1 for all videos or one for each of them."""


class PoseFeatures:
    """Pose features of a video. Those of its first frames are kept, as many as the budget allows;
    others are encoded again.

    Args:
        encode: the features of the frames from one number up to, but not including, another.
        frames: of the video.
        in_host: keep them in the host's memory, not on the device.
        budget: bytes that may be kept.
    """

    def __init__(self, encode: Callable[[int, int], Levels], frames: int, in_host: bool, budget: int) -> None:
        self._encode = encode
        self._frames = frames
        self._in_host = in_host
        self._budget = budget
        self._kept: Levels = []
        self._count = 0  # frames whose features are kept

    def take(self, window: Window, device: torch.device) -> Levels:
        """The features of a window's frames."""
        if window.start == 0:
            return self._between(0, window.stop, device)
        anchor = self._between(0, 1, device)
        others = self._between(window.start, window.stop, device)
        return [torch.cat(both, dim=1) for both in zip(anchor, others, strict=True)]

    def _between(self, first: int, stop: int, device: torch.device) -> Levels:
        """The features of consecutive frames: first those that are kept, then the others."""
        middle = min(max(self._count, first), stop)
        kept = [level[:, first:middle].to(device, non_blocking=True) for level in self._kept]
        if middle == stop:
            return kept
        encoded = self._encode(middle, stop)
        self._keep(encoded, middle)
        if middle == first:
            return encoded
        return [torch.cat(both, dim=1) for both in zip(kept, encoded, strict=True)]

    def _keep(self, encoded: Levels, first: int) -> None:
        """Keep the features of frames from ``first`` on, where they follow those that are kept and there is room."""
        if not self._kept:
            self._kept = [self._allocate(level, encoded) for level in encoded]
        stop = min(first + encoded[0].shape[1], self._kept[0].shape[1])
        if first != self._count or stop <= first:
            return
        for level, features in zip(self._kept, encoded, strict=True):
            level[:, first:stop].copy_(features[:, : stop - first], non_blocking=level.is_pinned())
        self._count = stop

    def _allocate(self, level: torch.Tensor, encoded: Levels) -> torch.Tensor:
        """Memory for a level of the frames that are kept; pinned in the host: a GPU copies while it computes."""
        a_frame = sum(each[:, 0].nbytes for each in encoded)
        shape = (len(level), min(self._frames, self._budget // a_frame), *level.shape[2:])
        if not self._in_host:
            return torch.empty(shape, dtype=level.dtype, device=level.device)
        return torch.empty(shape, dtype=level.dtype, pin_memory=level.is_cuda)
