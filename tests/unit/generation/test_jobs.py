"""Jobs take turns, in the order they came; too many are refused; waiting ones can be cancelled."""

import threading
import time
from collections.abc import Callable

import pytest

from fyp_core.generation.job import Job, JobCancelled, JobQueue, Progress
from fyp_media.errors import InputError

PATIENCE = 10  # seconds


def start(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


class Waiting:
    """A job in a queue, and the means to know that it waits."""

    def __init__(self, queue: JobQueue, name: str, done: list[str]) -> None:
        self.queued = threading.Event()
        self.outcome = "unfinished"
        self.job = Job(self._on_progress)

        def work() -> None:
            try:
                with queue.turn(self.job):
                    done.append(name)
                self.outcome = "done"
            except JobCancelled:
                self.outcome = "cancelled"

        self.thread = start(work)
        assert self.queued.wait(PATIENCE)

    def _on_progress(self, progress: Progress) -> None:
        assert progress.phase == "wait"
        self.queued.set()


def test_first_come_first_served_and_the_last_refused() -> None:
    queue, done = JobQueue(max_waiting=2), []
    with queue.turn(Job()):
        waiting = [Waiting(queue, name, done) for name in ("first", "second")]
        assert [one.job.place for one in waiting] == [1, 2]
        with pytest.raises(InputError, match="2 others are waiting"), queue.turn(Job()):
            pass
    for one in waiting:
        one.thread.join(PATIENCE)
    assert done == ["first", "second"]


def test_a_waiting_job_can_be_cancelled() -> None:
    queue, done = JobQueue(max_waiting=2), []
    with queue.turn(Job()):
        cancelled, patient = Waiting(queue, "cancelled", done), Waiting(queue, "patient", done)
        cancelled.job.cancel()
        cancelled.thread.join(PATIENCE)
        assert cancelled.outcome == "cancelled"
        assert patient.job.place == 1
    patient.thread.join(PATIENCE)
    assert done == ["patient"]


def test_a_failed_job_makes_room() -> None:
    queue = JobQueue(max_waiting=0)
    with pytest.raises(RuntimeError), queue.turn(Job()):
        raise RuntimeError
    with queue.turn(Job()):
        pass


def test_an_owner_has_a_limited_number_of_jobs_and_others_are_not_affected() -> None:
    queue = JobQueue(jobs_per_owner=1)
    with queue.turn(Job(owner="a")):
        with pytest.raises(InputError, match="You have 1 job running"), queue.entered(Job(owner="a")):
            pass
        with pytest.raises(InputError, match="You have 1 job running or waiting"), queue.turn(Job(owner="a")):
            pass
        for other in (Job(owner="b"), Job()):
            with queue.entered(other):
                assert other.place == 1
    with queue.turn(Job(owner="a")):
        pass


def test_a_job_keeps_its_place_for_several_turns() -> None:
    queue, job = JobQueue(), Job()
    with queue.entered(job):
        with queue.turn(job), queue.turn(job):
            assert job.state == "running"
        assert (job.state, len(queue)) == ("waiting", 1)
    assert len(queue) == 0


def test_a_job_that_takes_too_long_is_stopped() -> None:
    job = Job(deadline=0.05)
    time.sleep(0.1)
    job.check()  # it has not begun
    with JobQueue().turn(job):
        time.sleep(0.1)
        with pytest.raises(InputError, match=r"longer than the 0\.05 s"):
            job.report("denoise", 1, 2)


def test_a_job_nobody_asks_for_is_stopped() -> None:
    job = Job(abandoned_after=0.1)
    for _ in range(4):
        time.sleep(0.05)
        job.ask()
        job.check()
    time.sleep(0.15)
    with pytest.raises(JobCancelled, match="Nobody has asked"):
        job.check()
    assert job.cancelled
