"""Work in the background: found by its id, stopped, and what is said of an end."""

import time
from pathlib import Path

import pytest

from fyp_core.generation.request import GenerationRequest
from fyp_media.errors import InputError
from fyp_page.handlers.views import status
from fyp_page.runs import Result, Run, Runs

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
