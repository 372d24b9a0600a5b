"""Make ``assets/samples.webp``, 24 prompts that were not chosen: ``python -m scripts.render_samples``.

The motions were not in its training; nor were the pairs of character and scene on the right, those on the left were.
Above each result are the skeletons that it follows.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fyp_core.evaluation.cases import PAIRS, Case, world_cases
from fyp_core.evaluation.variants import MODEL, show
from fyp_core.generation.engine import Engine
from fyp_media.contact_sheet import contact_sheet
from scripts.pictures import ROOT, resized, save_webp

ROWS = 12
FRAMES, SHOWN = 8, [0, 2, 5, 7]
SIDE = 160  # pixels of a picture
LARGEST_FILE = 300_000  # bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--seed", type=int, default=0, help="of the noise")
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--output", type=Path, default=ROOT / "assets/samples.webp")
    options = parser.parse_args()
    pipeline = Engine(options.model).pipeline
    size = pipeline.config.default_height
    rows: list[np.ndarray] = []
    titles: list[str] = []
    cases = zip(*(world_cases(pairs, options.rows, FRAMES, size) for pairs in PAIRS), strict=True)
    for couple in tqdm(list(cases), unit=" rows", disable=None):
        results = show(pipeline, MODEL, couple, options.seed)
        rows += [beside([case.skeletons for case in couple]), beside(results)]
        titles += ["  |  ".join(map(described, couple)), ""]
    print(options.output, save_webp(options.output, [contact_sheet(rows, titles)], LARGEST_FILE), "bytes")


def beside(videos: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([resized(video[SHOWN], SIDE, SIDE) for video in videos])


def described(case: Case) -> str:
    return f"{case.group.replace('_', '-')}: {case.prompt}"


if __name__ == "__main__":
    main()
