"""A short clip of a person who waves, and the guide of a request for it."""

from pathlib import Path

import numpy as np

from fyp_core.generation.guide import Guide, make_guide
from fyp_core.generation.request import GenerationRequest
from fyp_core.generation.result_size import ModelSize
from fyp_core.synthetic import WorldClip, sample_clip

FRAMES, MODEL = 4, ModelSize(128, 128, 8)


def waving_clip(side: int) -> WorldClip:
    return sample_clip(
        np.random.default_rng(3),
        FRAMES,
        side,
        motion="wave",
        character="woman",
        stride=4,
        height_share=(0.7, 0.9),
    )


def make(path: Path, **settings: object) -> Guide:
    request = GenerationRequest(input=path, prompt="a robot", **{"frames": FRAMES, "stride": 1, **settings})
    return make_guide(request, MODEL)
