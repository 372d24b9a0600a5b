"""The settings of a preparation, besides its filters. The command's options are derived from both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fyp_core.settings import Settings, setting
from pose_extraction.estimators.factory import AUTO, ESTIMATOR_NAMES

if TYPE_CHECKING:
    AnyEstimatorName = str
else:
    AnyEstimatorName = Literal[tuple(ESTIMATOR_NAMES)]

GROUPS = {"filters": "what is kept", "ray": "Ray"}  # of options


class PreparationSettings(Settings):
    """Who finds the people, how the collection is read, and on which machines."""

    estimator: AnyEstimatorName = setting(AUTO, "finds the people")
    weights: str | None = setting(None, "of the estimator", unset="the published ones", metavar="FILE")
    shard_size: int = setting(500, "pictures examined for one shard", metavar="N", ge=1)
    path_column: str = setting("path", "of a table", metavar="NAME")
    caption_column: str = setting("caption", "of a table, or of .json", metavar="NAME")
    address: str | None = setting(
        None,
        "a cluster that sees input and output",
        unset="Ray is started on this machine",
        group="ray",
        metavar="HOST:PORT",
    )
    workers: int | None = setting(
        None, "processes", unset="one a GPU, without GPUs one a processor", group="ray", metavar="N", ge=1
    )
    gpus_per_worker: float | None = setting(
        None, "a share of one", unset="1 where there are GPUs", group="ray", metavar="SHARE", ge=0, le=1
    )
