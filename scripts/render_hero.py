"""Make ``assets/hero.webp``, the moving picture on top of the README: ``python -m scripts.render_hero``.

A video and the pose found in it, small, beside four results of it; all play in step.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from fyp_core.generation.engine import Engine
from scripts.pictures import FIRST_SECONDS, ROOT, USUAL, generate, guides, moving_strip, save_webp

SOURCE = "raw_man_jumping_jacks"
PROMPTS = (
    "an astronaut on the moon",
    "a robot in Antarctica",
    "a panda on the beach",
    "Hulk in the desert",
)
HEIGHT = 256  # pixels of a result
LARGEST_FILE = 400_000  # bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--seed", type=int, default=USUAL["seed"])
    parser.add_argument("--frames", type=int, default=FIRST_SECONDS["frames"])
    parser.add_argument("--output", type=Path, default=ROOT / "assets/hero.webp")
    options = parser.parse_args()
    engine = Engine(options.model)
    settings = USUAL | {"seed": options.seed, "frames": options.frames}
    prompts = tqdm(PROMPTS, unit=" videos", disable=None)
    results = {prompt: generate(engine, SOURCE, prompt, settings) for prompt in prompts}
    result = results[PROMPTS[0]]
    strip = moving_strip(guides(result), {prompt: each.frames for prompt, each in results.items()}, HEIGHT)
    print(options.output, save_webp(options.output, strip, LARGEST_FILE, result.fps), "bytes")


if __name__ == "__main__":
    main()
