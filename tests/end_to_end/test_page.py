"""The page in a real browser: upload, Generate, and a playable video comes back."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.end_to_end.conftest import ENVIRONMENT, EXAMPLES, ROOT
from video_io import probe, read_frames

SECONDS = 1000  # playwright counts in milliseconds
START_LIMIT, GENERATE_LIMIT = 120, 240  # seconds, generous for a busy machine


@pytest.fixture(scope="module")
def address(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page, served from another folder as by a user's shell."""
    with socket.create_server(("127.0.0.1", 0)) as probe_socket:
        port = probe_socket.getsockname()[1]
    folder = tmp_path_factory.mktemp("served")
    environment = ENVIRONMENT | {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "FYP_MODEL": str(tiny_model_dir),
        "GRADIO_TEMP_DIR": str(folder / "cache"),
    }
    log = folder / "log.txt"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, ROOT / "app.py"], cwd=folder, env=environment, stdout=output, stderr=output
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_up(address, server, log)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_until_up(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(f"The page did not start:\n{log.read_text()}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("There is no Chromium; install the package chromium.")
        pytest.skip("There is no Chromium on this machine.")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(GENERATE_LIMIT * SECONDS)
    page.goto(address)
    expect(_generate(page)).to_be_enabled(timeout=START_LIMIT * SECONDS)
    yield page
    page.close()


def _generate(page: Page):
    return page.get_by_role("button", name="Generate", exact=True)


def _fill(page: Page, video: Path, kind: str, prompt: str, frames: int) -> None:
    page.locator("input[type=file]").first.set_input_files(video)
    page.locator("#facts").get_by_text("frames at").wait_for()
    page.get_by_label(kind).check()
    page.get_by_label("Prompt", exact=True).fill(prompt)
    page.get_by_label("number input for Frames").fill(str(frames))


def _download(page: Page, player: str, target: Path) -> Path:
    """Save what a video player shows."""
    source = page.locator(f"#{player} video").get_attribute("src")
    target.write_bytes(page.request.get(source).body())
    return target


@pytest.mark.parametrize(
    ("name", "kind"),
    [("raw_woman_dancing.mp4", "Raw Video"), ("skeleton_disco.mp4", "Skeleton Video")],
)
def test_upload_generate_and_download(page: Page, tmp_path: Path, name: str, kind: str) -> None:
    _fill(page, EXAMPLES / name, kind, "a robot on the moon", frames=5)
    _generate(page).click()
    page.locator("#summary").get_by_text("Seed").wait_for()
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    result = _download(page, "result", tmp_path / "result.mp4")
    skeleton = _download(page, "skeleton", tmp_path / "skeleton.mp4")
    assert len(list(read_frames(result))) == 5
    assert len(list(read_frames(skeleton))) == 5
    assert (probe(result).width, probe(skeleton).width) == (32, 512)
    assert page.evaluate("[...document.querySelectorAll('video')].every(video => !video.error)")


def test_stop_leaves_the_page_usable(page: Page) -> None:
    _fill(page, EXAMPLES / "skeleton_disco.mp4", "Skeleton Video", "a robot on the moon", frames=8)
    page.get_by_text("Sampling").click()
    steps = page.get_by_label("number input for Steps")
    steps.fill("100")
    _generate(page).click()
    page.get_by_text("Painting").wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("Painting").wait_for(state="hidden")
    steps.fill("1")
    _generate(page).click()
    expect(page.locator("#summary")).to_contain_text("1 steps", timeout=GENERATE_LIMIT * SECONDS)


def test_bad_input_shows_one_sentence(page: Page, tmp_path: Path, make_video: Callable[..., Path]) -> None:
    _generate(page).click()
    expect(page.get_by_text("There is no input video")).to_be_visible()

    text = tmp_path / "text.mp4"
    text.write_text("This is no video.")
    page.locator("input[type=file]").first.set_input_files(text)
    expect(page.locator("#facts")).to_contain_text("not a video")


def test_nobody_in_the_video(page: Page, make_video: Callable[..., Path]) -> None:
    _fill(page, make_video(), "Raw Video", "a robot on the moon", frames=2)
    _generate(page).click()
    expect(page.get_by_text("A person is seen in 0 of 2 frames")).to_be_visible()
    assert page.get_by_text("Traceback").count() == 0


def test_fits_a_phone_and_loads_nothing_from_elsewhere(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(address)
    _generate(page).wait_for(timeout=START_LIMIT * SECONDS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert [url for url in requested if not url.startswith((address, "data:", "blob:"))] == []
    page.close()


def test_named_endpoint_for_programs(address: str) -> None:
    from gradio_client import Client, handle_file

    client = Client(address, verbose=False, analytics_enabled=False)
    video = handle_file(str(EXAMPLES / "skeleton_disco.mp4"))
    result, _, _, settings = client.predict(
        video, "Skeleton Video", "a robot on the moon", frames=3, seed=5, api_name="/generate"
    )
    path = result["video"] if isinstance(result, dict) else result
    assert len(list(read_frames(path))) == 3
    assert settings["seed"] == 5
