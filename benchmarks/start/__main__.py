"""Seconds that a user waits at the start, as a Markdown table: ``python -m benchmarks.start [VIDEO]``.

``mini``, its page in Chromium and the command ``fyp generate``, each in fresh processes without stored poses. VIDEO
shows people; by default an example. The processor's seconds are those of the program and its children, without the
browser's. Only times of an idle machine can be compared. Needs requirements-dev.txt and Chromium.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

from fyp_page.examples import examples

_LIMIT = 900.0  # seconds
_POLL_SECONDS = 0.02
_IS_PLAYING = """name => [...document.querySelectorAll('#screen .compare video')].some(
    video => decodeURIComponent(video.src).includes(`results/${name}.mp4`) && video.currentTime > 0)"""
_FRAMES = 8


class Timer:
    """Prints rows of the table: what was waited for, seconds, and the processor's seconds of a program meanwhile."""

    def __init__(self, program: psutil.Process) -> None:
        self._program = program
        self._start, self._work = time.perf_counter(), 0.0

    def begin(self) -> None:
        """From now on."""
        self._start, self._work = time.perf_counter(), work_of(self._program)

    def row(self, what: str) -> None:
        """Since the last :meth:`begin`, or the start of the program."""
        seconds = time.perf_counter() - self._start
        print(f"| {what} | {seconds:.1f} | {work_of(self._program) - self._work:.1f} |", flush=True)


def work_of(program: psutil.Process) -> float:
    """Seconds of the processor that a program and its children have used."""
    times = [program.cpu_times()]
    for child in program.children(recursive=True):
        try:
            times.append(child.cpu_times())
        except psutil.NoSuchProcess:
            continue
    return sum(each.user + each.system for each in times) + times[0].children_user + times[0].children_system


@contextmanager
def served(folder: Path, port: int) -> Iterator[tuple[str, psutil.Process]]:
    """A fresh page: its address and process, which has just begun."""
    variables = {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "FYP_MODEL": "mini",
        "FYP_GALLERY": str(folder / "gallery"),
        "FYP_POSE_CACHE": str(folder / "poses"),
    }
    program = [sys.executable, "app.py"]
    server = psutil.Popen(program, env=os.environ | variables, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.terminate()
        server.wait(_LIMIT)


def wait_for(is_done: Callable[[], bool]) -> None:
    """Ask until it is."""
    deadline = time.monotonic() + _LIMIT
    while not is_done():
        if time.monotonic() > deadline:
            raise SystemExit("It took too long.")
        time.sleep(_POLL_SECONDS)


def answers(address: str) -> bool:
    """Whether a server answers with success."""
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except (urllib.error.URLError, TimeoutError):
        return False


def open_page(page: Page, address: str) -> None:
    """Open the page and wait until Generate can be pressed."""
    page.goto(address)
    page.get_by_role("button", name="Generate", exact=True).wait_for()


def choose_video(page: Page, video: Path) -> None:
    """Upload a video and wait for its pose."""
    page.locator("#motion input[type=file]").set_input_files(video)
    page.locator("#pose img").wait_for()


def measure_page(page: Page, video: Path, folder: Path, port: int) -> None:
    """Start, first preview and first video of a fresh page."""
    with served(folder, port) as (address, server):
        timer = Timer(server)
        wait_for(lambda: answers(address))
        timer.row("page answers, from its start")
        wait_for(lambda: answers(f"{address}/readyz"))
        timer.row("page has its model, from its start")
        open_page(page, address)
        timer.begin()
        choose_video(page, video)
        timer.row("first preview of a pose, from the upload")
        page.locator("#prompt textarea").fill(examples()[0].prompt)
        timer.begin()
        page.get_by_role("button", name="Generate", exact=True).click()
        page.locator("#summary").wait_for()
        timer.row("first video, from Generate")


def measure_known(page: Page, video: Path, folder: Path, port: int) -> None:
    """Of a second page, which finds the poses of the first one on the disk."""
    with served(folder, port) as (address, server):
        wait_for(lambda: answers(f"{address}/readyz"))
        open_page(page, address)
        timer = Timer(server)
        for index, what in ((1, "first"), (2, "second")):
            timer.begin()
            page.locator("#examples .gallery-item").nth(index).click()
            page.wait_for_function(_IS_PLAYING, arg=examples()[index].name, polling="raf")
            timer.row(f"{what} example plays, from the click")
            page.locator("#pose img").wait_for()
        page.reload()
        open_page(page, address)
        timer.begin()
        choose_video(page, video)
        timer.row("preview, poses known, from the upload")


def measure_command(video: Path, folder: Path) -> None:
    """``fyp generate`` with few frames."""
    command = [sys.executable, "-m", "fyp_core", "generate", "--model", "mini", "--frames", str(_FRAMES)]
    command += [
        "--input",
        str(video),
        "--prompt",
        examples()[0].prompt,
        "--output",
        str(folder / "video.mp4"),
    ]
    timer = Timer(psutil.Process())
    timer.begin()
    environment = os.environ | {"FYP_POSE_CACHE": str(folder / "poses of the command")}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    timer.row(f"`generate --frames {_FRAMES}`, from its start")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    usual = next(example.video for example in examples() if example.kind == "raw")
    parser.add_argument("video", nargs="?", type=Path, default=usual)
    parser.add_argument("--port", type=int, default=7991)
    options = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    print(f"{os.cpu_count()} cores ({platform.machine()}), {options.video.name}\n")
    print("| what | seconds | of the processor |\n| --- | --- | --- |")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        folder = Path(temporary)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for measure in (measure_page, measure_known):
            page = browser.new_page(viewport={"width": 1280, "height": 1000})
            page.set_default_timeout(_LIMIT * 1000)
            measure(page, options.video.resolve(), folder, options.port)
            page.close()
        browser.close()
        measure_command(options.video.resolve(), folder)


if __name__ == "__main__":
    main()
