"""Runs: a visitor's videos, made in the background even if the page is closed, and found again by an id."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fyp_core.generation.job import FinishedFrames, Job, JobCancelled, Preview
from fyp_core.generation.request import GenerationRequest
from fyp_media.errors import InputError
from fyp_page.job_watch import JobWatch, current_visitor

logger = logging.getLogger(__name__)

State = Literal["running", "finished", "stopped", "failed"]
_KEPT_SECONDS = 3600.0  # that a run can be found after its end
_MOST_KEPT = 1000  # runs that have ended
_MOST_FOLLOWERS = 4  # pages that show a run: a browser may have it open several times
_ABANDONED_AFTER = 900.0  # seconds after the page was closed; until then it may be opened again


@dataclass(frozen=True)
class Result:
    """A finished video.

    files: paths by kind: ``result``, ``skeleton``, ``source`` … .
    settings: those that made it, with seconds per phase and notices; JSON values.
    """

    files: dict[str, Path]
    prompt: str
    settings: dict[str, Any]

    @property
    def phases(self) -> dict[str, float]:
        """Seconds spent on each phase; empty for a result stored by a version that did not record them."""
        return self.settings.get("seconds", {})

    @property
    def notices(self) -> list[str]:
        """Sentences the visitor should read."""
        return self.settings.get("notices", [])


class Run:
    """One or several videos on the same motion, one after the other.

    Attributes:
        id: cannot be guessed: whoever knows it may see the run and stop it.
        version: goes up at every change.
        preview: (n, h, w, 3) uint8 RGB, the latest frames, denoised so far or decoded.
        message: why it failed or was stopped.
        notices: sentences the visitor should read while it runs.
    """

    def __init__(
        self,
        requests: Sequence[GenerationRequest],
        owner: str,
        id: str | None = None,
        deadline: float | None = None,
    ) -> None:
        self.requests = list(requests)
        self.owner = owner
        self.job = Job(
            lambda _progress: self._change(),
            on_preview=self._show_preview,
            on_frames=self._add_frames,
            owner=current_visitor(),
            deadline=deadline,
            abandoned_after=_ABANDONED_AFTER,
        )
        self.id = id or self.job.id
        self.version = 0
        self.state: State = "running"
        self.message = ""
        self.notices: list[str] = []
        self.results: list[Result] = []
        self.preview: np.ndarray | None = None
        self.decoded = 0  # frames
        self.ended: float | None = None
        self._followers: deque[object] = deque(maxlen=_MOST_FOLLOWERS)

    @property
    def is_running(self) -> bool:
        return self.state == "running"

    def add_follower(self) -> object:
        """Count one more page that shows the run and return its token; beyond the limit the oldest is dropped."""
        follower = object()
        self._followers.append(follower)
        return follower

    def has_follower(self, follower: object) -> bool:
        """Whether the page with this token may go on showing the run."""
        return follower in self._followers

    def add(self, result: Result) -> None:
        """Take a finished video; its preview is dropped."""
        self.preview, self.decoded = None, 0
        self.results.append(result)
        self._change()

    def show_notices(self, notices: list[str]) -> None:
        """Let the visitor read these while it runs."""
        self.notices = notices
        self._change()

    def end(self, state: State, message: str = "") -> None:
        """The run has finished, was stopped or failed; ``message`` says why."""
        self.preview = None  # frees memory: the run itself is kept for a while
        self.message, self.ended, self.state = message, time.monotonic(), state
        self._change()

    def _change(self) -> None:
        self.version += 1

    def _show_preview(self, preview: Preview) -> None:
        self.preview = preview.frames
        self._change()

    def _add_frames(self, finished: FinishedFrames) -> None:
        self.preview = finished.frames
        self.decoded = finished.first + len(finished.frames)
        self._change()


class Runs:
    """All runs of this process, by id.

    Args:
        make: makes the videos of a run, each of which it adds; called in a thread of its own.
        watch: decides which are accepted.
    """

    def __init__(self, make: Callable[[Run], None], watch: JobWatch | None = None) -> None:
        self._make = make
        self.watch = watch or JobWatch()
        self._runs: dict[str, Run] = {}
        self._changing = threading.Lock()

    def start(self, requests: Sequence[GenerationRequest], owner: str, id: str | None = None) -> Run:
        """Begin to make a video for each request.

        Args:
            id: chosen by a program, which has to make it hard to guess.

        Raises:
            InputError: there is a run of that id, or it is beyond the page's limits.
        """
        self.watch.check(requests)
        run = Run(requests, owner, id, self.watch.max_job_seconds)
        with self._changing:
            self._forget_old()
            if run.id in self._runs:
                raise InputError("There is a job of that name already; choose another.")
            self._runs[run.id] = run
        context = contextvars.copy_context()  # it holds Gradio's request
        threading.Thread(target=context.run, args=(self._work, run), daemon=True).start()
        return run

    def _forget_old(self) -> None:
        oldest = time.monotonic() - _KEPT_SECONDS
        ended = sorted((run.ended, run.id) for run in self._runs.values() if run.ended is not None)
        for index, (end, id) in enumerate(ended):
            if end < oldest or index < len(ended) - _MOST_KEPT:
                del self._runs[id]

    def get(self, id: str | None) -> Run | None:
        """The run of an id, None where there is none (any more)."""
        return self._runs.get(id or "")

    @property
    def at_work(self) -> int:
        """Number of runs that compute or wait."""
        return sum(run.is_running for run in list(self._runs.values()))

    def cancel(self, id: str | None) -> bool:
        """Stop a run within one step; whether there was one that ran."""
        run = self.get(id)
        if run is None or not run.is_running:
            return False
        run.job.cancel()
        return True

    def cancel_all(self) -> None:
        """Stop all runs within one step."""
        for run in list(self._runs.values()):
            run.job.cancel()

    def _work(self, run: Run) -> None:
        with self.watch.job(run.requests) as outcome:
            self._make_all(run)
            outcome.state, outcome.message = run.state, run.message
            outcome.seconds = [result.phases for result in run.results]

    def _make_all(self, run: Run) -> None:
        try:
            self._make(run)
            run.end("finished")
        except InputError as error:
            run.end("failed", str(error))
        except JobCancelled as stopped:
            run.end("stopped", str(stopped))
        except Exception:
            logger.exception("A video could not be made.")
            run.end(
                "failed",
                "Something went wrong on the server; try again, with fewer frames where memory is short.",
            )
