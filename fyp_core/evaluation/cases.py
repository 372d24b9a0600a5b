"""What is asked of a model: a sentence and a motion, with the truth to compare the video with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fyp_core.synthetic import CHARACTERS, HELD_OUT_PAIRS, SCENES, sample_clip

PAIRS = ("seen", "held_out")
_HEIGHT_SHARE = (0.55, 1.05)
_STRIDE = 4  # of the clips' 24 frames a second


@dataclass(frozen=True)
class Case:
    """One video to make.

    group: "seen" or "held_out" pairs of character and scene, or the name of a motion.
    index: number within the group.
    skeletons: (F, H, W, 3) uint8 RGB, of the model's size.
    keypoints: (F, 17, 2) where its joints are, in pixels.
    visible: (F, 17) bool, which of them the skeleton shows.
    character, scene: what a classifier should see; "" where nobody can tell.
    frames: (F, H, W, 3) uint8 RGB, a video that is right; None where there is none.
    """

    group: str
    index: int
    prompt: str
    skeletons: np.ndarray
    keypoints: np.ndarray
    visible: np.ndarray
    character: str = ""
    scene: str = ""
    frames: np.ndarray | None = None


def world_cases(pairs: str, clips: int, frames: int, size: int, seed: int = 0) -> list[Case]:
    """Clips of the procedural world with motions no model was trained on.

    The motion of clip i is the same for seen and for held-out pairs of character and scene.

    Args:
        pairs: one of :data:`PAIRS`.
        size: of the square pictures in pixels.
    """
    return [
        _world_case(pairs, index, character, scene, frames, size, seed)
        for index, (character, scene) in enumerate(choose_pairs(pairs, clips, seed))
    ]


def choose_pairs(pairs: str, clips: int, seed: int = 0) -> list[tuple[str, str]]:
    """Character and scene of each clip: all pairs of a kind, in random order, before one comes again."""
    held_out = sorted(HELD_OUT_PAIRS)
    seen = [(c, s) for c in CHARACTERS for s in SCENES if (c, s) not in HELD_OUT_PAIRS]
    chosen = held_out if pairs == "held_out" else seen
    order = np.random.default_rng((seed, 1)).permutation(len(chosen))
    return [chosen[order[index % len(order)]] for index in range(clips)]


def _world_case(
    pairs: str, index: int, character: str, scene: str, frames: int, size: int, seed: int
) -> Case:
    clip = sample_clip(
        np.random.default_rng((seed, index)),
        frames,
        size,
        motions="held_out",
        character=character,
        scene=scene,
        stride=_STRIDE,
        height_share=_HEIGHT_SHARE,
    )
    visible = clip.scores[:, 0] > 0.5
    return Case(
        pairs,
        index,
        clip.caption,
        clip.skeletons(),
        clip.keypoints[:, 0],
        visible,
        character,
        scene,
        clip.frames,
    )
