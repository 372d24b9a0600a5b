"""Make the page's stored results with ``mini``, and the moving picture at its top:
``python -m scripts.render_page_examples``.

Writes ``pose_example/results`` and ``pose_example/index.json``, which ``fyp_page/examples.py`` reads, and
``assets/hero.webp``. The inputs are those of ``scripts/render_examples.py``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from fyp_core.generation.engine import Engine, GenerationResult
from fyp_core.generation.guide import fine_skeletons
from fyp_core.generation.metadata import add_settings
from fyp_core.generation.request import GenerationRequest
from fyp_media.contact_sheet import save_sheet
from fyp_media.exports.captions import caption_bar
from fyp_media.exports.poster import write_poster
from fyp_media.files import replacing
from fyp_media.fit import fit_frames
from fyp_media.read_video import sample_frames
from fyp_media.write_video import SMALL, write_video

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "pose_example"
USUAL: dict[str, Any] = {"frames": 16, "stride": 4, "seed": 0}  # two thirds of a second are 4 frames
PORTRAIT = {"aspect": "9:16"}
BEFORE_THE_END = {"frames": 13}  # in the last frames, where the hands are outside, MediaPipe misreads a leg
# File name, title, prompt, settings besides the usual ones.
EXAMPLES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("raw_man_jumping_jacks", "Jumping jacks", "an astronaut on the moon", BEFORE_THE_END),
    ("skeleton_macarena", "Macarena", "a panda on the beach", {}),
    ("raw_man_cheering", "Cheering", "a robot in Antarctica", {}),
    ("skeleton_two_people", "Two people", "Santa in the snow", {}),
    ("skeleton_portrait", "Hip sway, portrait", "Spiderman on the street", PORTRAIT),
    ("raw_woman_portrait", "Cheering, portrait", "an astronaut in the forest", PORTRAIT),
    ("skeleton_dribble", "Dribbling", "Iron man in the snow", {}),
    ("raw_woman_dancing", "Arm wave", "a stormtrooper in the desert", {}),
    ("skeleton_disco", "Disco", "Hulk on the sea", {}),
    ("skeleton_kick", "Kick", "Batman on the street", {}),
    ("skeleton_jumping_jacks", "Jumping jacks", "a policeman in the park", {}),
    ("skeleton_arm_wave", "Arm wave", "Superman on the mountain", {}),
)
HERO, HERO_SETTINGS = "raw_man_jumping_jacks", USUAL | BEFORE_THE_END
HERO_PROMPTS = (
    "an astronaut on the moon",
    "a robot in Antarctica",
    "a panda on the beach",
    "Hulk in the desert",
)
HERO_SIDE = 192  # pixels of each picture
HERO_QUALITY = 70  # of WebP, 0..100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="make only these results, and the index")
    parser.add_argument("--sheet", type=Path, help="also write a contact sheet of the results, to look at")
    options = parser.parse_args()
    engine = Engine(options.model)
    rows: dict[str, np.ndarray] = {}
    for name, _, prompt, settings in EXAMPLES:
        if not options.only or name in options.only:
            result = _generate(engine, name, prompt, USUAL | settings)
            _store(name, result)
            rows[f"{name}: {prompt}"] = _shown(result)
    (FOLDER / "index.json").write_text(json.dumps(list(_index()), indent=2) + "\n", "utf-8")
    if not options.only or "hero" in options.only:
        _write_hero(engine, ROOT / "assets/hero.webp")
    if options.sheet:
        save_sheet(options.sheet, list(rows.values()), list(rows))


def _generate(engine: Engine, name: str, prompt: str, settings: dict[str, Any]) -> GenerationResult:
    kind: Any = _kind(name)
    return engine.generate(
        GenerationRequest(input=FOLDER / f"{name}.mp4", prompt=prompt, input_type=kind, **settings)
    )


def _kind(name: str) -> str:
    return name.partition("_")[0]


def _store(name: str, result: GenerationResult) -> None:
    """The result with its settings, its poster, and of a raw video the skeletons."""
    path = FOLDER / "results" / f"{name}.mp4"
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
            "kind": _kind(name),
            "prompt": prompt,
            "settings": USUAL | settings,
        }


def _shown(result: GenerationResult) -> np.ndarray:
    """Every third frame over its skeleton, all in squares of one size."""
    size = result.frames.shape[1:3]
    skeletons = fit_frames(result.guide.skeletons[::3], *size)
    pairs = np.concatenate([skeletons, result.frames[::3]], axis=1)
    return np.stack([cv2.resize(pair, (160, 320), interpolation=cv2.INTER_AREA) for pair in pairs])


def _write_hero(engine: Engine, path: Path) -> None:
    """Source, skeleton and four results next to each other, in step, as an animated WebP that repeats."""
    results = [_generate(engine, HERO, prompt, HERO_SETTINGS) for prompt in HERO_PROMPTS]
    source = sample_frames(FOLDER / f"{HERO}.mp4", HERO_SETTINGS["frames"], stride=HERO_SETTINGS["stride"])
    skeletons = np.stack(list(fine_skeletons(results[0].request, results[0].guide)))
    columns = {"video": source, "pose": skeletons}
    columns |= {prompt: result.frames for prompt, result in zip(HERO_PROMPTS, results)}
    strips = [_captioned(*column) for column in columns.items()]
    pictures = [Image.fromarray(np.concatenate(row, axis=1)) for row in zip(*strips)]
    with replacing(path) as scratch:
        pictures[0].save(
            scratch,
            format="WEBP",
            save_all=True,
            append_images=pictures[1:],
            duration=round(1000 / results[0].fps),
            loop=0,
            quality=HERO_QUALITY,
            method=6,
        )


def _captioned(text: str, frames: np.ndarray) -> list[np.ndarray]:
    bar = caption_bar(text, HERO_SIDE, 15)
    size = HERO_SIDE, HERO_SIDE
    shrinks = frames.shape[1] > HERO_SIDE
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return [np.concatenate([cv2.resize(frame, size, interpolation=interpolation), bar]) for frame in frames]


if __name__ == "__main__":
    main()
