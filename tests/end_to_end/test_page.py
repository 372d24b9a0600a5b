"""The page in a real browser: upload, Generate, and a playable video comes back."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from fyp_core.generation.metadata import read_settings
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_media.read_video import probe, read_frames
from fyp_page.handlers import LORA_TEXT_WIDTH
from tests.end_to_end.conftest import ENVIRONMENT, EXAMPLES, ROOT, START_LIMIT, free_port, wait_until_up
from tests.tiny_formats import kohya_lora
from tests.tiny_model import build_pipeline

pytestmark = pytest.mark.slow

SECONDS = 1000  # playwright counts in milliseconds
GENERATE_LIMIT = 240  # seconds, generous for a busy machine


@pytest.fixture(scope="module")
def pipeline() -> FollowYourPosePipeline:
    """A toy whose text encoder is as wide as Stable Diffusion's: the page offers LoRAs for it."""
    return build_pipeline(text_width=LORA_TEXT_WIDTH)


@pytest.fixture(scope="module")
def address(pipeline: FollowYourPosePipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page, served from another folder as by a user's shell."""
    port = free_port()
    folder = tmp_path_factory.mktemp("served")
    pipeline.save_pretrained(folder / "model")
    environment = ENVIRONMENT | {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "FYP_MODEL": str(folder / "model"),
        "GRADIO_TEMP_DIR": str(folder / "cache"),
    }
    log = folder / "log.txt"
    with log.open("w") as output:
        server = subprocess.Popen(
            [sys.executable, ROOT / "app.py"], cwd=folder, env=environment, stdout=output, stderr=output
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_up(port, server)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


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
    assert ("pose: mediapipe" in page.locator("#summary").inner_text()) == (kind == "Raw Video")
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    result = _download(page, "result", tmp_path / "result.mp4")
    skeleton = _download(page, "skeleton", tmp_path / "skeleton.mp4")
    assert len(list(read_frames(result))) == 5
    assert len(list(read_frames(skeleton))) == 5
    assert (probe(result).width, probe(skeleton).width) == (32, 512)
    assert page.evaluate("[...document.querySelectorAll('video')].every(video => !video.error)")


def test_loras_come_with_a_weight_each_and_a_wrong_one_costs_one_sentence(
    page: Page, pipeline: FollowYourPosePipeline, tmp_path: Path
) -> None:
    ink, noir = (kohya_lora(pipeline, tmp_path / f"{name}.safetensors") for name in ("ink", "noir"))
    _fill(page, EXAMPLES / "skeleton_disco.mp4", "Skeleton Video", "a robot on the moon", frames=2)
    page.get_by_text("LoRA", exact=True).click()
    page.locator("#loras input[type=file]").set_input_files([ink, noir])
    page.get_by_label("number input for Weight of ink").fill("0.5")
    expect(page.get_by_label("number input for Weight of noir")).to_have_value("1")
    _generate(page).click()
    page.locator("#summary").get_by_text("Seed").wait_for()
    result = _download(page, "result", tmp_path / "result.mp4")
    assert read_settings(result)["loras"] == ["ink.safetensors:0.5", "noir.safetensors:1"]

    (tmp_path / "letter.safetensors").write_text("This is no LoRA.")
    page.locator("#loras input[type=file]").set_input_files(tmp_path / "letter.safetensors")
    page.get_by_label("number input for Weight of letter").wait_for()
    expect(page.get_by_label("number input for Weight of ink")).to_have_value("0.5")
    _generate(page).click()
    expect(page.get_by_text("letter.safetensors is no LoRA for this model")).to_be_visible()
    assert page.get_by_text(str(tmp_path)).count() == 0


def test_an_example_and_a_number_typed_anew(page: Page) -> None:
    page.locator("#examples .gallery-item").first.click()
    page.locator("#facts").get_by_text("frames at").wait_for()
    frames = page.get_by_label("number input for Frames")
    frames.clear()
    expect(page.locator("#facts")).to_have_text("")
    frames.fill("2")
    page.locator("#facts").get_by_text("2 frames fit").wait_for()
    assert page.locator(".toast-body").count() == 0
    _generate(page).click()
    page.locator("#summary").get_by_text("Seed").wait_for()


def test_stop_leaves_the_page_usable(page: Page) -> None:
    _fill(page, EXAMPLES / "skeleton_disco.mp4", "Skeleton Video", "a robot on the moon", frames=8)
    page.get_by_text("Sampling").click()
    steps = page.get_by_label("number input for Steps")
    steps.fill("100")
    _generate(page).click()
    page.get_by_text("Denoising").wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("Denoising").wait_for(state="hidden")
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
    asked = {"frames": 3, "seed": 5, "scheduler": "euler", "width": 48, "height": 40}
    result, _, _, settings = client.predict(
        video, "Skeleton Video", "a robot on the moon", **asked, api_name="/generate"
    )
    path = result["video"] if isinstance(result, dict) else result
    frames = list(read_frames(path))
    assert (len(frames), *frames[0].shape) == (3, 40, 48, 3)
    assert {name: settings[name] for name in asked} == asked


def test_bad_input_of_programs_costs_one_sentence(
    address: str, make_video: Callable[..., Path], tmp_path: Path
) -> None:
    from gradio_client import Client, handle_file
    from gradio_client.exceptions import AppError

    client = Client(address, verbose=False, analytics_enabled=False)
    short = handle_file(str(make_video(frames=3)))
    (tmp_path / "text.mp4").write_text("This is no video.")
    for video, prompt, settings, sentence in (
        (short, "a robot", {}, r"has 3 frames, but 8 at stride 5"),
        (short, " ", {}, "prompt is empty"),
        (short, "a robot", {"frames": 2, "stride": 1, "width": 50}, "multiples of 8"),
        (short, "a robot", {"frames": 2, "stride": 1, "crop_left": 60, "crop_right": 4}, "does not fit"),
        (handle_file(str(tmp_path / "text.mp4")), "a robot", {}, "not a video"),
    ):
        with pytest.raises(AppError, match=sentence) as caught:
            client.predict(video, "Skeleton Video", prompt, **settings, api_name="/generate")
        assert "\n" not in str(caught.value)
