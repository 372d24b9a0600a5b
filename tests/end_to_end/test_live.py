"""The camera's corner of the page, in a real browser with a video file as its camera."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from fyp_media.read_video import read_frames
from tests.end_to_end.conftest import ENVIRONMENT, EXAMPLES, ROOT, START_LIMIT, free_port, wait_until_up

pytestmark = pytest.mark.slow

SECONDS = 1000  # playwright counts in milliseconds
LIMIT = 60 * SECONDS


@pytest.fixture(scope="module")
def address(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    port = free_port()
    environment = ENVIRONMENT | {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "FYP_MODEL": os.environ.get("FYP_TEST_MODEL", str(tiny_model_dir)),
        "FYP_GALLERY": str(folder / "gallery"),
        "GRADIO_TEMP_DIR": str(folder / "cache"),
    }
    with (folder / "log.txt").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, ROOT / "app.py"], cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        wait_until_up(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording in a format that Chromium takes for a camera."""
    path = tmp_path_factory.mktemp("camera") / "camera.mjpeg"  # JPEGs, one after the other
    with path.open("wb") as recording:
        for frame in read_frames(EXAMPLES / "raw_man_cheering.mp4", fps=15):
            recording.write(cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1].tobytes())
    return path


@pytest.fixture(scope="module")
def pages(address: str, camera: Path) -> Iterator[tuple[Page, Page]]:
    """The page in two browsers, each with the camera."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        if os.environ.get("CI"):
            pytest.fail("There is no Chromium; install the package chromium.")
        pytest.skip("There is no Chromium on this machine.")
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        one, other = (browser.new_page(viewport={"width": 1280, "height": 1400}) for _ in range(2))
        for page in (one, other):
            page.goto(address)
            expect(page.get_by_role("button", name="Generate", exact=True)).to_be_enabled(
                timeout=START_LIMIT * SECONDS
            )
        yield one, other
        browser.close()


def _start_camera(page: Page) -> None:
    page.locator("#prompt textarea").fill("a robot on the beach")
    page.get_by_role("button", name="Live: move the character").click()
    page.locator("#camera").get_by_role("button", name="Click to Access Webcam").click()
    page.locator("#camera").get_by_role("button", name="capture photo").click()


def test_the_camera_moves_the_character_for_one_visitor_at_a_time(pages: tuple[Page, Page]) -> None:
    page, other = pages
    _start_camera(page)
    shown = page.locator("#live_screen img")
    shown.wait_for(timeout=LIMIT)
    first = shown.get_attribute("src")
    assert first is not None
    expect(shown).not_to_have_attribute("src", first, timeout=LIMIT)
    expect(page.locator("#live_screen figcaption")).to_contain_text("behind the camera")
    if folder := os.environ.get("FYP_SCREENSHOTS"):
        page.wait_for_timeout(5 * SECONDS)
        page.screenshot(path=Path(folder, "live.png"), full_page=True)
    _start_camera(other)
    expect(other.get_by_text("Somebody else's camera is live")).to_be_visible(timeout=LIMIT)
