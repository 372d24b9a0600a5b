"""Bad uploads and requests to a running page: each costs one sentence, and nobody else notices."""

import io
import json
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
import wave
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from benchmarks.load.visitor import Refused, Visitor
from tests.end_to_end.conftest import ENVIRONMENT, EXAMPLES, ROOT, free_port, wait_until_up

pytestmark = pytest.mark.slow

MEGABYTE = 10**6
ANSWER_LIMIT = 1  # seconds
GOOD = {"input_type": "skeleton", "prompt": "a robot", "frames": 2, "steps": 2, "seed": 7}


@dataclass(frozen=True)
class Server:
    port: int
    process: subprocess.Popen[bytes]
    temporary: Path
    log: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def scratch_files(self) -> list[Path]:
        """Files of jobs and of uploads that were cut off."""
        uploads = [
            path
            for path in self.temporary.rglob("tmp*")
            if path.is_file() and path.stat().st_size  # Gradio leaves empty ones beside files it hands over
        ]
        return [*uploads, *self.temporary.glob("*/jobs-*/*")]

    def memory(self) -> int:
        """Bytes of the server and the processes it has started."""
        server = psutil.Process(self.process.pid)
        return sum(each.memory_info().rss for each in (server, *server.children(recursive=True)))


@pytest.fixture(scope="module")
def server(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The page of a toy model with limits; uploads of up to two megabytes."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "temporary").mkdir()
    port = free_port()
    environment = ENVIRONMENT | {
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "FYP_MODEL": str(tiny_model_dir),
        "FYP_MAX_UPLOAD_MB": "2",
        "FYP_MAX_FRAMES": "40",
        "FYP_MAX_SIDE": "1024",
        "FYP_GALLERY": str(folder / "gallery"),
        "TMPDIR": str(folder / "temporary"),
    }
    environment.pop("GRADIO_TEMP_DIR", None)
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, ROOT / "app.py"], cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        wait_until_up(port, process)
        served = Server(port, process, folder / "temporary", folder / "log.txt")
        with Visitor(served.address) as visitor:
            visitor.generate(visitor.upload(EXAMPLES / "skeleton_disco.mp4"), **GOOD)  # loads the model
        yield served
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def visitor(server: Server) -> Iterator[Visitor]:
    with Visitor(server.address) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def good(visitor: Visitor) -> str:
    return visitor.upload(EXAMPLES / "skeleton_disco.mp4")


@pytest.fixture(autouse=True)
def nobody_notices(server: Server) -> Iterator[None]:
    """After each request the page answers at once, and keeps no file of a job or of half an upload."""
    memory, logged = server.memory(), server.log.stat().st_size
    yield
    start = time.monotonic()
    with Visitor(server.address) as other:
        assert other.http.get("/").status_code == 200
    assert time.monotonic() - start < ANSWER_LIMIT
    while (left := server.scratch_files()) and time.monotonic() - start < ANSWER_LIMIT:
        time.sleep(0.05)
    assert left == []
    assert server.memory() - memory < 2**30
    log = server.log.read_text()[logged:]
    assert "Traceback" not in log
    assert all(len(line) < 1000 for line in log.splitlines())


def _picture(side: int) -> bytes:
    target = io.BytesIO()
    first, second = (Image.new("L", (side, side), value) for value in (0, 1))
    first.save(target, "PNG", save_all=True, append_images=[second])
    return target.getvalue()


def _sound() -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(8000))
    return target.getvalue()


def _archive() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.mp4", bytes(1000))
    return target.getvalue()


def _example() -> bytes:
    return (EXAMPLES / "skeleton_disco.mp4").read_bytes()


NO_VIDEO = "not a video|no moving picture|damaged|cut off"
FILES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "empty": ("a.mp4", lambda: b"", "empty"),
    "text": ("a.mp4", lambda: b"This is no video.", NO_VIDEO),
    "zeros": ("a.mp4", lambda: bytes(10_000), NO_VIDEO),
    "noise": ("a.mp4", lambda: os.urandom(10_000), NO_VIDEO),
    "beginning of a video": ("a.mp4", lambda: _example()[:3000], NO_VIDEO),
    "end of a video": ("a.mp4", lambda: _example()[len(_example()) // 2 :], NO_VIDEO),
    "playlist": ("a.mp4", lambda: b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n", NO_VIDEO),
    "list of files": ("a.mp4", lambda: b"ffconcat version 1.0\nfile /etc/passwd\n", NO_VIDEO),
    "stream description": ("a.sdp", lambda: b"v=0\nm=video 9 RTP/AVP 96\nc=IN IP4 127.0.0.1\n", NO_VIDEO),
    "sound": ("a.wav", _sound, NO_VIDEO),
    "archive": ("a.mp4", _archive, NO_VIDEO),
    "pickle": ("a.mp4", lambda: pickle.dumps({"a": 1}), NO_VIDEO),
    "page": ("a.html", lambda: b"<script>alert(1)</script>", NO_VIDEO),
    "drawing": ("a.svg", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", NO_VIDEO),
    "one picture": ("a.png", lambda: _picture(64), "frames"),
    "huge picture": ("a.png", lambda: _picture(8000), "megapixels"),
    "path": ("../../../a.mp4", lambda: b"text", NO_VIDEO),
    "long name": ("a" * 400 + ".mp4", lambda: b"text", NO_VIDEO),
    "strange name": ("<b>\n%00;rm\u202e.mp4", lambda: b"text", NO_VIDEO),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file(visitor: Visitor, name: str) -> None:
    file, content, sentence = FILES[name]
    uploaded = visitor.upload((file, content()))
    assert Path(uploaded).parents[1].name == "gradio"
    with pytest.raises(Refused, match=sentence) as caught:
        visitor.generate(uploaded, **GOOD)
    _check_sentence(str(caught.value))


SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "no prompt": ({"prompt": " "}, "prompt is empty"),
    "a prompt as long as a book": ({"prompt": "a robot " * 30_000}, "at most 10000 are possible"),
    "much to avoid": ({"negative_prompt": "bad " * 60_000}, "at most 10000 are possible"),
    "half a character": ({"prompt": "a robot \ud800"}, "cannot be written"),
    "a name with nothing in it": ({"job": "a\0name-nobody-guesses"}, "cannot be written"),
    "a name that can be guessed": ({"job": "1"}, "that nobody can guess"),
    "a very long name": ({"job": "a" * 10_000}, "take 16 to 200"),
    "body of the server": ({"retarget": "/etc"}, "factors such as legs"),
    "keypoints of the server": ({"retarget": "/srv/a.json"}, "factors such as legs"),
    "weights in words": ({"lora_weights": "strong"}, "no list of numbers"),
    "a weight for everything": ({"lora_weights": 5}, "no list of numbers"),
    "no frames": ({"frames": 0}, "minimum"),
    "frames in words": ({"frames": "many"}, "cannot be used"),
    "frames as a list": ({"frames": [1, 2]}, "cannot be used"),
    "a billion frames": ({"frames": 10**9}, "at most 40"),
    "frames beyond the limit": ({"frames": 41}, "at most 40"),
    "no stride": ({"stride": 0}, "minimum"),
    "start beyond the end": ({"start": 10**8}, "or earlier"),
    "negative start": ({"start": -1}, "minimum|at least"),
    "crop of everything": ({"crop_left": 5000}, "does not fit"),
    "unknown kind": ({"input_type": "text"}, "not in the list"),
    "unknown preset": ({"preset": "best"}, "not in the list"),
    "unknown estimator": ({"estimator": "/etc/passwd"}, "not in the list"),
    "unknown scheduler": ({"scheduler": "a" * 5000}, "Value: aaa"),
    "IP-Adapter of the server": ({"ip_adapter": "/etc/passwd"}, "not in the list"),
    "odd width": ({"width": 50}, "multiples of 8"),
    "width of a wall": ({"width": 10**6}, "at most 1024"),
    "large seed": ({"seed": 2**40}, "within 0 and"),
    "a million steps": ({"steps": 10**6}, "at most 1000"),
    "guidance in words": ({"guidance": "strong"}, "valid number"),
    "LoRAs of another form": ({"loras": "ink"}, "cannot be used"),
    "unknown setting": ({"speed": 1}, "cannot be understood"),
    "file of the server": ({"video": "/etc/passwd"}, "not uploaded"),
    "file above": ({"video": "../../../../etc/passwd"}, "not uploaded"),
    "address": ({"video": "http://169.254.169.254/a.mp4"}, "upload the file"),
    "address of a file": ({"video": "file:///etc/passwd"}, "upload the file"),
    "LoRA of the server": (
        {"loras": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]},
        "not uploaded",
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_bad_setting(visitor: Visitor, good: str, name: str) -> None:
    settings, sentence = SETTINGS[name]
    settings = {**GOOD, **settings}
    with pytest.raises(Refused, match=sentence) as caught:
        visitor.generate(settings.pop("video", good), **settings)
    _check_sentence(str(caught.value))


FORM = {"Content-Type": "multipart/form-data; boundary=b"}
PART = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
JSON = {"Content-Type": "application/json"}
REQUESTS: dict[str, tuple[int, str, dict[str, Any]]] = {
    "large upload": (413, "upload", {"headers": FORM, "content": PART + bytes(4 * MEGABYTE)}),
    "large upload in parts": (413, "upload", {"headers": FORM, "content": [PART, *[bytes(MEGABYTE)] * 4]}),
    "upload without a form": (400, "upload", {"content": b"video"}),
    "form without a boundary": (400, "upload", {"headers": {"Content-Type": "multipart/form-data"}}),
    "form that is none": (400, "upload", {"headers": FORM, "content": b"--c\r\n"}),
    "large values": (413, "queue/join", {"json": {"data": ["a" * 2 * MEGABYTE]}}),
    "session with a long name": (413, "queue/join", {"json": {"data": [], "session_hash": "a" * MEGABYTE}}),
    "no JSON": (422, "queue/join", {"headers": JSON, "content": b"{"}),
    "deep JSON": (400, "queue/join", {"headers": JSON, "content": b"[" * 100_000}),
    "no session": (400, "queue/join", {"json": {"data": [], "fn_index": 0}}),
    "unknown function": (400, "queue/join", {"json": {"data": [], "fn_index": 99, "session_hash": "a"}}),
    "unknown endpoint": (400, "call/v2/nothing", {"json": {}}),
    "round the queue": (404, "run/generate", {"json": {"data": []}}),
    "conversion of a recording": (404, "process_recording", {"json": {}}),
    "editor": (404, "vibe-edit", {"json": {"prompt": "a"}}),
    "proxy": (404, "proxy=http://169.254.169.254/", {}),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_bad_request(visitor: Visitor, name: str) -> None:
    status, path, request = REQUESTS[name]
    if isinstance(request.get("content"), list):
        request = {**request, "content": iter(request["content"])}
    answer = visitor.http.post(f"/gradio_api/{path}", **request)
    assert answer.status_code == status
    assert 0 < len(answer.text) < 1000


def test_an_upload_that_is_cut_off_leaves_nothing(server: Server) -> None:
    head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: a\r\nContent-Length: {MEGABYTE}\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(
            f"{head}Content-Type: {FORM['Content-Type']}\r\n\r\n".encode() + PART + bytes(1000)
        )
        time.sleep(0.2)
    time.sleep(0.3)


def test_a_job_at_work_is_not_disturbed(server: Server, visitor: Visitor, good: str) -> None:
    settings: list[dict[str, Any]] = []

    def work() -> None:
        with Visitor(server.address) as other:
            output = other.generate(
                good, **{**GOOD, "steps": 60, "frames": 16, "stride": 1, "scheduler": "ddim"}
            )
            settings.append(next(each for each in output if isinstance(each, dict) and "steps" in each))

    worker = threading.Thread(target=work)
    worker.start()
    for status, path, request in REQUESTS.values():
        if not isinstance(request.get("content"), list):
            assert visitor.http.post(f"/gradio_api/{path}", **request).status_code == status
    worker.join(60)
    assert [(each["steps"], each["frames"], each["seed"]) for each in settings] == [(60, 16, 7)]
    assert 'fyp_jobs_total{outcome="finished"}' in visitor.http.get("/metrics").text


def _check_sentence(text: str) -> None:
    assert 10 < len(text) < 400
    assert "\n" not in text
    assert json.dumps(text).count("Traceback") == 0
