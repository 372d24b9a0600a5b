"""Picture the page for the documents: ``python -m scripts.render_page_pictures``.

Starts the page with ``mini``, makes a video of an example in Chromium, and writes ``docs/page_WIDTH_THEME.webp`` for
three widths, light and dark. Look at each before it is committed.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from scripts.pictures import ROOT, save_webp

WIDTHS = {
    390: 4200,
    1280: 2400,
    2560: 2400,
}  # of the window in pixels, and the most of its height that is shown
THEMES = ("light", "dark")
LARGEST_FILE = 60_000  # bytes
PICTURE_WIDTHS = {390: 390, 1280: 1000, 2560: 1280}  # of the file
START_LIMIT, VIDEO_LIMIT = 120, 300  # seconds


def render(folder: Path, port: int) -> None:
    """Write all pictures into a folder."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with served(port) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        state = make_video(browser, address)
        for width, height in WIDTHS.items():
            for theme in THEMES:
                page = browser.new_page(viewport={"width": width, "height": height}, storage_state=state)
                show_result(page, f"{address}?__theme={theme}")
                save(page.screenshot(), folder / f"page_{width}_{theme}.webp", PICTURE_WIDTHS[width])
                page.close()
        browser.close()


@contextmanager
def served(port: int) -> Iterator[str]:
    """The address of a page of its own with an empty gallery."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "FYP_MODEL": "mini",
            "FYP_GALLERY": f"{folder}/gallery",
            "GRADIO_TEMP_DIR": f"{folder}/uploads",
        }
        server = subprocess.Popen([sys.executable, ROOT / "app.py"], cwd=ROOT, env=environment)
        address = f"http://127.0.0.1:{port}"
        try:
            wait_until_ready(f"{address}/readyz", server)
            yield address
        finally:
            server.terminate()
            server.wait(30)


def wait_until_ready(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.3)
    raise SystemExit("The page did not start.")


def make_video(browser: Browser, address: str) -> str:
    """Make a video as a new visitor does; what the browser remembers of it, as a file."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.goto(address)
    choose(page)
    page.locator("#suggestions button").nth(1).click()
    page.get_by_role("button", name="Generate", exact=True).click()
    page.locator("#summary").wait_for(timeout=VIDEO_LIMIT * 1000)
    path = Path(tempfile.gettempdir(), "page_state.json")
    context.storage_state(path=path)
    context.close()
    return str(path)


def choose(page: Page) -> None:
    """Take the first example, and wait for its pose."""
    page.get_by_role("button", name="Generate", exact=True).wait_for(timeout=START_LIMIT * 1000)
    page.locator("#examples .gallery-item").first.click()
    page.locator("#pose img").wait_for()
    page.locator("#estimate").get_by_text("about").wait_for()


def show_result(page: Page, address: str) -> None:
    """The page as it is with a finished video, at a moment of it that shows the pose."""
    page.goto(address)
    choose(page)
    page.locator("#gallery button").first.click()
    page.locator("#summary").wait_for()
    page.wait_for_timeout(2000)  # posters and fonts


def save(screenshot: bytes, path: Path, width: int) -> None:
    """Write a picture of a width as WebP, as good as the size of the file allows."""
    picture = Image.open(io.BytesIO(screenshot)).convert("RGB")
    picture = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
    save_webp(path, [np.asarray(picture)], LARGEST_FILE)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=ROOT / "docs", help="where the pictures are written")
    parser.add_argument("--port", type=int, default=7990)
    options = parser.parse_args()
    render(options.folder, options.port)
