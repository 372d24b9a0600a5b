"""How many pixels a location of the latents covers, by an autoencoder's configuration; without PyTorch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

RGB = 3  # channels of a picture
_OF_STABLE_DIFFUSION = 8


def latent_factor(config: Mapping[str, Any]) -> int:
    """Pixels a side of a latent's location; Stable Diffusion's where the configuration names no blocks."""
    blocks = config.get("block_out_channels")
    return fold(config) * 2 ** (len(blocks) - 1) if blocks else _OF_STABLE_DIFFUSION


def fold(config: Mapping[str, Any]) -> int:
    """Pixels a side of the block that is one location of the network; see :class:`FoldedAutoencoder`."""
    return math.isqrt(config.get("in_channels", RGB) // RGB)
