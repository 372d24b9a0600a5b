"""Long videos: overlapping windows of frames, denoised together at every step and blended in latents.

A network that learnt from short clips sees a window at a time, and memory does not grow with the video's length.
Predictions for the same frame are blended at every step, as MultiDiffusion (Bar-Tal et al. 2023, arXiv 2302.08113)
does with overlapping regions of a picture, so that neighbouring windows agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from fyp_media.errors import InputError

WINDOW, OVERLAP = 24, 4  # frames; chosen by `python -m benchmarks.windows`


@dataclass(frozen=True)
class Window:
    """Frames that are denoised together.

    Every window of several holds frame 0 of the video, which sparse-causal attention reads: it carries the character
    and the colours into all windows. It is predicted by the first window only.

    Attributes:
        number: 0 for the first.
        start, stop: the consecutive frames of the video; where ``start`` is not 0, frame 0 comes before them.
        weights: (f,) float32, weight of this window's prediction; for each frame the weights of all windows sum to 1.
    """

    number: int
    start: int
    stop: int
    weights: torch.Tensor

    @property
    def frames(self) -> torch.Tensor:
        """(f,) indices, ascending."""
        frames = torch.arange(self.start, self.stop)
        return frames if self.start == 0 else torch.cat([torch.zeros(1, dtype=torch.long), frames])

    def to(self, device: torch.device) -> Window:
        """The window with its weights on a device."""
        return replace(self, weights=self.weights.to(device))

    def take(self, x: torch.Tensor, dim: int) -> torch.Tensor:
        """The window's frames of ``x``, which has those of the video along ``dim``.

        By slices: indices that lie on the host would make it wait for the GPU.
        """
        own = x.narrow(dim, self.start, self.stop - self.start)
        return own if self.start == 0 else torch.cat([x.narrow(dim, 0, 1), own], dim)

    def add(self, prediction: torch.Tensor, total: torch.Tensor) -> None:
        """Add a weighted prediction (B, C, f, h, w) to the video's, (B, C, F, h, w)."""
        weighted = prediction * self.weights[:, None, None]
        total[:, :, self.start : self.stop] += weighted[:, :, self.start - self.stop :]
        if self.number == 0 and self.start > 0:
            total[:, :, :1] += weighted[:, :, :1]


def plan_windows(frames: int, window: int = WINDOW, overlap: int = OVERLAP) -> list[Window]:
    """Windows over a video; one with all frames where ``frames <= window``.

    Args:
        frames: of the video.
        window: frames that are denoised together, besides frame 0.
        overlap: frames that neighbouring windows share at least.

    Raises:
        InputError: the overlap leaves no progress from window to window.
    """
    check_window(window, overlap)
    if frames <= window:
        return [Window(0, 0, frames, torch.ones(frames))]
    starts = [*range(1, frames - window, window - overlap), frames - window]
    slope = torch.arange(1, window + 1).clamp(max=overlap + 1)
    triangle = torch.minimum(slope, slope.flip(0)).float()
    anchored = [torch.cat([torch.tensor([float(start == starts[0])]), triangle]) for start in starts]
    windows = [
        Window(number, start, start + window, weights)
        for number, (start, weights) in enumerate(zip(starts, anchored, strict=True))
    ]
    total = torch.zeros(frames)
    for one in windows:
        total.index_add_(0, one.frames, one.weights)
    return [replace(one, weights=one.weights / total[one.frames]) for one in windows]


def check_window(window: int, overlap: int) -> None:
    """Raise InputError for an impossible length or overlap."""
    if window < 1:
        raise InputError(f"A window must hold at least 1 frame, not {window}.")
    if not 0 <= overlap < window:
        raise InputError(f"The overlap of windows is {overlap} frames, but must lie in 0..{window - 1}.")


def predict_in_windows(
    predict: Callable[[torch.Tensor, Sequence[Window]], torch.Tensor],
    latents: torch.Tensor,
    windows: Sequence[Window],
    at_once: int = 1,
) -> torch.Tensor:
    """Blend the predictions for all windows.

    Args:
        predict: takes the latents (W, B, C, f, h, w) of some windows and these; returns predictions of that shape.
        latents: (B, C, F, h, w).
        windows: those of a video of F frames.
        at_once: how many are predicted together.

    Returns:
        (B, C, F, h, w).
    """
    if len(windows) == 1:
        return predict(latents[None], windows)[0]
    blended = torch.zeros_like(latents)
    for first in range(0, len(windows), at_once):
        group = windows[first : first + at_once]
        predictions = predict(torch.stack([window.take(latents, 2) for window in group]), group)
        for window, prediction in zip(group, predictions, strict=True):
            window.add(prediction, blended)
    return blended
