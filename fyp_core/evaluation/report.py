"""From measured clips to numbers with confidence intervals, tables and JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np
from scipy import stats

from fyp_core.evaluation.precision import average_precision
from fyp_core.evaluation.records import Record
from fyp_core.evaluation.shots import PAIRS, Shot

PCK = {"pck@0.1": 0.1, "pck@0.05": 0.05}  # with their thresholds
PRECISION = "oks_ap"
_CONFIDENCE = 0.95
_OVERLAP = " Clips of a short video overlap, which makes ± look smaller than it is."


@dataclass(frozen=True)
class Measure:
    """How a measure is shown."""

    title: str
    digits: int = 3


MEASURES = {
    "pck@0.1": Measure("PCK@0.1"),
    "pck@0.05": Measure("PCK@0.05"),
    PRECISION: Measure("OKS-AP"),
    "character": Measure("character"),
    "scene": Measure("scene"),
    "clip_score": Measure("CLIPScore", 2),
    "similarity": Measure("similarity of neighbours", 4),
    "warp_error": Measure("warping error (0–255)", 2),
    "flicker": Measure("background flicker (0–255)", 2),
}


@dataclass(frozen=True)
class Estimate:
    """A mean and half of its 95 % confidence interval; None where that cannot be told."""

    mean: float
    margin: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        """Student's t interval."""
        count = len(values)
        if count < 2:
            return cls(fmean(values), None)
        quantile = stats.t.ppf((1 + _CONFIDENCE) / 2, count - 1)
        return cls(fmean(values), float(quantile * np.std(values, ddof=1) / np.sqrt(count)))


@dataclass(frozen=True)
class Result:
    """The measures of one source on one group of shots.

    over: what the intervals are over: "seeds" (means of all clips, one a seed of the noise), or "clips" where
        there is one seed.
    prompts: of each prompt its measures, intervals over seeds.
    """

    source: str
    group: str
    clips: int
    seeds: int
    over: str
    measures: dict[str, Estimate]
    prompts: dict[str, dict[str, Estimate]]


def summarise(measured: Sequence[tuple[Shot, Record]]) -> list[Result]:
    """One result a source and group, in the order they come in."""
    cells: dict[tuple[str, str], list[tuple[Shot, Record]]] = defaultdict(list)
    for shot, record in measured:
        cells[record.source, shot.group].append((shot, record))
    return [_result(source, group, cell) for (source, group), cell in cells.items()]


def _result(source: str, group: str, cell: list[tuple[Shot, Record]]) -> Result:
    seeds = _by(cell, lambda record: record.seed)
    prompts = _by(cell, lambda record: f"{record.index}: {record.prompt}")
    if len(seeds) > 1:
        over, total = "seeds", _estimates(list(seeds.values()))
    else:
        over, total = "clips", _estimates([[one] for one in cell])
        total[PRECISION] = Estimate(_precision(cell), None)
    details = {
        prompt: _estimates(list(_by(part, lambda record: record.seed).values()))
        for prompt, part in prompts.items()
    }
    return Result(source, group, len(prompts), len(seeds), over, total, details)


def _by(cell: list[tuple[Shot, Record]], key: Any) -> dict[Any, list[tuple[Shot, Record]]]:
    parts = defaultdict(list)
    for shot, record in cell:
        parts[key(record)].append((shot, record))
    return dict(parts)


def _estimates(samples: list[list[tuple[Shot, Record]]]) -> dict[str, Estimate]:
    """Of each measure, over samples of records; measures in their usual order."""
    known = samples[0][0][1].measures
    values = {name: [fmean(r.measures[name] for _, r in sample) for sample in samples] for name in known}
    values[PRECISION] = [_precision(sample) for sample in samples]
    return {name: Estimate.of(values[name]) for name in MEASURES if name in values}


def _precision(records: list[tuple[Shot, Record]]) -> float:
    return average_precision((shot.keypoints, shot.visible, *record.found()) for shot, record in records)


def as_table(results: Sequence[Result]) -> str:
    """A Markdown table of sources; in every cell the groups, in their order, apart by slashes."""
    groups = list(dict.fromkeys(result.group for result in results))
    names = [name for name in MEASURES if any(name in result.measures for result in results)]
    lines = [
        f"| {' / '.join(groups).replace('_', '-')} | {' | '.join(MEASURES[name].title for name in names)} |",
        f"|{'---|' * (len(names) + 1)}",
    ]
    for source in dict.fromkeys(result.source for result in results):
        rows = [result for result in results if result.source == source]
        cells = [
            " / ".join(_cell(row.measures.get(name), MEASURES[name].digits) for row in rows) for name in names
        ]
        lines.append(f"| {source} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(estimate: Estimate | None, digits: int) -> str:
    if estimate is None:
        return "–"
    margin = "" if estimate.margin is None else f" ± {estimate.margin:.{digits}f}"
    return f"{estimate.mean:.{digits}f}{margin}"


def as_document(results: Sequence[Result], settings: dict[str, Any]) -> str:
    """The table, what its intervals are, what was measured how, and the measures of each prompt, in Markdown."""
    parts = ["# Evaluation", as_table(results), _note(results), _settings_list(settings)]
    for result in results:
        if result.prompts and result.seeds > 1:
            parts += [
                f"## {result.source}, {result.group.replace('_', '-')}: each prompt",
                _prompt_table(result),
            ]
    return "\n\n".join(parts) + "\n"


def as_json(results: Sequence[Result], settings: dict[str, Any]) -> dict[str, Any]:
    """Everything, as plain values."""
    return {"settings": settings, "results": [asdict(result) for result in results]}


def _note(results: Sequence[Result]) -> str:
    clips = max(result.clips for result in results)
    seeds = max(result.seeds for result in results)
    names = {"seeds": "means of the seeds", "clips": "clips"}
    over = " or, where there is one seed, ".join(
        names[kind] for kind in names if any(result.over == kind for result in results)
    )
    overlap = "" if {result.group for result in results} <= set(PAIRS) else _OVERLAP
    return (
        f"{clips} clips a cell, {seeds} {'seed' if seeds == 1 else 'seeds'} of the noise. ± is half of a 95 %"
        f" confidence interval (Student's t) over {over}.{overlap}"
    )


def _settings_list(settings: dict[str, Any]) -> str:
    return "\n".join(f"* {name}: {_text(value)}" for name, value in settings.items())


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = [f"{name} ({part})" for name, part in value.items()]
    return "; ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _prompt_table(result: Result) -> str:
    names = list(result.measures)
    head = f"| prompt | {' | '.join(MEASURES[name].title for name in names)} |\n|{'---|' * (len(names) + 1)}"
    rows = [
        f"| {prompt} | {' | '.join(_cell(measured.get(n), MEASURES[n].digits) for n in names)} |"
        for prompt, measured in result.prompts.items()
    ]
    return "\n".join([head, *rows])
