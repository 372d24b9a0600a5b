"""The page under SIGKILL and SIGTERM: a decoder or the page is killed in mid-job, a job at work is delivered."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.load.visitor import Refused, Visitor
from tests.end_to_end.conftest import ENVIRONMENT, EXAMPLES, ROOT, START_LIMIT, free_port, wait_until_up

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals and forks of POSIX systems"),
]

GOOD = {"input_type": "skeleton", "prompt": "a robot", "frames": 2, "steps": 2, "seed": 7}
MANY_STEPS = {**GOOD, "frames": 16, "stride": 1, "scheduler": "ddim", "steps": 400}


@dataclass(frozen=True)
class Page:
    """A page that runs, in folders that the next one takes over."""

    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    def visitor(self) -> Visitor:
        return Visitor(f"http://127.0.0.1:{self.port}")

    def results(self) -> list[Path]:
        return sorted((self.folder / "gallery").rglob("result.mp4"))

    def wait_for_work(self) -> None:
        """Until a job computes."""
        with self.visitor() as visitor:
            wait_until(lambda: re.search(r"^fyp_jobs_in_queue 1", visitor.http.get("/metrics").text, re.M))


def wait_until(condition: Callable[[], Any]) -> Any:
    """What the condition gives as soon as that is true."""
    deadline = time.monotonic() + START_LIMIT
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return found


@pytest.fixture(scope="module")
def start(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Page]]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "temporary").mkdir()
    started: list[Page] = []

    def start_page() -> Page:
        port = free_port()
        variables = {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "FYP_MODEL": str(tiny_model_dir),
            "FYP_DRAIN_SECONDS": "60",
            "FYP_GALLERY": str(folder / "gallery"),
            "TMPDIR": str(folder / "temporary"),
        }
        with (folder / "log.txt").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, ROOT / "app.py"],
                cwd=folder,
                env={name: value for name, value in ENVIRONMENT.items() if name != "GRADIO_TEMP_DIR"}
                | variables,
                stdout=log,
                stderr=log,
            )
        page = Page(process, port, folder)
        started.append(page)
        wait_until_up(port, process)
        return page

    yield start_page
    for page in started:
        page.process.kill()


@pytest.fixture(scope="module")
def page(start: Callable[[], Page]) -> Page:
    return start()


class Request(threading.Thread):
    """A visitor's request, made beside the test."""

    def __init__(self, page: Page, file: Path, **settings: Any) -> None:
        super().__init__(daemon=True)
        self._page, self._file, self._settings = page, file, settings
        self.settings: dict[str, Any] = {}
        self.error = ""
        self.start()

    def run(self) -> None:
        try:
            with self._page.visitor() as visitor:
                output = visitor.generate(visitor.upload(self._file), **self._settings)
                self.settings = next(each for each in output if isinstance(each, dict) and "seed" in each)
        except Refused as refused:
            self.error = str(refused)
        except Exception as error:  # of the connection
            self.error = repr(error)


def decoders(page: Page) -> list[psutil.Process]:
    """Forks of the page's fork server."""
    server = psutil.Process(page.process.pid)
    return [fork for child in server.children() for fork in child.children()]


def test_a_decoder_that_is_killed_costs_one_sentence(page: Page, make_video: Callable[..., Path]) -> None:
    long = make_video(frames=300, size=(1280, 720))
    wait_until(lambda: not decoders(page))  # of the examples, which a page reads when it starts
    request = Request(page, long, **{**GOOD, "frames": 50, "stride": 5})
    for process in wait_until(lambda: decoders(page)):
        process.kill()
    request.join(START_LIMIT)
    assert request.error == "square.mp4 makes the video decoder crash; export it again as MP4."
    with page.visitor() as visitor:
        assert visitor.generate(visitor.upload(long), **GOOD), "the page goes on"


@dataclass(frozen=True)
class Killed:
    """What was left of a page that was killed in mid-job, and the page after it."""

    request: Request
    children_alive: list[psutil.Process]
    results: list[Path]
    next: Page


@pytest.fixture(scope="module")
def killed(page: Page, start: Callable[[], Page]) -> Killed:
    results = page.results()
    request = Request(page, EXAMPLES / "skeleton_disco.mp4", **MANY_STEPS)
    page.wait_for_work()
    children = psutil.Process(page.process.pid).children(recursive=True)
    page.process.send_signal(signal.SIGKILL)
    page.process.wait(START_LIMIT)
    request.join(START_LIMIT)
    _, alive = psutil.wait_procs(children, timeout=10)
    return Killed(request, alive, results, start())


def test_a_page_that_is_killed_starts_again_and_leaves_no_process(killed: Killed) -> None:
    assert killed.request.error, "the visitor is not left waiting"
    assert killed.children_alive == []
    assert killed.next.results() == killed.results, "nothing half-made"
    with killed.next.visitor() as visitor:
        assert visitor.generate(visitor.upload(EXAMPLES / "skeleton_disco.mp4"), **GOOD)
    assert len(killed.next.results()) == len(killed.results) + 1


def test_a_job_at_work_is_delivered_after_sigterm_and_no_other_is_taken(killed: Killed) -> None:
    page = killed.next
    request = Request(page, EXAMPLES / "skeleton_disco.mp4", **MANY_STEPS)
    page.wait_for_work()
    page.process.send_signal(signal.SIGTERM)
    with page.visitor() as other:
        wait_until(lambda: other.http.get("/readyz").status_code == 503)
        with pytest.raises(Refused, match="being shut down; try again in a minute"):
            other.generate(other.upload(EXAMPLES / "skeleton_disco.mp4"), **GOOD)
    request.join(START_LIMIT)
    assert (request.error, request.settings.get("steps")) == ("", 400)
    assert page.process.wait(START_LIMIT) == 0
    assert "Traceback" not in (page.folder / "log.txt").read_text()
