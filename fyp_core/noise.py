"""The initial noise of a video's latents."""

from __future__ import annotations

import math

import torch

from fyp_media.errors import InputError

Generators = torch.Generator | list[torch.Generator] | None


def draw_noise(
    shape: tuple[int, ...],
    generator: Generators,
    share: float,
    window: int | None = None,
    stride: int | None = None,
) -> torch.Tensor:
    """Unit-variance noise (B, C, F, h, w) of which ``share`` of the variance is common to all frames.

    Drawn where the generator lives, so that a CPU generator gives the same video on every device.

    Args:
        shape: (B, C, F, h, w).
        generator: source of randomness, one for all videos or one each.
        share: 0..1, "mixed noise" of PYoCo (Ge et al. 2023, arXiv 2305.10474).
        window: where there are more frames, those that follow repeat the noise of earlier ones in another order, so
            that windows agree on what they show (FreeNoise, Qiu et al. 2023, arXiv 2310.15169).
        stride: frames shuffled together; with ``window``.

    Raises:
        InputError: the generators are not one for each video.
    """
    if isinstance(generator, list):
        if len(generator) != shape[0]:
            raise InputError(
                f"There are {len(generator)} generators for {shape[0]} prompts; give one, or one each."
            )
        drawn = [draw_noise((1, *shape[1:]), one, share, window, stride) for one in generator]
        return torch.cat(drawn)
    device = "cpu" if generator is None else generator.device
    frames = shape[2]
    own = frames if window is None else min(frames, window)
    noise = torch.randn((*shape[:2], own, *shape[3:]), generator=generator, device=device)
    if share > 0:
        common = torch.randn((*shape[:2], 1, *shape[3:]), generator=generator, device=device)
        noise = math.sqrt(share) * common + math.sqrt(1 - share) * noise
    if own == frames:
        return noise
    return noise[:, :, _repeated_in_other_order(frames, own, stride or own, generator)]


def _repeated_in_other_order(
    frames: int, window: int, stride: int, generator: torch.Generator | None
) -> torch.Tensor:
    """(frames,) for each frame the one whose noise it takes: groups of ``stride`` frames, each shuffled."""
    device = "cpu" if generator is None else generator.device
    order = torch.arange(window, device=device)
    while len(order) < frames:
        first = len(order) - window
        group = order[first : first + stride]
        shuffled = group[torch.randperm(len(group), generator=generator, device=device)]
        order = torch.cat([order, shuffled])
    return order[:frames]
