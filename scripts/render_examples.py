"""Render the videos of ``pose_example/`` from the procedural world: ``python -m scripts.render_examples``."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from fyp_core.synthetic import FRAME_RATE, WorldClip, sample_clip
from fyp_media.write_video import SMALL, write_video
from pose_extraction.skeleton import draw_skeleton

SIZE, FRAMES = 512, 72  # pixels a side; 3 seconds
PORTRAIT, WIDE = 288, 912  # pixels, the widths of 9:16 and 16:9
FOLDER = Path(__file__).resolve().parent.parent / "pose_example"
# File name: motion, for raw ones character and scene, and seed; the figure is large and whole, and MediaPipe, which
# guesses at drawn people, finds it in the raw ones.
SKELETONS = {
    "skeleton_jumping_jacks": ("jumping jacks", 43),
    "skeleton_macarena": ("macarena", 44),
    "skeleton_dribble": ("dribble", 43),
    "skeleton_disco": ("disco", 66),
    "skeleton_kick": ("kick", 11),
    "skeleton_arm_wave": ("arm wave", 35),
}
RAW = {
    "raw_man_cheering": ("cheer", "man", "park", 146),
    "raw_woman_dancing": ("arm wave", "woman", "gym", 89),
    "raw_man_jumping_jacks": ("jumping jacks", "man", "beach", 145),
}
# Several figures on one canvas: its width, then of each figure motion, seed and where it stands.
PLACED = {
    "skeleton_portrait": (PORTRAIT, [("hip sway", 40, 0.5)]),
    "skeleton_two_people": (SIZE, [("cheer", 52, 0.27), ("wave", 39, 0.73)]),
    "skeleton_three_people": (WIDE, [("arm wave", 35, 0.2), ("macarena", 44, 0.5), ("hip sway", 40, 0.8)]),
}
# Two people in one picture: their motion, scene and seed.
RAW_TWO_PEOPLE = {"raw_two_people": ("disco", "beach", 2)}
TWO_PEOPLE_FRAMES, TWO_PEOPLE_SIZE = 64, (256, 320)  # height and width
TWO_PEOPLE_HEIGHTS = (0.7, 0.82)  # shares of the picture's height
RAW_PORTRAIT = {"raw_woman_portrait": ("cheer", "woman", "park", 15)}


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    for name, (motion, seed) in SKELETONS.items():
        _write(name, _clip(motion, "man", "park", seed).skeletons())
    for name, example in RAW.items():
        _write(name, _clip(*example).frames)
    for name, (width, figures) in PLACED.items():
        _write(name, _placed(width, figures))
    for name, two_people in RAW_TWO_PEOPLE.items():
        _write(name, _two_people(*two_people))
    for name, example in RAW_PORTRAIT.items():
        _write(name, _portrait(_clip(*example)))


def _write(name: str, frames: np.ndarray) -> None:
    write_video(FOLDER / f"{name}.mp4", frames, FRAME_RATE, encoding=SMALL)


def _clip(motion: str, character: str, scene: str, seed: int) -> WorldClip:
    rng = np.random.default_rng(seed)
    return sample_clip(rng, FRAMES, SIZE, character=character, scene=scene, motion=motion, stride=1)


def _two_people(motion: str, scene: str, seed: int) -> np.ndarray:
    """A man and a woman side by side, whole in the picture: (F, H, W, 3)."""
    clip = sample_clip(
        np.random.default_rng(seed), TWO_PEOPLE_FRAMES, TWO_PEOPLE_SIZE, split="all", people=2, style="", stride=1,
        characters=("man", "woman"), motion=motion, scene=scene, height_share=TWO_PEOPLE_HEIGHTS,
    )  # fmt: skip
    return clip.frames


def _placed(width: int, figures: list[tuple[str, int, float]]) -> np.ndarray:
    """Skeletons of several figures, each in the middle of its part of the width: (F, SIZE, width, 3)."""
    people = []
    for motion, seed, place in figures:
        points = _clip(motion, "man", "park", seed).keypoints[:, 0]
        (left, top), (right, bottom) = points.min((0, 1)), points.max((0, 1))
        scale = min(0.9 * width / len(figures) / (right - left), 0.88 * SIZE / (bottom - top))
        foot = np.array([(left + right) / 2, bottom])
        people.append((points - foot) * scale + (place * width, 0.95 * SIZE))
    return np.stack([draw_skeleton(frame, None, SIZE, width) for frame in np.stack(people, axis=1)])


def _portrait(clip: WorldClip) -> np.ndarray:
    """The part of the picture around the figure: (F, SIZE, PORTRAIT, 3)."""
    across = clip.keypoints[..., 0]
    left = round((across.min() + across.max() - PORTRAIT) / 2)
    return clip.frames[:, :, min(max(left, 0), SIZE - PORTRAIT) :][:, :, :PORTRAIT]


if __name__ == "__main__":
    main()
