"""Small pictures of latents without decoding them: colours as a linear function of each latent.

An autoencoder's latents are nearly linear in the colours of what they stand for (T. Vass, "Explaining the SDXL latent
space", 2024); the few numbers of that function are fitted to the model's own autoencoder.
"""

from __future__ import annotations

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch.nn import functional as F

from fyp_core.latent_size import latent_factor

_PICTURES, _CELLS, _CELL = 8, 4, 4  # pictures of 4 x 4 plain cells, 4 latents wide


class LatentPreview:
    """A linear map from C latent channels to red, green and blue.

    Args:
        weights: (C + 1, 3) float32; the last row is added. Colours are in 0..1.
    """

    def __init__(self, weights: torch.Tensor) -> None:
        self.weights = weights

    @classmethod
    @torch.no_grad()
    def fit(cls, vae: AutoencoderKL, device: torch.device) -> LatentPreview:
        """Least squares between coloured pictures and their latents; about a second at 512².

        Args:
            device: where the autoencoder computes; its weights may lie elsewhere until then.
        """
        factor = latent_factor(vae.config)
        generator = torch.Generator().manual_seed(0)
        cells = torch.rand(_PICTURES, 3, _CELLS, _CELLS, generator=generator)
        # (n, 3, h, w), of the latents' size
        colors = F.interpolate(cells, scale_factor=_CELL, mode="bilinear")
        pictures = F.interpolate(colors, scale_factor=factor, mode="bilinear") * 2 - 1
        shift = getattr(vae.config, "shift_factor", None) or 0.0
        encoded = [vae.encode(picture[None].to(device, vae.dtype)).latent_dist.mode() for picture in pictures]
        latents = (torch.cat(encoded).float().cpu() - shift) * vae.config.scaling_factor
        return cls(torch.linalg.lstsq(_with_one(latents), _as_rows(colors)).solution)

    def pictures(self, latents: torch.Tensor, count: int) -> np.ndarray:
        """Some frames of a video, spread over it.

        Args:
            latents: (1, C, F, h, w).
            count: at most so many frames.

        Returns:
            (n, h, w, 3) uint8 RGB.
        """
        frames = latents.shape[2]
        chosen = torch.linspace(0, frames - 1, min(count, frames)).round().long()
        some = latents[0, :, chosen.to(latents.device)].transpose(0, 1).float().cpu()  # (n, C, h, w)
        colors = (_with_one(some) @ self.weights).clamp(0, 1) * 255
        return colors.round().to(torch.uint8).unflatten(0, (len(some), *some.shape[2:])).numpy()


def _as_rows(maps: torch.Tensor) -> torch.Tensor:
    """(n, C, h, w) to (n h w, C)."""
    return maps.movedim(1, -1).flatten(0, -2)


def _with_one(maps: torch.Tensor) -> torch.Tensor:
    rows = _as_rows(maps)
    return torch.cat([rows, torch.ones(len(rows), 1)], dim=1)
