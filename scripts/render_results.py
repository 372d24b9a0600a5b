"""Render ``assets/results.png``: four prompts, each following four skeletons: ``python -m scripts.render_results``."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from fyp_core.generation.engine import Engine, GenerationResult
from fyp_core.generation.request import GenerationRequest
from fyp_media.contact_sheet import save_sheet

ROOT = Path(__file__).resolve().parent.parent
PROMPTS = (
    "an astronaut on the beach",
    "a robot in Antarctica",
    "a panda on the moon",
    "Iron man in the snow",
)
SKELETONS = ("skeleton_jumping_jacks", "skeleton_macarena", "skeleton_dribble", "skeleton_kick")
SHOWN = (2, 5)  # frames of each video


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=ROOT / "assets/results.png")
    options = parser.parse_args()
    engine = Engine(options.model)
    grid = [[_generate(engine, prompt, name, options.seed) for name in SKELETONS] for prompt in PROMPTS]
    skeletons = np.concatenate([_skeletons(result) for result in grid[0]])
    rows = [np.concatenate([result.frames[list(SHOWN)] for result in row]) for row in grid]
    save_sheet(options.output, [skeletons, *rows], ["", *PROMPTS])
    print(options.output)


def _generate(engine: Engine, prompt: str, skeleton: str, seed: int) -> GenerationResult:
    video = ROOT / f"pose_example/{skeleton}.mp4"
    return engine.generate(GenerationRequest(input=video, prompt=prompt, input_type="skeleton", seed=seed))


def _skeletons(result: GenerationResult) -> np.ndarray:
    """The shown skeletons at the size of the result."""
    height, width = result.frames.shape[1:3]
    chosen = result.guide.skeletons[list(SHOWN)]
    return np.stack([cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in chosen])


if __name__ == "__main__":
    main()
