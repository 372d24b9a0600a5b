"""Long videos: overlapping windows of frames, denoised together at every step and blended in latents.

A network that learnt from short clips sees a window at a time, and memory does not grow with the video's length.
Predictions for the same frame are blended at every step, as MultiDiffusion (Bar-Tal et al. 2023, arXiv 2302.08113)
does with overlapping regions of a picture, so that neighbouring windows arrive at one video.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from fyp_media.errors import InputError

WINDOW, OVERLAP = 24, 4  # frames; chosen by `python -m benchmarks.windows`


@dataclass(frozen=True)
class Window:
    """Frames that are denoised together.

    Every window holds frame 0 of the video, which sparse-causal attention reads: it carries the character and the
    colours into all windows. It is predicted by the first window only.

    Attributes:
        number: 0 for the first.
        frames: (f,) indices of frames, rising.
        weights: (f,) float32, how much this window's prediction counts; of all windows' those of a frame sum to 1.
    """

    number: int
    frames: torch.Tensor
    weights: torch.Tensor


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
        return [Window(0, torch.arange(frames), torch.ones(frames))]
    starts = [*range(1, frames - window, window - overlap), frames - window]
    anchor = torch.zeros(1, dtype=torch.long)
    indices = [torch.cat([anchor, torch.arange(start, start + window)]) for start in starts]
    slope = torch.arange(1, window + 1).clamp(max=overlap + 1)
    triangle = torch.minimum(slope, slope.flip(0)).float()
    weights = [torch.cat([torch.tensor([float(start == starts[0])]), triangle]) for start in starts]
    total = torch.zeros(frames).index_add_(0, torch.cat(indices), torch.cat(weights))
    return [
        Window(number, index, weight / total[index])
        for number, (index, weight) in enumerate(zip(indices, weights, strict=True))
    ]


def check_window(window: int, overlap: int) -> None:
    """Raise InputError for windows that cannot be."""
    if window < 1:
        raise InputError(f"A window must hold at least 1 frame, not {window}.")
    if not 0 <= overlap < window:
        raise InputError(f"The overlap of windows is {overlap} frames, but must lie in 0..{window - 1}.")


def predict_in_windows(
    predict: Callable[[torch.Tensor, Window], torch.Tensor], latents: torch.Tensor, windows: list[Window]
) -> torch.Tensor:
    """Blend the predictions for all windows.

    Args:
        predict: takes the latents (B, C, f, h, w) of a window and the window; returns a prediction of that shape.
        latents: (B, C, F, h, w).
        windows: those of a video of F frames.

    Returns:
        (B, C, F, h, w).
    """
    if len(windows) == 1:
        return predict(latents, windows[0])
    blended = torch.zeros_like(latents)
    for window in windows:
        frames = window.frames.to(latents.device)
        weights = window.weights.to(latents)[:, None, None]
        blended.index_add_(2, frames, predict(latents[:, :, frames], window) * weights)
    return blended
