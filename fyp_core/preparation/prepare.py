"""Run a preparation: Ray's workers make the missing shards, and this process finishes them."""

from __future__ import annotations

import json
import os
import pickle
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fyp_core.preparation.cluster import Cluster, connect
from fyp_core.preparation.collection import open_collection
from fyp_core.preparation.filters import Filters
from fyp_core.preparation.prepared_set import PreparedSet, settings_of
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
    *,
    estimator: str = AUTO,
    weights: str | None = None,
    filters: Filters | None = None,
    shard_size: int = 500,
    path_column: str = "path",
    caption_column: str = "caption",
    address: str | None = None,
    workers: int | None = None,
    gpus_per_worker: float | None = None,
    progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Find people and their poses in captioned pictures and write what is fit for training as shards.

    Interrupted at any moment and started again, it continues after the finished shards, and includes pictures that
    were added since.

    Args:
        source: see :func:`fyp_core.preparation.collection.open_collection`.
        target: folder of the set; see :mod:`fyp_core.preparation`.
        estimator: see :func:`pose_extraction.estimators.factory.choose_estimator`, ``weights`` as well; what ``auto``
            becomes is decided here, once for all workers and for the set.
        filters: what is kept.
        shard_size: pictures looked at for one shard.
        address: of a Ray cluster; by default Ray is started here.
        workers: processes; by default one a GPU or, without, one a processor.

    Returns:
        what ``summary.json`` holds.

    Raises:
        InputError: there are no pictures, the target cannot be written or holds a set made with other settings,
            or the estimator or Ray is not available.
    """
    filters = filters or Filters()
    collection = open_collection(
        source, shard_size=shard_size, path_column=path_column, caption_column=caption_column
    )
    if os.path.abspath(source) == os.path.abspath(target):
        raise InputError(f"{target} is the input itself; choose another folder to write.")
    estimator = _resolve_estimator(estimator, weights, target)
    settings = {
        "input": source if is_address(source) else os.path.abspath(source),
        "estimator": estimator,
        "weights": weights,
        "caption": caption_column,
        **asdict(filters),
    }
    with PreparedSet.locked(target, settings) as prepared:
        plans = prepared.missing(collection)
        work = {
            "folder": str(prepared.unfinished),
            "estimator": estimator,
            "weights": weights,
            "filters": filters,
            "caption_key": caption_column,
        }
        started = time.perf_counter()
        seen = 0
        if plans:
            with connect(address, workers, gpus_per_worker) as cluster:
                seen = _make(prepared, plans, cluster, work, progress)
        seconds = time.perf_counter() - started
        run = {"seen": seen, "seconds": round(seconds, 1), "pictures_per_second": round(seen / seconds, 2)}
        return prepared.summarise(run)


def _resolve_estimator(estimator: str, weights: str | None, target: str | Path) -> str:
    """The name behind ``auto``: the set's, or what suits this machine; not left to each worker, which might differ."""
    if estimator != AUTO:
        return estimator
    before = settings_of(Path(target)).get("estimator")
    return before or choose_estimator(AUTO, weights, stills=True)[0].name


def _make(
    prepared: PreparedSet,
    plans: list[ShardPlan],
    cluster: Cluster,
    work: dict[str, Any],
    progress: OnProgress | None,
) -> int:
    """Finish the shards as they come; returns how many pictures were looked at."""
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
