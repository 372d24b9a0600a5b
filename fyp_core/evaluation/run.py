"""Runs an evaluation: measures every case from every source and seed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from fyp_core.evaluation.cases import Case
from fyp_core.evaluation.records import Record, Records
from fyp_core.evaluation.report import PCK, SourceResult, summarise
from fyp_core.evaluation.scoring import measures
from fyp_core.evaluation.variants import AUTOENCODER, DEFAULT_SOURCES, MODEL, RENDERS, SOURCES, prepared, show
from fyp_media.errors import InputError

if TYPE_CHECKING:
    from fyp_core.evaluation.scoring.clip_score import ClipJudge
    from fyp_core.evaluation.scoring.judges import Judges
    from fyp_core.pipeline import FollowYourPosePipeline

_OF_RIGHT_FRAMES = (RENDERS, AUTOENCODER)  # and without noise


def evaluate(
    pipeline: FollowYourPosePipeline,
    judges: Judges,
    cases: Sequence[Case],
    *,
    sources: Sequence[str] = DEFAULT_SOURCES,
    seeds: int = 1,
    batch: int = 4,
    sampling: dict[str, Any] | None = None,
    clip: ClipJudge | None = None,
    records: Records | None = None,
) -> list[SourceResult]:
    """Measure a model's videos of cases.

    Args:
        cases: groups of them one after the other, see :func:`world_cases`.
        sources: what to measure; see :mod:`fyp_core.evaluation.variants`. Those that need the right frames are
            left out for cases that have none.
        seeds: of the noise, 0, 1, ...; the cases stay the same.
        batch: cases in one call of the pipeline.
        sampling: further arguments of the pipeline.
        clip: for text alignment with any words, and for frame consistency in place of the classifier.
        records: earlier measurements, to which new ones are added.

    Returns:
        One result for each source and group, in the order of both.
    """
    sources = list(dict.fromkeys(sources))  # repeated measurements would make intervals too small
    check_sources(sources, right_frames=any(case.frames is not None for case in cases))
    records = Records(None, {}) if records is None else records
    work = [(source, seed, part) for source in sources for seed, part in _parts(source, cases, seeds, batch)]
    with tqdm(total=sum(len(part) for _, _, part in work), unit="clip", disable=None) as bar:
        for source, parts in groupby(work, key=lambda item: item[0]):
            with prepared(pipeline, source):
                for _, seed, part in parts:
                    bar.set_description(f"{source}, {part[0].group}")
                    if any((source, case.group, case.index, seed) not in records for case in part):
                        videos = show(pipeline, source, part, seed, sampling)
                        records.add(
                            _measure(source, seed, case, video, judges, clip)
                            for case, video in zip(part, videos, strict=True)
                        )
                    bar.update(len(part))
    measured = [
        (case, records[source, case.group, case.index, seed]) for source, seed, part in work for case in part
    ]
    return summarise(measured)


def check_sources(sources: Sequence[str], *, right_frames: bool) -> None:
    """Raise InputError for an unknown source, and where no source can be shown.

    Args:
        right_frames: whether any case has them.
    """
    if unknown := [source for source in sources if source not in SOURCES]:
        raise InputError(f"There is no source {unknown[0]!r}; choose from {'; '.join(SOURCES)}.")
    if not right_frames and set(sources) <= set(_OF_RIGHT_FRAMES):
        raise InputError(
            f"Only the procedural world's clips have {' and '.join(sources)}; for other motions add the source {MODEL}."
        )


def _parts(source: str, cases: Sequence[Case], seeds: int, batch: int) -> Iterator[tuple[int, list[Case]]]:
    """Seeds and cases of one call each. Always the same parts, so that a continued evaluation gives the same."""
    noiseless = source in _OF_RIGHT_FRAMES
    for _, group in groupby(cases, key=lambda case: case.group):
        known = [case for case in group if case.frames is not None or not noiseless]
        for seed in range(1 if noiseless else seeds):
            for first in range(0, len(known), batch):
                yield seed, known[first : first + batch]


def _measure(
    source: str, seed: int, case: Case, video: np.ndarray, judges: Judges, clip: ClipJudge | None
) -> Record:
    asked = case.keypoints, case.visible
    points, scores = judges.find_joints(video, *asked)
    found = {
        name: measures.correct_keypoints_of_people(points, *asked, threshold)
        for name, threshold in PCK.items()
    }
    if case.characters:
        characters, scene = judges.classify(video, *asked)
        right = [one == other for one, other in zip(characters, case.characters, strict=True)]
        found |= {"character": fmean(right), "scene": float(scene == case.scene)}
    if clip:
        found["clip_score"] = clip.score(video, case.prompt)
    steadiness = {
        "similarity": measures.neighbour_similarity((clip or judges).features(video)),
        "warp_error": measures.warp_error(video),
        "flicker": measures.background_flicker(video, case.skeletons),
    }
    found |= {name: value for name, value in steadiness.items() if value is not None}
    joints = np.concatenate([points, scores[..., None]], axis=-1)
    return Record(source, case.group, case.index, seed, case.prompt, found, joints.round(3).tolist())
