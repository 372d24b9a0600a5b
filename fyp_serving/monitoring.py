"""Routes for operators: health, readiness and metrics."""

from __future__ import annotations

import ipaddress
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_OF_PROXIES = ("forwarded", "x-forwarded-for", "x-real-ip", "via")  # headers
_PHASE_BUCKETS = (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)  # seconds


class Metrics:
    """Numbers in the format of Prometheus, https://prometheus.io/docs/instrumenting/exposition_formats/.

    jobs: by outcome, ``finished``, ``stopped``, ``failed`` or ``refused``.
    at_work: jobs that run or wait.
    phases: seconds, by phase.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # memory, processor time, open files
        self.jobs = Counter("fyp_jobs", "Jobs by outcome", ["outcome"], registry=self.registry)
        self.at_work = Gauge("fyp_jobs_at_work", "Jobs that run or wait", registry=self.registry)
        self.phases = Histogram(
            "fyp_phase_seconds",
            "Seconds of a phase",
            ["phase"],
            buckets=_PHASE_BUCKETS,
            registry=self.registry,
        )

    def watch_queue(self, length: Callable[[], float]) -> None:
        """Export the number of jobs in the engine's queue, running ones included."""
        Gauge("fyp_jobs_in_queue", "Jobs in the queue", registry=self.registry).set_function(length)

    def watch_disk(self, folder: Path, used: Callable[[], float]) -> None:
        """Export the size of visitors' files, and the free space of their disk."""
        disk = Gauge("fyp_disk_used_bytes", "Visitors' files", registry=self.registry)
        disk.set_function(used)
        free = Gauge("fyp_disk_free_bytes", "Free where visitors' files are", registry=self.registry)
        free.set_function(lambda: shutil.disk_usage(folder).free)


def routes(metrics: Metrics, is_ready: Callable[[], bool], token: SecretStr | None = None) -> list[Route]:
    """``/healthz`` answers while the page runs, ``/readyz`` once it takes jobs, ``/metrics`` numbers.

    Args:
        token: with which ``/metrics`` may be read from everywhere; without it only from this machine.
    """

    def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok")

    def readyz(_request: Request) -> Response:
        return PlainTextResponse("ready") if is_ready() else PlainTextResponse("not ready", 503)

    def show_metrics(request: Request) -> Response:
        if not (_is_from_here(request) or _has_token(request, token)):
            return PlainTextResponse("The metrics are for this machine, or for a token.", 403)
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", show_metrics)]


def _is_from_here(request: Request) -> bool:
    """Whether a request comes from this machine, and was not forwarded by a proxy."""
    if request.client is None or any(name in request.headers for name in _OF_PROXIES):
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _has_token(request: Request, token: SecretStr | None) -> bool:
    given = request.headers.get("authorization", "").encode()
    return token is not None and secrets.compare_digest(given, f"Bearer {token.get_secret_value()}".encode())
