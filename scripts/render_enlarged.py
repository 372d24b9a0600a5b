"""Make ``assets/enlarged.webp``: samples at the 512 pixels at which the page shows them:
``python -m scripts.render_enlarged --model mini --beside OTHER_MODEL``.

From left to right the pose, the other model and the model, of one motion and sentence. Without ``--beside`` the
model's own picture at half its size is shown in place of the other model's. Prompts are not chosen; those with a word
that one of the models does not know are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fyp_core.evaluation.cases import PAIRS, Case, world_cases
from fyp_core.evaluation.variants import MODEL, show
from fyp_core.generation.engine import Engine
from fyp_core.synthetic import render_skeletons
from fyp_media.contact_sheet import contact_sheet
from fyp_media.fit import cover
from scripts.pictures import ROOT, resized, save_webp

SIDE = 512  # pixels
SAMPLES = 6
CANDIDATES = 60  # cases of each kind, of which those are taken that all models have the words for
FRAMES, SHOWN = 8, 4  # of a clip, and the frame that is shown
LARGEST_FILE = 250_000  # bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--beside", metavar="MODEL", help="the other model; default: the model's own, halved")
    parser.add_argument("--seed", type=int, default=0, help="of the noise")
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--output", type=Path, default=ROOT / "assets/enlarged.webp")
    options = parser.parse_args()
    engines = [Engine(name) for name in (options.beside, options.model) if name]
    rows, titles = [], []
    cases = list(islice(understood(engines), options.samples))
    for case in tqdm(cases, unit=" samples", disable=None):
        frames = [generated(engine, case, options.seed) for engine in engines]
        if not options.beside:
            frames.insert(0, halved(frames[0]))
        rows.append(enlarged([skeletons(case, SIDE)[SHOWN], *frames]))
        titles.append(f"{case.prompt}   (pose | {' | '.join(f'{len(frame)} pixels' for frame in frames)})")
    print(options.output, save_webp(options.output, [contact_sheet(rows, titles)], LARGEST_FILE), "bytes")


def understood(engines: Sequence[Engine]) -> Iterator[Case]:
    """Pairs of character and scene that were shown and that were not, by turns."""
    kinds = [world_cases(pairs, CANDIDATES, FRAMES, SIDE) for pairs in PAIRS]
    for couple in zip(*kinds, strict=True):
        for case in couple:
            if not any(engine.unknown_words(case.prompt) for engine in engines):
                yield case


def generated(engine: Engine, case: Case, seed: int) -> np.ndarray:
    """A frame of the model's default size, (H, W, 3) uint8 RGB."""
    size = engine.pipeline.config.default_height
    (video,) = show(engine.pipeline, MODEL, [replace(case, skeletons=skeletons(case, size))], seed)
    return video[SHOWN]


def skeletons(case: Case, size: int) -> np.ndarray:
    window = cover(case.skeletons.shape[1:3], (size, size))
    return render_skeletons(window.map_points(case.keypoints), case.visible.astype(np.float32), size, size)


def halved(frame: np.ndarray) -> np.ndarray:
    height, width = frame.shape[:2]
    return resized(frame[None], height // 2, width // 2)[0]


def enlarged(frames: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([resized(frame[None], SIDE, SIDE) for frame in frames])


if __name__ == "__main__":
    main()
