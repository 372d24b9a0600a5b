"""Which jobs the page takes, and who is informed of their end: what :mod:`fyp_serving` fills in."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from gradio.context import LocalContext

from fyp_core.generation.request import GenerationRequest


class JobOutcome:
    """How a job ended; set by who runs it.

    state: ``finished``, ``stopped`` or ``failed``.
    message: why it did not finish.
    seconds: of the phases of its videos.
    """

    def __init__(self) -> None:
        self.state = "failed"
        self.message = ""
        self.seconds: list[dict[str, float]] = []


class JobWatch:
    """Takes every job and records nothing; a page with limits has a :class:`fyp_serving.job_watch.LimitedJobWatch`.

    max_job_seconds: that a job may compute; None is no limit.
    max_live_seconds: that a camera may be live at a time; None is no limit, 0 switches it off.
    """

    max_job_seconds: float | None = None
    max_live_seconds: float | None = None

    def check(self, requests: Sequence[GenerationRequest]) -> None:
        """Raise InputError for a job that is not taken here."""

    def check_video(self, video: str | os.PathLike[str]) -> None:
        """Raise InputError for an input that is not taken here."""

    @contextmanager
    def job(self, requests: Sequence[GenerationRequest]) -> Iterator[JobOutcome]:
        """Watch the job that the block works on; the block sets its outcome."""
        yield JobOutcome()


def current_visitor() -> str | None:
    """The address that the request being handled came from; None where the page was not asked over HTTP.

    It counts as one visitor, because session names can be made up. Behind a reverse proxy it is the forwarded address.
    """
    request = LocalContext.request.get(None)
    client = getattr(request, "client", None)
    return None if client is None else str(client.host)


def current_listeners() -> tuple[str | None, str | None]:
    """The names under which the program that asked listens for its answer: those of its session and of its event."""
    request = LocalContext.request.get(None)
    return getattr(request, "session_hash", None), LocalContext.event_id.get(None)
