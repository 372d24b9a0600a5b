"""Work in the background: found by its id, stopped, and what is said of an end."""

import time
from pathlib import Path

import pytest

from fyp_core.generation.job import Job, JobQueue
from fyp_core.generation.request import GenerationRequest
from fyp_media.errors import InputError
from fyp_page.handlers.views import status
from fyp_page.runs import Result, Run, Runs
from fyp_serving.job_watch import LimitedJobWatch
from fyp_serving.limits import Limits
from fyp_serving.monitoring import Metrics

REQUESTS = [GenerationRequest(input="v.mp4", prompt=prompt) for prompt in ("a robot", "a knight")]


def ended(run: Run) -> Run:
    deadline = time.monotonic() + 10
    while run.is_running and time.monotonic() < deadline:
        time.sleep(0.01)
    return run


def make_all(run: Run) -> None:
    for request in run.requests:
        run.add(Result({"result": Path("result.mp4")}, request.prompt, {}))


def wait_for_stop(run: Run) -> None:
    while True:
        run.job.report("denoise", 1, 2)
        time.sleep(0.01)


def test_a_run_is_found_by_its_id_alone() -> None:
    runs = Runs(make_all)
    run = ended(runs.start(REQUESTS, "owner"))
    assert runs.get(run.id) is run
    assert [result.prompt for result in run.results] == ["a robot", "a knight"]
    assert (run.state, status(run), runs.get("another"), runs.get(None)) == ("finished", "", None, None)


def test_a_run_has_few_followers_and_many_ended_runs_are_forgotten() -> None:
    runs = Runs(make_all)
    first = ended(runs.start(REQUESTS, "owner"))
    followers = [first.add_follower() for _ in range(6)]
    assert [first.has_follower(follower) for follower in followers] == [False] * 2 + [True] * 4
    for _ in range(1001):
        last = ended(runs.start([], "owner"))
    assert runs.get(first.id) is None
    assert runs.get(last.id) is last


def test_one_run_is_stopped_and_another_goes_on() -> None:
    runs = Runs(wait_for_stop)
    first, second = runs.start(REQUESTS, "owner"), runs.start(REQUESTS, "owner", "mine")
    with pytest.raises(InputError, match="job of that name"):
        runs.start(REQUESTS, "owner", "mine")
    assert runs.cancel(first.id)
    assert ended(first).state == "stopped"
    assert "Stopped." in status(first)
    assert second.is_running
    assert "Video 1 of 2: Denoising" in status(second)
    runs.cancel_all()
    assert ended(second).state == "stopped"
    assert not runs.cancel(first.id)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(InputError("There is <nobody>."), "There is &lt;nobody&gt;."), (RuntimeError("secret"), "went wrong")],
)
def test_an_error_ends_a_run_with_a_sentence(error: Exception, sentence: str) -> None:
    def fail(run: Run) -> None:
        raise error

    run = ended(Runs(fail).start(REQUESTS, "owner"))
    assert run.state == "failed"
    assert sentence in status(run)
    assert "secret" not in status(run)


def test_runs_are_counted_and_cost_one_line_of_the_log_each(caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics()
    watch = LimitedJobWatch(metrics=metrics)
    runs = Runs(make_all, watch)
    with caplog.at_level("INFO", "fyp_serving"):
        ended(runs.start([REQUESTS[0].changed(prompt="a robot\n" * 500)], "owner"))
        watch.close(10)
    assert metrics.registry.get_sample_value("fyp_jobs_total", {"outcome": "finished"}) == 1
    (line,) = caplog.messages
    assert "job finished" in line
    assert len(line) < 500


def test_a_page_that_shuts_down_lets_runs_end_and_takes_no_new_ones() -> None:
    def work(run: Run) -> None:
        time.sleep(0.2)
        make_all(run)

    watch = LimitedJobWatch()
    runs = Runs(work, watch)
    run = runs.start(REQUESTS, "owner")
    watch.close(10)
    assert run.state == "finished"
    with pytest.raises(InputError, match="being shut down"):
        runs.start(REQUESTS, "owner")


def test_runs_beyond_the_limits_are_refused_at_once() -> None:
    runs = Runs(make_all, LimitedJobWatch(Limits(max_frames=4)))
    with pytest.raises(InputError, match="at most 4"):
        runs.start(REQUESTS, "owner")


def test_a_run_without_room_in_the_queue_is_refused_before_its_video_is_opened() -> None:
    queue, metrics = JobQueue(max_waiting=0), Metrics()
    watch = LimitedJobWatch(Limits(max_seconds=1), metrics, check_room=queue.check_room)
    with queue.entered(Job()), pytest.raises(InputError, match="others are waiting already"):
        Runs(make_all, watch).start([REQUESTS[0].changed(input="missing.mp4")], "owner")
    assert metrics.registry.get_sample_value("fyp_jobs_total", {"outcome": "refused"}) == 1


def test_a_run_whose_videos_take_too_long_together_is_refused_at_once() -> None:
    runs = Runs(make_all, LimitedJobWatch(Limits(max_job_seconds=10), estimate=lambda request: 6))
    assert ended(runs.start(REQUESTS[:1], "owner")).state == "finished"
    with pytest.raises(
        InputError, match=r"would take about 12 s, but a job may compute for 10 s here; take fewer"
    ):
        runs.start(REQUESTS, "owner")
