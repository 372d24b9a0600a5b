"""Summaries of measured clips: means with confidence intervals, tables and JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np
from scipy import stats

from fyp_core.evaluation.cases import PAIRS, Case
from fyp_core.evaluation.records import Record
from fyp_core.evaluation.scoring.precision import average_precision

PCK = {"pck@0.1": 0.1, "pck@0.05": 0.05}  # with their thresholds
PRECISION = "oks_ap"
_CONFIDENCE = 0.95
_OVER_SEEDS = " Over seeds ± is due to the noise alone, not to the choice of clips."
_OVERLAP = " Clips of a short video overlap, which makes ± over clips look smaller than it is."
_FLICKER = " Flicker is of the clips in which the figures leave some background."


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
    """A mean and half of its 95 % confidence interval; None where it cannot be computed."""

    mean: float
    margin: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        """Student's t interval; it cannot be computed from equal values, for example all right."""
        count = len(values)
        if len(set(values)) < 2:
            return cls(fmean(values), None)
        quantile = stats.t.ppf((1 + _CONFIDENCE) / 2, count - 1)
        return cls(fmean(values), float(quantile * np.std(values, ddof=1) / np.sqrt(count)))


@dataclass(frozen=True)
class PromptResult:
    """The measures of all clips with one prompt."""

    clips: int
    measures: dict[str, Estimate]


@dataclass(frozen=True)
class SourceResult:
    """The measures of one source on one group of cases.

    over: what the intervals are over: "seeds" (means of all clips, one a seed of the noise), or "clips" where
        there is one seed.
    prompts: the same of each prompt.
    """

    source: str
    group: str
    clips: int
    seeds: int
    over: str
    measures: dict[str, Estimate]
    prompts: dict[str, PromptResult]


def summarise(measured: Sequence[tuple[Case, Record]]) -> list[SourceResult]:
    """One result a source and group, in the order they come in."""
    cells: dict[tuple[str, str], list[tuple[Case, Record]]] = defaultdict(list)
    for case, record in measured:
        cells[record.source, case.group].append((case, record))
    return [_result(source, group, cell) for (source, group), cell in cells.items()]


def _result(source: str, group: str, cell: list[tuple[Case, Record]]) -> SourceResult:
    seeds = len(_by(cell, lambda record: record.seed))
    over = "seeds" if seeds > 1 else "clips"
    prompts = {
        prompt: PromptResult(_clips(part), _estimates(part, over))
        for prompt, part in _by(cell, lambda record: record.prompt).items()
    }
    return SourceResult(source, group, _clips(cell), seeds, over, _estimates(cell, over), prompts)


def _clips(cell: list[tuple[Case, Record]]) -> int:
    return len(_by(cell, lambda record: record.index))


def _by(
    cell: list[tuple[Case, Record]], key: Callable[[Record], Any]
) -> dict[Any, list[tuple[Case, Record]]]:
    parts = defaultdict(list)
    for case, record in cell:
        parts[key(record)].append((case, record))
    return dict(parts)


def _estimates(cell: list[tuple[Case, Record]], over: str) -> dict[str, Estimate]:
    """Measures in their usual order; those that none of the records has are left out."""
    found = {name: Estimate.of(values) for name in MEASURES if (values := _values(cell, name, over))}
    if over == "seeds":
        seeds = _by(cell, lambda record: record.seed).values()
        found[PRECISION] = Estimate.of([_precision(part) for part in seeds])
    else:
        found[PRECISION] = Estimate(_precision(cell), None)  # a single clip has too few frames for one
    return {name: found[name] for name in MEASURES if name in found}


def _values(cell: list[tuple[Case, Record]], name: str, over: str) -> list[float]:
    """A measure of each clip, or its means over the clips of each seed."""
    known = [(case, record) for case, record in cell if name in record.measures]
    parts = _by(known, lambda record: record.seed if over == "seeds" else record.index)
    return [fmean(record.measures[name] for _, record in part) for part in parts.values()]


def _precision(records: list[tuple[Case, Record]]) -> float:
    """Of all people, one at a time: the judges look into the box of each."""
    return average_precision(
        (case.keypoints[:, person], case.visible[:, person], joints[:, person], scores[:, person])
        for case, record in records
        for joints, scores in [record.found()]
        for person in range(case.keypoints.shape[1])
    )


def as_table(results: Sequence[SourceResult]) -> str:
    """A Markdown table of sources; in every cell the groups, in their order, apart by slashes."""
    groups = list(dict.fromkeys(result.group for result in results))
    names = [name for name in MEASURES if any(name in result.measures for result in results)]
    lines = [
        f"| {' / '.join(groups).replace('_', '-')} | {' | '.join(MEASURES[name].title for name in names)} |",
        f"|{'---|' * (len(names) + 1)}",
    ]
    measures = {(result.source, result.group): result.measures for result in results}
    for source in dict.fromkeys(result.source for result in results):
        rows = [measures.get((source, group), {}) for group in groups]
        cells = [" / ".join(_cell(row.get(name), MEASURES[name].digits) for row in rows) for name in names]
        lines.append(f"| {source} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(estimate: Estimate | None, digits: int) -> str:
    if estimate is None:
        return "–"
    margin = "" if estimate.margin is None else f" ± {estimate.margin:.{digits}f}"
    return f"{estimate.mean:.{digits}f}{margin}"


def as_summary(results: Sequence[SourceResult]) -> str:
    """The table, and what its intervals are, in Markdown."""
    return f"{as_table(results)}\n\n{_note(results)}"


def as_document(results: Sequence[SourceResult], settings: dict[str, Any]) -> str:
    """The summary, what was measured how, and the measures of each prompt, in Markdown."""
    parts = ["# Evaluation", as_summary(results), _settings_list(settings)]
    for result in results:
        title = f"## {result.source}, {result.group.replace('_', '-')}: each prompt"
        parts += [title, _prompt_table(result)]
    return "\n\n".join(parts) + "\n"


def as_json(results: Sequence[SourceResult], settings: dict[str, Any]) -> dict[str, Any]:
    """Everything, as plain values."""
    return {"settings": settings, "results": [asdict(result) for result in results]}


def _note(results: Sequence[SourceResult]) -> str:
    few, many = (find(result.clips for result in results) for find in (min, max))
    seeds = max(result.seeds for result in results)
    names = {"seeds": "means of the seeds", "clips": "clips"}
    kinds = [kind for kind in names if any(result.over == kind for result in results)]
    over = " or, where there is one seed, ".join(names[kind] for kind in kinds)
    text = (
        f"{many if few == many else f'{few} to {many}'} clips a cell, {seeds}"
        f" {'seed' if seeds == 1 else 'seeds'} of the noise. ± is half of a 95 % confidence interval (Student's t)"
        f" over {over}."
    )
    if "seeds" in kinds:
        text += _OVER_SEEDS
    if "clips" in kinds and not {result.group for result in results} <= set(PAIRS):
        text += _OVERLAP
    if any("flicker" in result.measures for result in results):
        text += _FLICKER
    return text


def _settings_list(settings: dict[str, Any]) -> str:
    return "\n".join(f"* {name}: {_text(value)}" for name, value in settings.items())


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = [f"{name} ({part})" for name, part in value.items()]
    return "; ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _prompt_table(result: SourceResult) -> str:
    names = list(result.measures)
    titles = " | ".join(MEASURES[name].title for name in names)
    lines = [f"| prompt | clips | {titles} |", f"|{'---|' * (len(names) + 2)}"]
    for prompt, part in result.prompts.items():
        cells = " | ".join(_cell(part.measures.get(name), MEASURES[name].digits) for name in names)
        text = prompt.replace("|", "\\|")
        lines.append(f"| {text} | {part.clips} | {cells} |")
    return "\n".join(lines)
