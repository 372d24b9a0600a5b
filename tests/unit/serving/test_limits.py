"""What one visitor may take: the limits, the HTTP requests that are served, and the sweeping of files."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from fyp_core.generation.request import GenerationRequest
from fyp_media.errors import InputError, shortened
from fyp_page.open_streams import OpenStreams
from fyp_serving.http_guard import HttpGuard, Shutdown
from fyp_serving.limits import Limits
from fyp_serving.monitoring import Metrics, routes
from fyp_serving.sweeper import Sweeper
from pose_extraction.keypoint_files.files import write_motion
from pose_extraction.motion.motion import Motion

HOUR = 3600


def test_ones_own_machine_has_no_limits_and_a_public_page_has() -> None:
    own, public = Limits.from_environment({}), Limits.from_environment({"FYP_PUBLIC": "1"})
    assert (own.max_upload_mb, own.max_seconds, own.max_frames, own.max_job_seconds) == (None,) * 4
    assert None not in (public.max_upload_mb, public.max_seconds, public.max_frames, public.max_job_seconds)
    assert Limits.from_environment({"FYP_PUBLIC": "1", "FYP_MAX_FRAMES": "9"}).max_frames == 9
    assert Limits.from_environment({"FYP_PUBLIC": "1", "FYP_MAX_FRAMES": "none"}).max_frames is None
    assert Limits.from_environment({"FYP_AUTH": "ann:a:b"}).account == ("ann", "a:b")


@pytest.mark.parametrize(
    ("name", "value"), [("FYP_QUEUE", "many"), ("FYP_MAX_FRAMES", "0"), ("FYP_AUTH", "password")]
)
def test_a_variable_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(InputError, match=name) as caught:
        Limits.from_environment({name: value})
    assert "\n" not in str(caught.value)


def test_a_request_beyond_the_limits_is_refused(make_video: Callable[..., Path]) -> None:
    request = GenerationRequest(input=make_video(frames=48), prompt="a robot", frames=8)  # two seconds
    Limits(max_frames=8, max_seconds=3).check(request)
    with pytest.raises(InputError, match="at most 7; take fewer frames"):
        Limits(max_frames=7).check(request)
    with pytest.raises(InputError, match=r"lasts 2 s, but this page takes at most 1 s"):
        Limits(max_seconds=1).check(request)


def test_the_length_of_keypoints_is_limited_as_that_of_videos(tmp_path: Path) -> None:
    keypoints, scores = np.zeros((50, 1, 17, 2), np.float32), np.ones((50, 1, 17), np.float32)
    write_motion(Motion(keypoints + 20, scores, 64, 48, fps=25), tmp_path / "walk.json")
    Limits(max_seconds=3).check_video(tmp_path / "walk.json")
    with pytest.raises(InputError, match=r"lasts 2 s, but this page takes at most 1 s"):
        Limits(max_seconds=1).check_video(tmp_path / "walk.json")


def test_keypoints_that_would_take_much_memory_are_not_read(tmp_path: Path) -> None:
    with (tmp_path / "bomb.json").open("wb") as file:
        file.truncate(25_000_000)
    with pytest.raises(InputError, match="more than 24 MB"):
        Limits(max_seconds=3).check_video(tmp_path / "bomb.json")


@pytest.fixture
def client() -> Iterator[TestClient]:
    """A page that answers how long the body was; uploads of up to a megabyte."""

    async def size(request: Request) -> Response:
        return JSONResponse(len(await request.body()))

    async def fail(_request: Request) -> Response:
        raise KeyError("secret" * 1000)

    guard = Middleware(
        HttpGuard,
        max_upload_bytes=10**6,
        is_full=lambda: False,
        shutdown=Shutdown(),
        streaming=OpenStreams().opened,
    )
    served = [Route("/gradio_api/call/fail", fail, methods=["POST"])]
    served += routes(Metrics(), lambda: False)
    served += [Route("/{path:path}", size, methods=["GET", "POST"])]
    with TestClient(Starlette(routes=served, middleware=[guard])) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/process_recording", "/gradio_api/process_recording/", "/monitoring", "/monitoring/summary",
        "/gradio_api/run-history/buckets", "/gradio_api/vibe-code", "/gradio_api/vibe-edit/", "/gradio_api/runs",
        "/gradio_api/file=http://example.org/a", "/gradio_api/file=HTTPS://example.org/a",
        "/gradio_api/file=ftp:/example.org", "/gradio_api/proxy=http://example.org", "/gradio_api/deep_link",
        "/gradio_api/stream/a/b/c/playlist.m3u8", "/gradio_api/component_server", "/gradio_api/token",
        "/gradio_api/profiling/traces", "/gradio_api/dev/reload", "/gradio_api/file%3Dhttp%3A//example.org",
    ],
)  # fmt: skip
def test_what_the_page_does_not_use_is_not_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == client.post(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["/", "/config", "/gradio_api/info", "/gradio_api/queue/data", "/gradio_api/file=/tmp/a.mp4", "/assets/a.js"],
)  # fmt: skip
def test_what_the_page_uses_is_served_with_security_headers(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("is_streamed", [False, True])
def test_bodies_end_at_a_size_by_route(client: TestClient, is_streamed: bool) -> None:
    def send(path: str, size: int) -> tuple[int, str]:
        body = iter([b"x" * 10**5] * (size // 10**5)) if is_streamed else b"x" * size
        answer = client.post(path, content=body)
        return answer.status_code, answer.text

    assert send("/gradio_api/upload", 10**6) == (200, "1000000")
    assert send("/gradio_api/upload", 3 * 10**6) == (
        413,
        "That is larger than the 1 MB this page takes; send less.",
    )
    assert send("/gradio_api/queue/join", 3 * 10**5)[0] == 200
    assert send("/gradio_api/queue/join", 4 * 10**5) == (
        413,
        "That is larger than the 0.3 MB this page takes; send less.",
    )


def test_long_addresses_are_refused(client: TestClient) -> None:
    assert client.get("/", params={"__sign": "x" * 3000}).status_code == 200
    answer = client.get("/gradio_api/upload_progress", params={"upload_id": "x" * 5000})
    assert (answer.status_code, answer.text) == (414, "The address is too long.")


def test_a_request_that_fails_costs_one_short_line(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "fyp_serving"):
        answer = client.post("/gradio_api/call/fail", json={})
    assert (answer.status_code, answer.text) == (400, "The request cannot be understood.")
    assert len(caplog.messages) == 1
    assert len(caplog.messages[0]) < 400
    assert shortened("two\nlines \x1b[2J\u202e") == "two lines \ufffd[2J\ufffd"


def test_health_readiness_and_numbers(client: TestClient) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
        ("203.0.113.5", {}, 403),
        ("203.0.113.5", {"Authorization": "Bearer wrong"}, 403),
        ("203.0.113.5", {"Authorization": "Bearer secret"}, 200),
        ("unknown", {}, 403),
    ],
)
def test_numbers_are_for_this_machine_and_for_the_token(
    address: str, headers: dict[str, str], status: int
) -> None:
    page = Starlette(routes=routes(Metrics(), lambda: True, SecretStr("secret")))
    answer = TestClient(page, client=(address, 5000)).get("/metrics", headers=headers)
    assert (answer.status_code, "fyp_jobs_at_work 0.0" in answer.text) == (status, status == 200)
    page = Starlette(routes=routes(Metrics(), lambda: True))
    assert TestClient(page, client=("203.0.113.5", 5000)).get("/metrics").status_code == 403


def _write(path: Path, age: float, size: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_files_of_visitors_are_deleted_by_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / "cut_off", tmp_path / "deep" / "er" / "video.mp4"]
    for file in files:
        _write(file, age=0)
    sweeper = Sweeper([tmp_path, tmp_path / "deep"], HOUR)
    sweeper.sweep()
    assert all(file.exists() for file in files)
    assert 2 < sweeper.used_bytes < 20_000, "the smallest file takes a block of the disk"
    later = time.time() + 2 * HOUR
    monkeypatch.setattr(time, "time", lambda: later)
    new = tmp_path / "new"
    new.write_text("a")
    os.utime(new, (later, later))
    sweeper.sweep()
    assert list(tmp_path.iterdir()) == [new]


def test_the_oldest_files_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    old, older = _write(tmp_path / "old", 0, 60_000), _write(tmp_path / "older", 0, 60_000)
    os.utime(old, (now + HOUR / 2,) * 2)
    sweeper = Sweeper([tmp_path], 24 * HOUR, most_bytes=100_000)
    sweeper.sweep()
    assert sweeper.is_full(), "what was just written may be in use"
    monkeypatch.setattr(time, "time", lambda: now + HOUR)
    sweeper.sweep()
    assert (old.exists(), older.exists(), sweeper.is_full()) == (True, False, False)


def test_stores_with_an_index_are_swept_as_often_as_the_files(tmp_path: Path) -> None:
    swept: list[str] = []
    sweeper = Sweeper([tmp_path], HOUR, others=[lambda: swept.append("gallery")])
    sweeper.sweep()
    sweeper.sweep()
    assert swept == ["gallery", "gallery"]
