"""``fyp serve``: replicas of a model on Ray Serve, for a page whose FYP_ENGINE names their cluster."""

from __future__ import annotations

import argparse
import json
import signal
import threading

from fyp_core.generation.device import AUTO_DTYPE, DTYPES, Runtime
from fyp_core.weights.sources import AUTO


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("--model", default=AUTO, help="as for generate; default: %(default)s")
    add(
        "--replicas",
        default="1",
        metavar="N|MIN-MAX",
        help="more start while jobs wait; default: %(default)s",
    )
    add("--cpus", type=float, default=1.0, metavar="N", help="CPU cores of a replica; default: %(default)g")
    add(
        "--gpus",
        type=float,
        default=0.0,
        metavar="N",
        help="GPUs of a replica, or a share of one; default: 0",
    )
    add("--dtype", choices=(AUTO_DTYPE, *DTYPES), default=AUTO_DTYPE, help="number format")
    add("--address", default="ray", help="of a Ray cluster; default: one of this machine alone is started")
    parser.set_defaults(run=serve)


def serve(options: argparse.Namespace) -> None:
    """Start replicas, or replace those that run, and keep them until Ctrl-C or SIGTERM."""
    from fyp_serving.settings import replica_settings, require_ray_serve

    settings = replica_settings(options.replicas, cpus=options.cpus, gpus=options.gpus)
    require_ray_serve()
    from fyp_serving.ray_engine import connect, deploy

    connect(options.address)
    deploy(settings, options.model, runtime=Runtime(dtype=options.dtype))
    report = {"model": options.model, "replicas": options.replicas, "address": options.address}
    print(
        json.dumps(report) if options.json else f"Replicas of {options.model} run; Ctrl-C ends them.",
        flush=True,
    )
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
