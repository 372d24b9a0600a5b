"""The procedural world, rendered as it is asked for: every sample is new and nothing is stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.utils.data import Dataset

from errors import InputError
from fyp_core.synthetic import STYLES, sample_clip
from fyp_core.training.data.pictures import to_pixels
from fyp_core.training.data.samples import Sample


class WorldDataset(Dataset):
    """Clips, or single pictures with their skeletons, of the procedural world; item i is always the same.

    Args:
        frames: of a clip; None for single pictures.
        styles: to draw from with ``style_probability``; all where empty.

    Raises:
        InputError: the size is not square, or there is no such style.
    """

    def __init__(
        self,
        size: tuple[int, int],
        frames: int | None,
        seed: int,
        *,
        with_skeleton: bool,
        style_probability: float,
        styles: Sequence[str],
    ) -> None:
        height, width = size
        if height != width:
            raise InputError(f"The world is square, but the size is {width}x{height}; make them equal.")
        if unknown := set(styles) - set(STYLES):
            raise InputError(f"There is no style {min(unknown)!r}; choose of {', '.join(STYLES)}.")
        self._size, self._frames, self._seed = height, frames, seed
        self._with_skeleton = with_skeleton
        self._style = {"style_probability": style_probability} | ({"styles": styles} if styles else {})

    def __len__(self) -> int:
        return 2**31

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng((self._seed, index))
        clip = sample_clip(rng, self._frames or 1, self._size, **self._style)
        pixels = to_pixels(clip.frames, self._size, self._size)
        sample: Sample = {"pixels": pixels if self._frames else pixels[:, 0], "caption": clip.caption}
        if self._with_skeleton:
            sample["skeleton"] = torch.from_numpy(clip.skeletons()[0]).permute(2, 0, 1) / 255
        return sample
