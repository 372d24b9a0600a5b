"""A contact sheet of an evaluation: the first clips, the best and the worst."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from fyp_core.evaluation.cases import Case
from fyp_core.evaluation.records import Record, Records
from fyp_core.evaluation.report import PCK
from fyp_core.evaluation.variants import prepared, show
from fyp_media.contact_sheet import save_sheet

if TYPE_CHECKING:
    from fyp_core.pipeline import FollowYourPosePipeline

_SHOWN = 3  # clips of each kind
_FRAMES = 8  # of a clip, evenly spread
_SEED = 0  # of the noise, the first that is measured


def save_gallery(
    path: Path,
    pipeline: FollowYourPosePipeline,
    source: str,
    cases: Sequence[Case],
    records: Records,
    sampling: dict[str, Any] | None = None,
) -> None:
    """Write skeletons over frames of the first, the best and the worst clips of each group, by their PCK.

    All are of the first seed, so that no clip is shown twice. They are generated again: an evaluation does not store
    its videos.
    """
    rows: list[np.ndarray] = []
    titles: list[str] = []
    chosen = [
        shown
        for _, members in groupby(cases, key=lambda case: case.group)
        for shown in _chosen(list(members), source, records)
    ]
    with prepared(pipeline, source):
        for kind, case, record in tqdm(chosen, desc="sheet", unit="clip", disable=None, leave=False):
            (video,) = show(pipeline, source, [case], _SEED, sampling)
            rows += [_spread(case.skeletons), _spread(video)]
            titles += [_title(kind, record), ""]
    save_sheet(path, rows, titles)


def _chosen(cases: list[Case], source: str, records: Records) -> list[tuple[str, Case, Record]]:
    """First, best and worst clips, none of them twice."""
    by_index = {case.index: case for case in cases}
    wanted = (source, cases[0].group, _SEED)
    measured = [r for r in records if (r.source, r.group, r.seed) == wanted and r.index in by_index]
    first = measured[:_SHOWN]
    ranked = sorted((record for record in measured if record not in first), key=_quality, reverse=True)
    best = ranked[:_SHOWN]
    worst = ranked[max(_SHOWN, len(ranked) - _SHOWN) :]
    kinds = {"first": first, "best": best, "worst": worst}
    return [(kind, by_index[r.index], r) for kind, chosen in kinds.items() for r in chosen]


def _quality(record: Record) -> float:
    return sum(record.measures[name] for name in PCK)


def _spread(video: np.ndarray) -> np.ndarray:
    return video[np.linspace(0, len(video) - 1, _FRAMES).round().astype(int)]


def _title(kind: str, record: Record) -> str:
    values = ", ".join(f"{name.upper()} {record.measures[name]:.2f}" for name in PCK)
    return f"{kind}, {record.group.replace('_', '-')} {record.index}: {record.prompt}  {values}"
