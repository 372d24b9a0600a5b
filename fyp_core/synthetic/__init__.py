"""A procedural world of articulated figures: unlimited captioned video with exact keypoints."""

from .captions import caption, vocabulary
from .world import (
    CHARACTERS,
    FRAME_RATE,
    HELD_OUT_MOTIONS,
    HELD_OUT_PAIRS,
    MOTIONS,
    SCENES,
    STYLES,
    WorldClip,
    render_skeletons,
    sample_clip,
)

__all__ = [
    "CHARACTERS",
    "FRAME_RATE",
    "HELD_OUT_MOTIONS",
    "HELD_OUT_PAIRS",
    "MOTIONS",
    "SCENES",
    "STYLES",
    "WorldClip",
    "caption",
    "render_skeletons",
    "sample_clip",
    "vocabulary",
]
