"""A procedural world of articulated figures: unlimited captioned video with exact keypoints."""

from .captions import caption, vocabulary
from .characters import CHARACTERS
from .scenes import SCENES
from .styles import STYLES
from .world import (
    FRAME_RATE,
    HELD_OUT_MOTIONS,
    HELD_OUT_PAIRS,
    MAX_PEOPLE,
    MOTIONS,
    WorldClip,
    render_skeletons,
    sample_clip,
)

__all__ = [
    "CHARACTERS",
    "FRAME_RATE",
    "HELD_OUT_MOTIONS",
    "HELD_OUT_PAIRS",
    "MAX_PEOPLE",
    "MOTIONS",
    "SCENES",
    "STYLES",
    "WorldClip",
    "caption",
    "render_skeletons",
    "sample_clip",
    "vocabulary",
]
