"""Render the videos of ``pose_example/`` from the procedural world: ``python -m scripts.render_examples``."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from fyp_core.synthetic import FRAME_RATE, WorldClip, sample_clip
from fyp_media.write_video import write_video

SIZE, FRAMES = 512, 72  # pixels a side; 3 seconds
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


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    for name, (motion, seed) in SKELETONS.items():
        write_video(FOLDER / f"{name}.mp4", _clip(motion, "man", "park", seed).skeletons(), FRAME_RATE)
    for name, example in RAW.items():
        write_video(FOLDER / f"{name}.mp4", _clip(*example).frames, FRAME_RATE)


def _clip(motion: str, character: str, scene: str, seed: int) -> WorldClip:
    rng = np.random.default_rng(seed)
    return sample_clip(rng, FRAMES, SIZE, character=character, scene=scene, motion=motion, stride=1)


if __name__ == "__main__":
    main()
