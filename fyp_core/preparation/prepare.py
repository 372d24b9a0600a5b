"""Run a preparation: Ray's workers make the missing shards, and this process finishes them."""

from __future__ import annotations

import json
import os
import pickle
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fyp_core.preparation.cluster import Cluster, connect
from fyp_core.preparation.collection import open_collection
from fyp_core.preparation.filters import Filters
from fyp_core.preparation.prepared_set import PreparedSet, stored_settings
from fyp_core.preparation.settings import PreparationSettings
from fyp_core.preparation.shard_maker import ShardMaker, ShardPlan, ShardRecord
from fyp_core.training.data.shards import is_address
from fyp_media.errors import InputError
from pose_extraction.estimators.factory import AUTO, choose_estimator

OnProgress = Callable[[int, int, Counter[str]], None]
"""Called with units done and in all, and how many pictures were kept or rejected for which reason."""

KEPT = "kept"


def prepare(
    source: str,
    target: str | Path,
    settings: PreparationSettings | None = None,
    filters: Filters | None = None,
    progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Find people and their poses in captioned pictures and write the suitable ones as shards.

    Interrupted at any moment and started again, it continues after the finished shards, and includes pictures that
    were added since.

    Args:
        source: see :func:`fyp_core.preparation.collection.open_collection`.
        target: folder of the set; see :mod:`fyp_core.preparation`.
        settings: see there; the estimator ``auto`` is resolved here, once for all workers and for the set.
        filters: what is kept.

    Returns:
        what ``summary.json`` holds.

    Raises:
        InputError: there are no pictures, the target cannot be written or holds a set made with other settings,
            or the estimator or Ray is not available.
    """
    settings, filters = settings or PreparationSettings(), filters or Filters()
    collection = open_collection(
        source,
        shard_size=settings.shard_size,
        path_column=settings.path_column,
        caption_column=settings.caption_column,
    )
    if os.path.abspath(source) == os.path.abspath(target):
        raise InputError(f"{target} is the input itself; choose another folder to write.")
    estimator = _resolve_estimator(settings.estimator, settings.weights, target)
    kept_with = {
        "input": source if is_address(source) else os.path.abspath(source),
        "estimator": estimator,
        "weights": settings.weights,
        "caption": settings.caption_column,
        **filters.model_dump(),
    }
    with PreparedSet.locked(target, kept_with) as prepared:
        work = {
            "folder": str(prepared.unfinished),
            "estimator": estimator,
            "weights": settings.weights,
            "filters": filters,
            "caption_key": settings.caption_column,
        }
        return prepared.summarise(_run(prepared, prepared.missing(collection), settings, work, progress))


def _resolve_estimator(estimator: str, weights: str | None, target: str | Path) -> str:
    """The estimator for ``auto``: that of the set, or the best for this machine; workers on others might differ."""
    if estimator != AUTO:
        return estimator
    before = stored_settings(Path(target)).get("estimator")
    return before or choose_estimator(AUTO, weights, stills=True)[0].name


def _run(
    prepared: PreparedSet,
    plans: list[ShardPlan],
    settings: PreparationSettings,
    work: dict[str, Any],
    progress: OnProgress | None,
) -> dict[str, float]:
    """Make the shards; returns how many pictures were examined, and how fast."""
    start, seen = time.perf_counter(), 0
    if plans:
        with connect(settings.address, settings.workers, settings.gpus_per_worker) as cluster:
            seen = _make(prepared, plans, cluster, work, progress)
    seconds = time.perf_counter() - start
    return {"seen": seen, "seconds": round(seconds, 1), "pictures_per_second": round(seen / seconds, 2)}


def _make(
    prepared: PreparedSet,
    plans: list[ShardPlan],
    cluster: Cluster,
    work: dict[str, Any],
    progress: OnProgress | None,
) -> int:
    """Finish the shards as they come; returns how many pictures were examined."""
    done, total = 0, sum(len(plan.units) for plan in plans)
    counts: Counter[str] = Counter()
    rows = [{"plan": pickle.dumps(plan)} for plan in plans]
    for result in cluster.map(rows, ShardMaker, **work):
        if result["problem"]:
            raise InputError(result["problem"])
        record = ShardRecord(**json.loads(result["record"]))
        prepared.finish(record, result["shard"])
        done += len(record.units)
        counts += record.reasons() + Counter({KEPT: record.kept})
        if progress:
            progress(done, total, counts)
    return counts.total()
