"""The search behind the presets: quality against time of many ways of sampling, and of the presets themselves.

python -m benchmarks.presets [--clips 12] [--only-presets] [--output presets.json] [--picture docs/presets.png]

Each way is judged on clips of the procedural world with the noise of ``exact``: poses (PCK), character, scene, flicker,
and the distance from ``exact`` in dB. Time is that of the processor, as a multiple of ``exact``'s speed in this run.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.tables import as_markdown
from benchmarks.quality import Bench, decibels
from fyp_core.presets import PRESETS

SCHEDULERS = ("dpmpp-2m", "unipc")
STEPS = (3, 4, 6, 8)
REUSE_AND_END = ((1, 1.0), (2, 1.0), (1, 0.6))  # features reused, share of the steps with guidance
TIME, QUALITY = "times as fast", "PCK@0.05"


def ways(only_presets: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and settings of a request: the presets, then the grid."""
    for name in PRESETS:
        yield name, {"preset": name}
    if only_presets:
        return
    for scheduler, steps, (reuse, end) in itertools.product(SCHEDULERS, STEPS, REUSE_AND_END):
        settings = {"scheduler": scheduler, "steps": steps, "reuse": reuse, "guidance_end": end}
        yield f"{scheduler}, {steps} steps, reuse {reuse}, guidance to {end:g}", settings


def search(bench: Bench, only_presets: bool) -> Iterator[dict[str, Any]]:
    """A row for each way of sampling; the first is ``exact``."""
    exact: list[np.ndarray] | None = None
    exact_seconds = 0.0
    for name, settings in ways(only_presets):
        videos, seconds = bench.generate(**settings)
        if exact is None:
            exact, exact_seconds = videos, seconds
        yield {
            "way": name,
            **bench.judge(videos),
            "dB": decibels(videos, exact),
            "s/frame": seconds,
            TIME: exact_seconds / seconds,
        }


def pareto(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that no other way beats in both time and quality, fastest last."""
    best = [row for row in rows if not any(o[TIME] > row[TIME] and o[QUALITY] >= row[QUALITY] for o in rows)]
    return sorted(best, key=lambda row: row[TIME])


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Quality against time, the presets named."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.scatter([row[TIME] for row in rows], [row[QUALITY] for row in rows], s=14, color="grey")
    front = pareto(rows)
    axes.plot([row[TIME] for row in front], [row[QUALITY] for row in front], color="tab:blue", linewidth=1)
    for row in rows:
        if row["way"] in PRESETS:
            axes.scatter(row[TIME], row[QUALITY], s=50, color="tab:orange")
            axes.annotate(row["way"], (row[TIME], row[QUALITY]), xytext=(6, 6), textcoords="offset points")
    axes.set_xlabel("times as fast as exact")
    axes.set_ylabel(QUALITY)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", default="mini")
    parser.add_argument("--clips", type=int, default=12, help="of each kind of pair")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--only-presets", action="store_true", help="without the grid")
    parser.add_argument("--output", type=Path, help="JSON to write, and Markdown next to it")
    parser.add_argument("--picture", type=Path, help="PNG to write: quality against time")
    options = parser.parse_args()
    rows = []
    for row in search(Bench(options.model, options.clips, options.frames), options.only_presets):
        print(json.dumps(row), flush=True)
        rows.append(row)
        if options.output:  # a long search leaves what it has found
            options.output.write_text(json.dumps(rows, indent=1))
            options.output.with_suffix(".md").write_text(as_markdown(rows))
    if options.picture:
        draw(rows, options.picture)


if __name__ == "__main__":
    main()
