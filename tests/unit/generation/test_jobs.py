"""Jobs take turns, in the order they came; too many are turned away; waiting ones can be cancelled."""

import threading
from collections.abc import Callable

import pytest

from fyp_core.generation.job import Job, JobCancelled, Line, Progress
from fyp_media.errors import InputError

PATIENCE = 10  # seconds


def start(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


class Waiting:
    """A job in a line, and the means to know that it waits."""

    def __init__(self, line: Line, name: str, done: list[str]) -> None:
        self.queued = threading.Event()
        self.outcome = "unfinished"
        self.job = Job(self._on_progress)

        def work() -> None:
            try:
                with line.turn(self.job):
                    done.append(name)
                self.outcome = "done"
            except JobCancelled:
                self.outcome = "cancelled"

        self.thread = start(work)
        assert self.queued.wait(PATIENCE)

    def _on_progress(self, progress: Progress) -> None:
        assert progress.phase == "wait"
        self.queued.set()


def test_first_come_first_served_and_the_last_turned_away() -> None:
    line, done = Line(longest=2), []
    with line.turn(Job()):
        waiting = [Waiting(line, name, done) for name in ("first", "second")]
        with pytest.raises(InputError, match="2 others are waiting"), line.turn(Job()):
            pass
    for one in waiting:
        one.thread.join(PATIENCE)
    assert done == ["first", "second"]


def test_a_waiting_job_can_be_cancelled() -> None:
    line, done = Line(longest=2), []
    with line.turn(Job()):
        cancelled, patient = Waiting(line, "cancelled", done), Waiting(line, "patient", done)
        cancelled.job.cancel()
        cancelled.thread.join(PATIENCE)
        assert cancelled.outcome == "cancelled"
    patient.thread.join(PATIENCE)
    assert done == ["patient"]


def test_a_failed_job_makes_room() -> None:
    line = Line(longest=0)
    with pytest.raises(RuntimeError), line.turn(Job()):
        raise RuntimeError
    with line.turn(Job()):
        pass
