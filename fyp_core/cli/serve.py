"""``fyp serve``: replicas of a model on Ray Serve, for a page whose FYP_ENGINE names their cluster."""

from __future__ import annotations

import argparse
import json
import signal
import threading

from fyp_core.cli.options import add_setting_options, given_settings
from fyp_core.generation.device import Runtime
from fyp_core.settings import validated
from fyp_serving.engines.settings import ServeSettings, require_ray_serve


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the command: one for each field of its settings."""
    add_setting_options(parser, ServeSettings)
    parser.set_defaults(run=serve)


def serve(options: argparse.Namespace) -> None:
    """Start replicas, or replace those that run, and keep them until Ctrl-C or SIGTERM."""
    settings = validated(ServeSettings, given_settings(options, ServeSettings), "--")
    require_ray_serve()
    from fyp_serving.engines.ray_engine import connect, deploy

    connect(settings.address)
    deploy(settings, settings.model, runtime=Runtime(dtype=settings.dtype))
    report = {"model": settings.model, "replicas": list(settings.replicas), "address": settings.address}
    print(
        json.dumps(report) if options.json else f"Replicas of {settings.model} run; Ctrl-C ends them.",
        flush=True,
    )
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
