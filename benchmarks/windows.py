"""Windows of a long video: do seams show, and does it drift?

python -m benchmarks.windows [--frames 96] [--settings whole 16:4 24:6] [--output windows.json] [--sheet windows.png]

For each window and overlap: poses (PCK), flicker of the background at seams against elsewhere, and at the end of the
video against its beginning the distance of the colour histograms and whether character and scene are still seen.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality import Bench, as_markdown
from fyp_core.evaluation import measures
from fyp_core.evaluation.cases import Shot
from fyp_core.presets import PRESETS, PresetName
from fyp_core.windows import plan_windows
from fyp_media.contact_sheet import save_sheet

WHOLE = "whole"
_END, _SHOWN = 8, 16  # frames: of the beginning and the end that are compared; of a row of the sheet
_BINS = 16  # of a histogram


def measure(bench: Bench, setting: str, preset: PresetName) -> tuple[dict[str, Any], list[np.ndarray]]:
    """A row of the table, and the videos."""
    frames = len(bench.shots[0].skeletons)
    window, overlap = (frames, 0) if setting == WHOLE else map(int, setting.split(":"))
    chosen = PRESETS[preset]
    sampling = {
        **chosen.sampling(bench.pipeline.config.default_num_inference_steps),
        "window": window,
        "window_overlap": overlap,
    }
    videos, seconds = bench.generate(chosen.scheduler, sampling, at_once=1)
    seams = seam_pairs(frames, window, overlap)
    rows = [_steadiness(bench, shot, video, seams) for shot, video in zip(bench.shots, videos, strict=True)]
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    ratio = means["flicker at seams"] / means["flicker elsewhere"] if seams.any() else 1.0
    return {
        "window:overlap": setting,
        **bench.judge(videos),
        **means,
        "seams / elsewhere": ratio,
        "s/frame": seconds,
    }, videos


def seam_pairs(frames: int, window: int, overlap: int) -> np.ndarray:
    """(F - 1,) bool: where the window that counts most changes from one frame to the next."""
    windows = plan_windows(frames, window, overlap)
    weights = np.zeros((len(windows), frames))
    for part in windows:
        weights[part.number, part.frames] = part.weights
    return np.diff(weights.argmax(0)) != 0


def _steadiness(bench: Bench, shot: Shot, video: np.ndarray, seams: np.ndarray) -> dict[str, float]:
    flicker = np.array(
        [
            measures.background_flicker(video[i : i + 2], shot.skeletons[i : i + 2]) or 0.0
            for i in range(len(video) - 1)
        ]
    )
    character, scene = bench.judges.classify(video[-_END:])
    return {
        "flicker at seams": float(flicker[seams].mean()) if seams.any() else float("nan"),
        "flicker elsewhere": float(flicker[~seams].mean()),
        "histogram distance": histogram_distance(video[:_END], video[-_END:]),
        "character at the end": float(character == shot.character),
        "scene at the end": float(scene == shot.scene),
    }


def histogram_distance(some: np.ndarray, others: np.ndarray) -> float:
    """Half the sum of absolute differences of the colour histograms, 0..1, mean over the channels."""

    def histogram(frames: np.ndarray, channel: int) -> np.ndarray:
        counts, _ = np.histogram(frames[..., channel], _BINS, (0, 256))
        return counts / counts.sum()

    channels = range(some.shape[-1])
    return float(np.mean([np.abs(histogram(some, c) - histogram(others, c)).sum() / 2 for c in channels]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="mini")
    parser.add_argument("--preset", choices=PRESETS, default="fast")
    parser.add_argument("--clips", type=int, default=1, help="of each kind of pair")
    parser.add_argument("--frames", type=int, default=96)
    parser.add_argument("--settings", nargs="+", default=[WHOLE, "16:4", "24:6"], metavar="WINDOW:OVERLAP")
    parser.add_argument("--output", type=Path, help="JSON to write; Markdown goes beside it")
    parser.add_argument("--sheet", type=Path, help="PNG to write: the first clip of each setting")
    options = parser.parse_args()
    bench = Bench(options.model, options.clips, options.frames)
    rows, strips = [], []
    for setting in options.settings:
        row, videos = measure(bench, setting, options.preset)
        print(json.dumps(row), flush=True)
        rows.append(row)
        strips.append(videos[0][np.linspace(0, options.frames - 1, _SHOWN).astype(int)])
    if options.output:
        options.output.write_text(json.dumps(rows, indent=1))
        options.output.with_suffix(".md").write_text(as_markdown(rows))
    if options.sheet:
        save_sheet(options.sheet, strips, options.settings)


if __name__ == "__main__":
    main()
