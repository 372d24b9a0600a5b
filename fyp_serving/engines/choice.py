"""The engine that the environment names: in the page's process, replicas on Ray Serve, or ZeroGPU."""

from __future__ import annotations

import os
from collections.abc import Mapping

from fyp_core.generation.engine import Engine
from fyp_core.settings import validated
from fyp_serving.engines.settings import LOCAL, ReplicaSettings, require_ray_serve
from fyp_serving.engines.zero_gpu import ZeroGpuEngine, import_spaces, is_zero_gpu
from fyp_serving.limits import Limits
from pose_extraction.pose_cache import PoseCache

REPLICA_VARIABLES = {"replicas": "FYP_REPLICAS", "cpus": "FYP_REPLICA_CPUS", "gpus": "FYP_REPLICA_GPUS"}
"""Variables by the fields of :class:`ReplicaSettings` that they set."""


def make_engine(model: str, limits: Limits, environment: Mapping[str, str] = os.environ) -> Engine:
    """The engine of a page.

    FYP_ENGINE is empty for one in this process, ``ray`` for replicas on this machine, or the address of a Ray cluster
    on which ``fyp serve`` has started them. FYP_REPLICAS is their number or range; FYP_REPLICA_CPUS and
    FYP_REPLICA_GPUS are the resources of each. Hugging Face sets SPACES_ZERO_GPU where it lends GPUs. Poses are kept on
    disk, unless visitors' files are deleted after some hours.

    Raises:
        InputError: a variable cannot work, a package is not installed, there is no cluster, or on ZeroGPU the model
            cannot be loaded.
    """
    engine = _engine(model, limits, environment)
    if limits.keep_seconds is not None:
        engine.pose_cache = PoseCache()  # in memory: what visitors' videos show does not stay on the disk
    return engine


def _engine(model: str, limits: Limits, environment: Mapping[str, str]) -> Engine:
    address = environment.get("FYP_ENGINE", "")
    if not address and is_zero_gpu(environment):
        return ZeroGpuEngine(
            import_spaces(), model, max_waiting=limits.queue, jobs_per_owner=limits.jobs_per_visitor
        )
    if not address:
        return Engine(model, max_waiting=limits.queue, jobs_per_owner=limits.jobs_per_visitor)
    require_ray_serve()
    from fyp_serving.engines.ray_engine import RayEngine, connect, deploy

    settings = settings_from(environment)
    connect(address)
    if address == LOCAL:
        deploy(settings, model)
    return RayEngine(settings, model, max_waiting=limits.queue, jobs_per_owner=limits.jobs_per_visitor)


def settings_from(environment: Mapping[str, str]) -> ReplicaSettings:
    """Read :data:`REPLICA_VARIABLES`.

    Raises:
        InputError: one of them cannot work.
    """
    given = {name: environment.get(variable) for name, variable in REPLICA_VARIABLES.items()}
    return validated(ReplicaSettings, {name: value for name, value in given.items() if value})
