"""The engine that the environment names: in the page's process, or replicas on Ray Serve."""

from __future__ import annotations

import os
from collections.abc import Mapping

from fyp_core.generation.engine import Engine
from fyp_serving.limits import Limits
from fyp_serving.settings import ReplicaSettings, replica_settings, require_ray_serve


def make_engine(model: str, limits: Limits, environment: Mapping[str, str] = os.environ) -> Engine:
    """The engine of a page.

    FYP_ENGINE is empty for one in this process, ``ray`` for replicas on this machine, or the address of a Ray cluster
    on which ``fyp serve`` has started them. FYP_REPLICAS is their number or range; FYP_REPLICA_CPUS and
    FYP_REPLICA_GPUS say what each takes.

    Raises:
        InputError: a variable cannot work, Ray Serve is not installed, or there is no cluster.
    """
    address = environment.get("FYP_ENGINE", "")
    if not address:
        return Engine(model, max_waiting=limits.queue, jobs_per_owner=limits.jobs_per_visitor)
    require_ray_serve()
    from fyp_serving.ray_engine import LOCAL, RayEngine, connect, deploy

    settings = settings_from(environment)
    connect(address)
    if address == LOCAL:
        deploy(settings, model)
    return RayEngine(settings, model, max_waiting=limits.queue, jobs_per_owner=limits.jobs_per_visitor)


def settings_from(environment: Mapping[str, str]) -> ReplicaSettings:
    """Read FYP_REPLICAS, FYP_REPLICA_CPUS and FYP_REPLICA_GPUS.

    Raises:
        InputError: one of them cannot work.
    """
    return replica_settings(
        environment.get("FYP_REPLICAS", "1"),
        cpus=environment.get("FYP_REPLICA_CPUS") or None,
        gpus=environment.get("FYP_REPLICA_GPUS") or None,
    )
