"""Make ``docs/gallery.md`` and its moving pictures in ``docs/gallery``: ``python -m scripts.render_gallery``.

A row shows a motion and what the model makes of it. Nothing is chosen: all characters and scenes of the procedural
world take their turn, in an order drawn by the seed, in sentences as the world words them. Rows whose picture is there
already are not made again without ``--again``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from fyp_core.generation.engine import Engine
from fyp_core.presets import PRESETS
from fyp_core.synthetic import CHARACTERS, HELD_OUT_MOTIONS, SCENES, STYLES, caption
from scripts.pictures import PORTRAIT, ROOT, USUAL, WIDE, generate, guides, moving_strip, save_webp

LARGEST_FILE = 120_000  # bytes of a row
FRAMES = 12  # two seconds


@dataclass(frozen=True)
class Row:
    """A motion and what is made of it.

    source: of a video in ``pose_example``.
    motion: what sentences call it, one of ``fyp_core.synthetic.MOTIONS``; "" for nothing.
    results: how many.
    people: in the source; all are the same character.
    height: of the results in pixels.
    settings: of the generation, besides the usual ones.
    """

    source: str
    title: str
    motion: str = ""
    results: int = 4
    people: int = 1
    are_styled: bool = False
    height: int = 224
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> str:
        return f"{self.source}{'_styled' * self.are_styled}.webp"

    @property
    def heading(self) -> str:
        return f"{self.title}, a motion it was never shown" if self.motion in HELD_OUT_MOTIONS else self.title


ROWS = (
    Row("raw_man_jumping_jacks", "Jumping jacks, from a video", "jumping jacks"),
    Row("skeleton_macarena", "Macarena", "macarena"),
    Row("skeleton_disco", "Disco", "disco"),
    Row("skeleton_two_people", "Two people", people=2),
    Row("skeleton_portrait", "Hip sway, portrait", "hip sway", results=5, height=320, settings=PORTRAIT),
    Row("skeleton_dribble", "Basketball", "dribble"),
    Row("skeleton_three_people", "Three people, wide", results=2, people=3, settings=WIDE),
    Row("skeleton_arm_wave", "Arm wave, in styles", "arm wave", are_styled=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--seed", type=int, default=USUAL["seed"], help="of the sentences and the noise")
    parser.add_argument("--preset", choices=PRESETS, default="exact")
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--again", action="store_true", help="make rows again that are there already")
    files = [row.file for row in ROWS]
    parser.add_argument("--only", nargs="+", choices=files, metavar="FILE", help="make only these rows")
    parser.add_argument("--folder", type=Path, default=ROOT / "docs", help="where gallery.md is written")
    options = parser.parse_args()
    pictures = options.folder / "gallery"
    sentences = write_prompts(ROWS, options.seed)
    settings = {"seed": options.seed, "preset": options.preset, "frames": options.frames}
    missing = [
        (row, prompts)
        for row, prompts in zip(ROWS, sentences)
        if row.file in (options.only or files) and (options.again or not (pictures / row.file).exists())
    ]
    engine = Engine(options.model)
    with tqdm(total=sum(row.results for row, _ in missing), unit=" videos", disable=None) as progress:
        for row, prompts in missing:
            strip, fps = render_row(engine, row, prompts, settings, progress)
            size = save_webp(pictures / row.file, strip, LARGEST_FILE, fps)
            progress.write(f"{pictures / row.file}: {size} bytes")
    text = document(sentences, f"--model {options.model} --seed {options.seed} --preset {options.preset}")
    (options.folder / "gallery.md").write_text(text, "utf-8")


def write_prompts(rows: Sequence[Row], seed: int) -> list[list[str]]:
    """A sentence for each result of each row: characters, scenes and styles of the world in turn."""
    rng = np.random.default_rng(seed)
    characters, scenes = (cycle(rng.permutation(names).tolist()) for names in (CHARACTERS, SCENES))
    styles = cycle(STYLES)
    return [[_sentence(rng, row, characters, scenes, styles) for _ in range(row.results)] for row in rows]


def _sentence(
    rng: np.random.Generator,
    row: Row,
    characters: Iterator[str],
    scenes: Iterator[str],
    styles: Iterator[str],
) -> str:
    style = next(styles) if row.are_styled else ""
    return caption(rng, [next(characters)] * row.people, next(scenes), row.motion, style)


def render_row(
    engine: Engine, row: Row, prompts: Sequence[str], settings: dict[str, Any], progress: tqdm
) -> tuple[np.ndarray, float]:
    """The pictures of a row, (F, H, W, 3) uint8 RGB, and how many are shown a second."""
    results = []
    for prompt in prompts:
        results.append(generate(engine, row.source, prompt, USUAL | row.settings | settings))
        progress.update()
    videos = {prompt: result.frames for prompt, result in zip(prompts, results)}
    return moving_strip(guides(results[0]), videos, row.height), results[0].fps


def document(sentences: Sequence[Sequence[str]], options: str) -> str:
    """The text of ``docs/gallery.md``."""
    parts = [
        "# Gallery",
        f"{sum(map(len, sentences))} results, none of them chosen: characters and scenes take their turn, in an order"
        " drawn by a seed. Small on the left is what they follow.",
        f"Made by `python -m scripts.render_gallery {options}`.",
    ]
    for row, prompts in zip(ROWS, sentences):
        parts += [f"## {row.heading}", f"![{'; '.join(prompts)}](gallery/{row.file})"]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
