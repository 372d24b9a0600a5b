"""Which jobs the page accepts, and how their end is recorded: an interface that :mod:`fyp_serving` implements."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gradio.context import LocalContext

from fyp_core.generation.request import GenerationRequest


class JobOutcome:
    """How a job ended; set by the code that runs it.

    state: ``finished``, ``stopped`` or ``failed``.
    message: why it did not finish.
    seconds: of the phases of its videos.
    """

    def __init__(self) -> None:
        self.state = "failed"
        self.message = ""
        self.seconds: list[dict[str, float]] = []


class JobWatch:
    """Accepts every job and records nothing; a page with limits has a :class:`fyp_serving.job_watch.LimitedJobWatch`.

    max_job_seconds: that a job may compute; None is no limit.
    max_live_seconds: that a camera may be live at a time; None is no limit, 0 switches it off.
    """

    max_job_seconds: float | None = None
    max_live_seconds: float | None = None

    def check(self, requests: Sequence[GenerationRequest]) -> None:
        """Raise InputError for a job that is not accepted here."""

    def check_input(self, request: GenerationRequest) -> None:
        """Raise InputError for a request whose pose is not looked for here."""

    def check_video(self, video: str | os.PathLike[str]) -> None:
        """Raise InputError for an input that is not accepted here."""

    @contextmanager
    def job(self, requests: Sequence[GenerationRequest]) -> Iterator[JobOutcome]:
        """Watch the job that the block works on; the block sets its outcome."""
        yield JobOutcome()


def current_visitor() -> str | None:
    """The address that the request being handled came from; None outside of HTTP requests.

    An address counts as one visitor, because clients choose their session names. Behind a reverse proxy it is the
    forwarded address.
    """
    request = LocalContext.request.get(None)
    client = getattr(request, "client", None)
    return None if client is None else visitor_at(str(client.host))


def visitor_at(host: str) -> str:
    """The visitor of an address. IPv6 is handed out as networks of 64 bits: all addresses of one are one visitor."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), 64), strict=False))


def current_listeners() -> tuple[str | None, str | None]:
    """The session and the event of the request being handled, whose streams carry the answer to its program."""
    request = LocalContext.request.get(None)
    return getattr(request, "session_hash", None), LocalContext.event_id.get(None)
