"""Make the page's stored results with ``mini``: ``python -m scripts.render_page_examples``.

Writes ``pose_example/results`` and ``pose_example/index.json``, which ``fyp_page/examples.py`` reads. The inputs are
those of ``scripts/render_examples.py``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from fyp_core.generation.engine import Engine, GenerationResult
from fyp_core.generation.guide import fine_skeletons
from fyp_core.generation.metadata import add_settings
from fyp_media.contact_sheet import save_sheet
from fyp_media.exports.poster import write_poster
from fyp_media.files import replacing
from fyp_media.fit import fit_frames
from fyp_media.write_video import SMALL, write_video
from scripts.pictures import (
    EXAMPLES_FOLDER,
    FIRST_SECONDS,
    PORTRAIT,
    USUAL,
    WIDE,
    generate,
    kind_of_example,
    resized,
)

SHOWN = 6  # frames of a result on the sheet
# File name, title, prompt, settings besides the usual ones.
EXAMPLES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("raw_man_jumping_jacks", "Jumping jacks", "an astronaut on the moon", FIRST_SECONDS),
    ("skeleton_macarena", "Macarena", "a panda on the beach", {}),
    ("raw_man_cheering", "Cheering", "a robot in Antarctica", {}),
    ("skeleton_two_people", "Two people", "two pandas in the park", {}),
    ("skeleton_three_people", "Three people, wide", "three robots on the beach", WIDE),
    ("raw_two_people", "Two people, disco", "Santa in the snow", {}),
    ("skeleton_portrait", "Hip sway, portrait", "Spiderman on the street", PORTRAIT),
    ("raw_woman_portrait", "Cheering, portrait", "an astronaut in the forest", PORTRAIT),
    ("skeleton_dribble", "Dribbling", "Iron man in the snow", {}),
    ("raw_woman_dancing", "Arm wave", "a stormtrooper in the desert", {}),
    ("skeleton_disco", "Disco", "Hulk on the sea", {}),
    ("skeleton_kick", "Kick", "Batman on the street", {}),
    ("skeleton_jumping_jacks", "Jumping jacks", "a policeman in the park", {}),
    ("skeleton_arm_wave", "Arm wave", "Superman on the mountain", {}),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="make only these results, and the index")
    parser.add_argument("--sheet", type=Path, help="also write a contact sheet of the results, to look at")
    options = parser.parse_args()
    engine = Engine(options.model)
    rows: dict[str, np.ndarray] = {}
    wanted = [example for example in EXAMPLES if not options.only or example[0] in options.only]
    for name, _, prompt, settings in tqdm(wanted, unit=" videos", disable=None):
        result = generate(engine, name, prompt, USUAL | settings)
        _store(name, result)
        rows[f"{name}: {prompt}"] = _shown(result)
    (EXAMPLES_FOLDER / "index.json").write_text(json.dumps(list(_index()), indent=2) + "\n", "utf-8")
    if options.sheet:
        save_sheet(options.sheet, list(rows.values()), list(rows))


def _store(name: str, result: GenerationResult) -> None:
    """The result with its settings, its poster, and of a raw video the skeletons."""
    path = EXAMPLES_FOLDER / "results" / f"{name}.mp4"
    with replacing(path) as scratch:
        write_video(scratch, result.frames, result.fps, encoding=SMALL)
        add_settings(scratch, result.settings())
    write_poster(path, path.with_suffix(".jpg"))
    if result.request.input_type == "raw":
        skeletons = fine_skeletons(result.request, result.guide)
        write_video(path.with_stem(f"{name}_skeleton"), skeletons, result.fps, encoding=SMALL)


def _index() -> Iterator[dict[str, Any]]:
    for name, title, prompt, settings in EXAMPLES:
        yield {
            "name": name,
            "title": title,
            "kind": kind_of_example(name),
            "prompt": prompt,
            "settings": USUAL | settings,
        }


def _shown(result: GenerationResult) -> np.ndarray:
    """Some frames, each under its skeleton, all of one size: (SHOWN, 320, 160, 3)."""
    chosen = np.linspace(0, len(result.frames) - 1, SHOWN).round().astype(int)
    skeletons = fit_frames(np.asarray(result.guide.skeletons)[chosen], *result.frames.shape[1:3])
    return resized(np.concatenate([skeletons, result.frames[chosen]], axis=1), 320, 160)


if __name__ == "__main__":
    main()
