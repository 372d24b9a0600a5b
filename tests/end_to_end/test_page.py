"""The page in a real browser: upload, Generate, and a playable video comes back."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from fyp_core.generation.metadata import read_settings
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_media.read_video import probe, read_frames
from fyp_page.handlers.requests import LORA_TEXT_WIDTH
from tests.end_to_end.conftest import ENVIRONMENT, EXAMPLES, ROOT, START_LIMIT, free_port, wait_until_up
from tests.sounding_video import film, tone
from tests.tiny_formats import kohya_lora
from tests.tiny_model import build_pipeline

pytestmark = pytest.mark.slow

SECONDS = 1000  # playwright counts in milliseconds
GENERATE_LIMIT = 40  # seconds, generous for a busy machine
LONG_RUN = "1000"  # steps: with 3 seconds of video, longer than a browser needs on a busy machine to show and stop it


@pytest.fixture(scope="module")
def pipeline() -> FollowYourPosePipeline:
    """A toy whose text encoder is as wide as Stable Diffusion's: the page offers LoRAs for it."""
    return build_pipeline(text_width=LORA_TEXT_WIDTH)


class Server:
    """The page, served from another folder as by a user's shell; can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.gallery = folder / "gallery"
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = ENVIRONMENT | {
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "FYP_MODEL": str(self.folder / "model"),
            "FYP_GALLERY": str(self.gallery),
            "GRADIO_TEMP_DIR": str(self.folder / "cache"),
        }
        with (self.folder / "log.txt").open("a") as output:
            self.process = subprocess.Popen(
                [sys.executable, ROOT / "app.py"],
                cwd=self.folder,
                env=environment,
                stdout=output,
                stderr=output,
            )
        wait_until_up(self.port, self.process)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=30)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def server(pipeline: FollowYourPosePipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    pipeline.save_pretrained(folder / "model")
    server = Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def address(server: Server) -> str:
    return server.address


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


def _generate(page: Page) -> Locator:
    return page.get_by_role("button", name="Generate", exact=True)


def _fill(page: Page, video: Path, kind: str, prompt: str, seconds: float) -> None:
    page.locator("#motion input[type=file]").set_input_files(video)
    page.locator("#facts").get_by_text("Used:").wait_for()
    page.get_by_text("Kind of video").click()
    page.get_by_role("radio", name=kind).check()
    page.get_by_label("End (s)").fill(str(seconds))
    page.locator("#prompt textarea").fill(prompt)


def _download(page: Page, kind: str, target: Path) -> Path:
    """Save what a video player shows."""
    source = page.locator(f"video#{kind}").get_attribute("src")
    target.write_bytes(page.request.get(f"{page.url.partition('?')[0]}{source}").body())
    return target


def _settings(page: Page) -> None:
    page.locator("button.label-wrap", has_text="Settings").first.click()


@pytest.mark.parametrize(("name", "kind"), [("raw_woman_dancing", "raw"), ("skeleton_disco", "skeleton")])
def test_upload_generate_and_download(page: Page, tmp_path: Path, name: str, kind: str) -> None:
    _fill(page, EXAMPLES / f"{name}.mp4", kind, "a robot on the moon", seconds=1)
    page.locator("#pose img").wait_for()
    _generate(page).click()
    page.locator("#summary").get_by_text("Seed").wait_for()
    assert ("pose: mediapipe" in page.locator("#summary").inner_text()) == (kind == "raw")
    result = _download(page, "result", tmp_path / "result.mp4")
    skeleton = _download(page, "skeleton", tmp_path / "skeleton.mp4")
    assert len(list(read_frames(result))) == 5
    assert len(list(read_frames(skeleton))) == 5
    assert (probe(result).width, probe(skeleton).width) == (32, 512)
    assert page.locator("video#source").count() == (kind == "raw")
    page.wait_for_function("document.querySelector('video#result')?.currentTime > 0")
    assert page.evaluate("[...document.querySelectorAll('.compare video')].every(video => !video.error)")


def test_loras_come_with_a_weight_each_and_a_wrong_one_costs_one_sentence(
    page: Page, pipeline: FollowYourPosePipeline, tmp_path: Path
) -> None:
    ink, noir = (kohya_lora(pipeline, tmp_path / f"{name}.safetensors") for name in ("ink", "noir"))
    _fill(page, EXAMPLES / "skeleton_disco.mp4", "skeleton", "a robot on the moon", seconds=0.4)
    page.get_by_text("Reference picture, LoRA, textual inversion, base model").click()
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
    expect(page.locator("#status")).to_contain_text("letter.safetensors is no LoRA for this model")
    assert page.get_by_text(str(tmp_path)).count() == 0


def test_three_clicks_make_a_video_that_stays_in_the_gallery(page: Page) -> None:
    page.locator("#examples .gallery-item").first.click()
    page.locator("#suggestions button").first.click()
    expect(page.locator("#prompt textarea")).not_to_have_value("")
    page.locator("#facts").get_by_text("Used:").wait_for()
    _generate(page).click()
    page.locator("#summary").get_by_text("Seed").wait_for()
    page.reload()
    page.locator("#summary").get_by_text("Seed").wait_for()  # the run is found again
    page.locator("#gallery img").first.wait_for()
    page.get_by_role("button", name="Delete all").click()
    expect(page.locator("#gallery img")).to_have_count(0)


def test_a_run_is_found_after_a_reload_and_stopped(page: Page) -> None:
    _fill(page, EXAMPLES / "skeleton_disco.mp4", "skeleton", "a robot\na knight", seconds=3)
    _settings(page)
    page.get_by_label("Steps").fill(LONG_RUN)
    _generate(page).click()
    page.locator("#status").get_by_text("Video 1 of 2: Denoising").wait_for()
    page.reload()
    page.locator("#status").get_by_text("Video 1 of 2: Denoising").wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.locator("#status").get_by_text("Stopped").wait_for()
    expect(_generate(page)).to_be_enabled()


def test_bad_input_shows_one_sentence(page: Page, tmp_path: Path) -> None:
    _generate(page).click()
    expect(page.get_by_text("There is no input video")).to_be_visible()

    text = tmp_path / "text.mp4"
    text.write_text("This is no video.")
    page.locator("#motion input[type=file]").set_input_files(text)
    expect(page.locator("#facts")).to_contain_text("not a video")


def test_nobody_in_the_video(page: Page, make_video: Callable[..., Path]) -> None:
    _fill(page, make_video(), "raw", "a robot on the moon", seconds=0.5)
    expect(page.locator("#pose_notes")).to_contain_text("A person is seen in 0 of")
    _generate(page).click()
    expect(page.locator("#status")).to_contain_text("A person is seen in 0 of")
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


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address, verbose=False, analytics_enabled=False)


def test_named_endpoints_for_programs(client: Client, tmp_path: Path) -> None:
    video = handle_file(str(EXAMPLES / "skeleton_disco.mp4"))
    asked = {
        "frames": 3,
        "seed": 5,
        "scheduler": "euler",
        "width": 48,
        "height": 40,
        "input_type": "skeleton",
    }
    result, skeleton, settings = client.predict(
        video=video, prompt="a robot on the moon", job="a-name-nobody-guesses", **asked, api_name="/generate"
    )
    frames = list(read_frames(result))
    assert (len(frames), *frames[0].shape) == (3, 40, 48, 3)
    assert len(list(read_frames(skeleton))) == 3
    assert {name: settings[name] for name in asked} == asked
    assert client.predict(job="a-name-nobody-guesses", api_name="/status")["state"] == "finished"
    assert client.predict(job="another", api_name="/status") == {"state": "unknown"}
    assert client.predict(job="a-name-nobody-guesses", api_name="/cancel") is False
    assert client.predict(api_name="/models")["width"] == 32


@pytest.mark.parametrize("document", ["README.md", "docs/page.md"])
def test_examples_of_the_documents_run(address: str, document: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)
        if "gradio_client" in block
    ]
    monkeypatch.chdir(ROOT)
    found: dict[str, Any] = {}
    exec(code.replace("http://localhost:7860", address), found)
    assert probe(found["video"]).frame_count == found["settings"]["frames"]


def test_nothing_serious_for_screen_readers(page: Page) -> None:
    page.locator("#examples .gallery-item").first.click()
    page.locator("#pose img").wait_for()
    for fold in ("Kind of video", "Framing and crop", "Settings"):
        page.locator("button.label-wrap", has_text=fold).first.click()
    violations = Axe().run(page).response["violations"]
    serious = [found["help"] for found in violations if found["impact"] in ("serious", "critical")]
    assert serious == []


def test_a_program_stops_its_job_and_extracts_a_pose(client: Client) -> None:
    video = handle_file(str(EXAMPLES / "skeleton_disco.mp4"))
    asked = {
        "video": video,
        "prompt": "a robot",
        "input_type": "skeleton",
        "steps": 500,
        "job": "a-long-job-of-mine",
    }
    running = client.submit(**asked, api_name="/generate")
    deadline = time.monotonic() + GENERATE_LIMIT
    while not client.predict(job="a-long-job-of-mine", api_name="/cancel") and time.monotonic() < deadline:
        time.sleep(0.1)
    with pytest.raises(AppError, match="cancelled"):
        running.result(timeout=GENERATE_LIMIT)
    raw = handle_file(str(EXAMPLES / "raw_woman_dancing.mp4"))
    skeleton, keypoints = client.predict(video=raw, api_name="/extract_pose")
    assert probe(skeleton).frame_count == probe(EXAMPLES / "raw_woman_dancing.mp4").frame_count
    assert json.loads(Path(keypoints).read_text())


def test_bad_input_of_programs_costs_one_sentence(
    client: Client, make_video: Callable[..., Path], tmp_path: Path
) -> None:
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
            client.predict(
                video=video, prompt=prompt, input_type="skeleton", **settings, api_name="/generate"
            )
        assert "\n" not in str(caught.value)


def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"Tab does not come to {selector}.")


def test_the_keyboard_alone_makes_and_saves_a_video(page: Page) -> None:
    _tab_to(page, "#examples .gallery-item")
    page.keyboard.press("Enter")
    page.locator("#facts").get_by_text("Used:").wait_for()
    _tab_to(page, "#trim input:last-child")
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    expect(page.get_by_label("End (s)")).not_to_have_value("2.17")
    _tab_to(page, "#prompt textarea")
    page.keyboard.press("Control+a")
    page.keyboard.type("a robot")
    _tab_to(page, "#generate")
    expect(page.locator("#estimate")).to_contain_text("Takes about")
    page.keyboard.press("Enter")
    page.locator("#summary").get_by_text("Seed").wait_for()
    _tab_to(page, ".downloads a")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert probe(download.value.path()).width == 32


def _saved(page: Page, title: str, folder: Path) -> Path:
    """What a click on a download gives."""
    with page.expect_download() as download:
        page.locator(".downloads").get_by_text(title, exact=True).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_two_visitors_at_once_have_their_own_results_with_all_downloads(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    video = film(tmp_path / "line.mp4", seconds=1, tone_from=0.2, tone_to=0.8)
    pages = [browser.new_context(accept_downloads=True).new_page() for _ in range(2)]
    for page, prompt in zip(pages, ("a robot", "a knight")):
        page.goto(address)
        expect(_generate(page)).to_be_enabled(timeout=START_LIMIT * SECONDS)
        _fill(page, video, "skeleton", prompt, seconds=1)
    for page in pages:
        _generate(page).click()
    for page, prompt in zip(pages, ("a robot", "a knight")):
        expect(page.locator("#summary")).to_contain_text(prompt, timeout=GENERATE_LIMIT * SECONDS)
        expect(page.locator("#gallery img")).to_have_count(1, timeout=GENERATE_LIMIT * SECONDS)
    page = pages[0]
    for title in ("Video", "Side by side"):
        start, end = tone(_saved(page, title, tmp_path))
        assert (start, end) == pytest.approx((0.2, 0.8), abs=0.1)
    frames = probe(tmp_path / "result.mp4").frame_count
    assert probe(_saved(page, "Skeleton", tmp_path)).frame_count == frames
    assert probe(_saved(page, "GIF", tmp_path)).frame_count == frames
    assert len(zipfile.ZipFile(_saved(page, "Frames", tmp_path)).namelist()) == frames
    for page in pages:
        page.context.close()


def test_a_program_that_leaves_stops_its_job(address: str, client: Client) -> None:
    api = f"{address}/gradio_api"
    with (EXAMPLES / "skeleton_disco.mp4").open("rb") as video:
        (path,) = httpx.post(f"{api}/upload", files={"files": video}).json()
    asked = {"video": {"path": path, "meta": {"_type": "gradio.FileData"}}, "prompt": "a robot", "steps": 500}
    event = httpx.post(f"{api}/call/v2/generate", json=asked | {"job": "a-job-that-is-left"}).json()[
        "event_id"
    ]
    with httpx.stream("GET", f"{api}/call/generate/{event}"):
        _wait_for_state(client, "a-job-that-is-left", "running")
    _wait_for_state(client, "a-job-that-is-left", "stopped")


def _wait_for_state(client: Client, job: str, state: str) -> None:
    deadline = time.monotonic() + GENERATE_LIMIT
    while (known := client.predict(job=job, api_name="/status"))["state"] != state:
        assert time.monotonic() < deadline, known
        time.sleep(0.2)


def test_the_plain_http_example_of_the_document_runs(address: str, tmp_path: Path) -> None:
    (commands,) = re.findall(r"```bash\n(PAGE=.*?)```", (ROOT / "docs/page.md").read_text(), re.DOTALL)
    commands = commands.replace("http://localhost:7860", address)
    done = subprocess.run(["bash", "-euc", commands], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert "event: complete" in done.stdout, done.stderr
    video, _, settings = json.loads(done.stdout.rpartition("data: ")[2])
    (tmp_path / "result.mp4").write_bytes(httpx.get(video["url"]).content)
    assert probe(tmp_path / "result.mp4").frame_count == settings["frames"] == 4


def test_a_killed_server_leaves_the_gallery_whole_and_the_page_comes_back(server: Server, page: Page) -> None:
    _fill(page, EXAMPLES / "skeleton_disco.mp4", "skeleton", "a robot", seconds=3)
    _generate(page).click()
    page.locator("#summary").get_by_text("Seed").wait_for()
    _settings(page)
    page.get_by_label("Steps").fill(LONG_RUN)
    _generate(page).click()
    page.locator("#status").get_by_text("Denoising").wait_for()
    server.kill()
    page.get_by_text("Connection to the server was lost").wait_for()
    server.start()
    expect(page.locator("#status")).to_contain_text("was not finished", timeout=START_LIMIT * SECONDS)
    wait_until_up(server.port, server.process, "readyz")
    expect(_generate(page)).to_be_enabled()
    expect(page.locator("#gallery img")).to_have_count(1, timeout=GENERATE_LIMIT * SECONDS)
    page.locator("#gallery button").first.click()
    page.wait_for_function("document.querySelector('video#result')?.currentTime > 0")
    kept = [entry for entry in (server.gallery / "results").iterdir() if (entry / "result.mp4").is_file()]
    assert kept == list((server.gallery / "results").iterdir())
