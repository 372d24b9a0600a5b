"""Windows of a long video: do seams show, and does it drift?

python -m benchmarks.windows [--frames 96] [--settings 16:4 24:4 32:4] [--output windows.json] [--sheet windows.png]

For each window and overlap: poses (PCK), flicker of the background at seams and elsewhere as a multiple of that of
the same frames denoised in one piece, and at the end of the video the distance of the colour histograms from those of
its beginning and whether character and scene are still seen.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.gpu.tables import as_markdown
from benchmarks.quality import Bench
from fyp_core.evaluation.cases import Case
from fyp_core.evaluation.scoring import measures
from fyp_core.presets import PRESETS, PresetName
from fyp_core.windows import plan_windows
from fyp_media.contact_sheet import save_sheet

WHOLE = "whole"
_END, _SHOWN = 8, 16  # frames: of the beginning and the end that are compared; of a row of the sheet
_BINS = 16  # of a histogram


def generate(bench: Bench, setting: str, preset: PresetName) -> tuple[list[np.ndarray], float]:
    """Videos of a window and overlap, ``"24:4"`` or ``"whole"``, and seconds a frame."""
    window, overlap = window_and_overlap(bench, setting)
    return bench.generate(at_once=1, preset=preset, window=window, window_overlap=overlap)


def window_and_overlap(bench: Bench, setting: str) -> tuple[int, int]:
    if setting == WHOLE:
        return len(bench.cases[0].skeletons), 0
    window, overlap = map(int, setting.split(":"))
    return window, overlap


def measure(
    bench: Bench, setting: str, videos: Sequence[np.ndarray], whole: Sequence[np.ndarray]
) -> dict[str, float]:
    """Means over the clips; ``whole`` are the videos denoised in one piece."""
    seams = seam_pairs(len(videos[0]), *window_and_overlap(bench, setting))
    rows = [
        _steadiness(bench, case, video, in_one_piece, seams)
        for case, video, in_one_piece in zip(bench.cases, videos, whole, strict=True)
    ]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def seam_pairs(frames: int, window: int, overlap: int) -> np.ndarray:
    """(F - 1,) bool: where the window that counts most changes from one frame to the next."""
    windows = plan_windows(frames, window, overlap)
    weights = np.zeros((len(windows), frames))
    for part in windows:
        weights[part.number, part.frames] = part.weights
    return np.diff(weights.argmax(0)) != 0


def _steadiness(
    bench: Bench, case: Case, video: np.ndarray, whole: np.ndarray, seams: np.ndarray
) -> dict[str, float]:
    own, in_one_piece = (_flicker(frames, case.skeletons) for frames in (video, whole))
    ratios = own / in_one_piece  # a motion flickers more in some places than in others, also without windows
    characters, scene = bench.judges.classify(video[-_END:], case.keypoints[-_END:], case.visible[-_END:])
    return {
        "flicker at seams, of that in one piece": float(np.nanmean(ratios[seams])) if seams.any() else 1.0,
        "elsewhere": float(np.nanmean(ratios[~seams])),
        "histogram distance": histogram_distance(video[:_END], video[-_END:]),
        "character at the end": float(characters == case.characters),
        "scene at the end": float(scene == case.scene),
    }


def _flicker(video: np.ndarray, skeletons: np.ndarray) -> np.ndarray:
    """(F - 1,) of the background, from each frame to the next."""
    pairs = [slice(first, first + 2) for first in range(len(video) - 1)]
    return np.array([measures.background_flicker(video[pair], skeletons[pair]) or np.nan for pair in pairs])


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
    parser.add_argument("--settings", nargs="+", default=["16:4", "24:4", "32:4"], metavar="WINDOW:OVERLAP")
    parser.add_argument("--output", type=Path, help="JSON to write, and Markdown next to it")
    parser.add_argument("--sheet", type=Path, help="PNG to write: the first clip of each setting")
    options = parser.parse_args()
    bench = Bench(options.model, options.clips, options.frames)
    rows, strips = [], []
    whole, whole_seconds = generate(bench, WHOLE, options.preset)
    for setting in (WHOLE, *options.settings):
        videos, seconds = (
            (whole, whole_seconds) if setting == WHOLE else generate(bench, setting, options.preset)
        )
        row = {"window:overlap": setting, **bench.judge(videos), **measure(bench, setting, videos, whole)}
        rows.append({**row, "s/frame": seconds})
        strips.append(videos[0][np.linspace(0, options.frames - 1, _SHOWN).astype(int)])
        print(json.dumps(rows[-1]), flush=True)
    if options.output:
        options.output.write_text(json.dumps(rows, indent=1))
        options.output.with_suffix(".md").write_text(as_markdown(rows))
    if options.sheet:
        save_sheet(options.sheet, strips, [WHOLE, *options.settings])


if __name__ == "__main__":
    main()
