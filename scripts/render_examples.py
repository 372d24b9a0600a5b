"""Render the videos of ``pose_example/`` from the procedural world: ``python -m scripts.render_examples``."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from fyp_core.synthetic import FRAME_RATE, sample_clip
from video_io import write_video

SIZE, FRAMES = 512, 72  # pixels a side; 3 seconds
FOLDER = Path(__file__).resolve().parent.parent / "pose_example"
# File name: motion, character, scene, seed; seeds with the whole figure large in the picture.
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
        clip = sample_clip(
            np.random.default_rng(seed), FRAMES, SIZE, character="man", scene="park", motion=motion, stride=1
        )
        write_video(FOLDER / f"{name}.mp4", clip.skeletons(), FRAME_RATE)
    for name, (motion, character, scene, seed) in RAW.items():
        clip = sample_clip(
            np.random.default_rng(seed),
            FRAMES,
            SIZE,
            character=character,
            scene=scene,
            motion=motion,
            stride=1,
        )
        write_video(FOLDER / f"{name}.mp4", clip.frames, FRAME_RATE)


if __name__ == "__main__":
    main()
