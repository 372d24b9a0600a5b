"""Test cases for a model: a prompt and a motion, with the ground truth for its video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fyp_core.synthetic import CHARACTERS, HELD_OUT_PAIRS, SCENES, sample_clip

PAIRS = ("seen", "held_out")
HEIGHT_SHARE = (0.55, 1.05)
"""Standing heights of people by default, as shares of the picture's."""
_STRIDE = 4  # of the clips' 24 frames a second
_SECOND_CHARACTER_EVERY = 3  # of the clips with several people


@dataclass(frozen=True)
class Case:
    """One video to make.

    group: "seen" or "held_out" pairs of character and scene, or the name of a motion.
    index: number within the group.
    skeletons: (F, H, W, 3) uint8 RGB, of the model's size.
    keypoints: (F, P, 17, 2) where the joints of its P people are, in pixels.
    visible: (F, P, 17) bool, which of them the skeletons show.
    characters: of each person, as a classifier should name it; empty where it is not known.
    scene: as a classifier should name it; "" where it is not known.
    frames: (F, H, W, 3) uint8 RGB, the ground truth; None where there is none.
    """

    group: str
    index: int
    prompt: str
    skeletons: np.ndarray
    keypoints: np.ndarray
    visible: np.ndarray
    characters: tuple[str, ...] = ()
    scene: str = ""
    frames: np.ndarray | None = None


def world_cases(
    pairs: str,
    clips: int,
    frames: int,
    size: int | tuple[int, int],
    seed: int = 0,
    *,
    people: int = 1,
    height_share: tuple[float, float] = HEIGHT_SHARE,
) -> list[Case]:
    """Clips of the procedural world with motions no model was trained on.

    The motions of clip i are the same for seen and for held-out pairs of character and scene. Of the clips with
    several people one in three has a second character next to the first.

    Args:
        pairs: one of :data:`PAIRS`.
        size: of the pictures in pixels: a side of a square, or height and width.
        people: in each clip.
        height_share: lowest and highest standing height as a share of the picture's.
    """
    chosen = choose_pairs(pairs, clips, seed)
    characters = [_choose_characters(pairs, index, *pair, people) for index, pair in enumerate(chosen)]
    return [
        _world_case(pairs, index, people, scene, frames, size, seed, height_share)
        for index, (people, (_, scene)) in enumerate(zip(characters, chosen))
    ]


def choose_pairs(pairs: str, clips: int, seed: int = 0) -> list[tuple[str, str]]:
    """Character and scene of each clip: all pairs of a kind, in random order, before one comes again."""
    chosen = _all_pairs(pairs)
    order = np.random.default_rng((seed, 1)).permutation(len(chosen))
    return [chosen[order[index % len(order)]] for index in range(clips)]


def _all_pairs(pairs: str) -> list[tuple[str, str]]:
    if pairs == "held_out":
        return sorted(HELD_OUT_PAIRS)
    return [(c, s) for c in CHARACTERS for s in SCENES if (c, s) not in HELD_OUT_PAIRS]


def _choose_characters(pairs: str, index: int, character: str, scene: str, people: int) -> tuple[str, ...]:
    """The characters of a clip's people; a second one makes a pair of the same kind with the scene."""
    others = [other for other, place in _all_pairs(pairs) if place == scene and other != character]
    if people == 1 or index % _SECOND_CHARACTER_EVERY or not others:
        return (character,) * people
    return (*(character,) * (people - 1), others[index % len(others)])


def _world_case(
    pairs: str,
    index: int,
    characters: tuple[str, ...],
    scene: str,
    frames: int,
    size: int | tuple[int, int],
    seed: int,
    height_share: tuple[float, float],
) -> Case:
    clip = sample_clip(
        np.random.default_rng((seed, index)),
        frames,
        size,
        motions="held_out",
        people=len(characters),
        characters=characters,
        scene=scene,
        stride=_STRIDE,
        height_share=height_share,
    )
    visible = clip.scores > 0.5
    return Case(
        pairs,
        index,
        clip.caption,
        clip.skeletons(),
        clip.keypoints,
        visible,
        clip.characters,
        scene,
        clip.frames,
    )
