"""Models from the Hugging Face hub, played by a server on this machine."""

import hashlib
import json
import shutil
import subprocess
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from diffusers import DDIMScheduler

from benchmarks.random_model import SCHEDULER, clip_tokenizer
from fyp_core.generation.metadata import read_settings
from tests.end_to_end.conftest import EXAMPLES
from tests.tiny_formats import published_layout
from tests.tiny_model import build_pipeline

pytestmark = pytest.mark.slow

BASE = ("CompVis/stable-diffusion-v1-4", "133a221b8aa7292a167afc5127cb63fb5005638b")
WEIGHTS = ("YueMafighting/FollowYourPose_v1", "f8c808b84975b9d57106021037a8bcc5c65061a1")
NETWORK = "followyourpose_checkpoint-1000/pytorch_model.bin"
REVISIONS = sorted("@".join(part) for part in (BASE, WEIGHTS))


@dataclass
class Hub:
    """Repositories by their id and commit; what was asked for; and after how many bytes a file breaks off."""

    repositories: dict[tuple[str, str], Path]
    address: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)  # method, file
    breaks_off: dict[str, int] = field(default_factory=dict)

    def downloaded(self) -> list[str]:
        return [name for method, name in self.requests if method == "GET"]


class Answer(BaseHTTPRequestHandler):
    """The two requests that a download makes: the list of a repository's files, and a file."""

    def __init__(self, hub: Hub, *connection: object) -> None:
        self.hub = hub
        super().__init__(*connection)

    def do_GET(self) -> None:
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        for (repository, commit), folder in self.hub.repositories.items():
            if path == f"/api/models/{repository}/tree/{commit}":
                return self._list(folder)
            if path.startswith(prefix := f"/{repository}/resolve/{commit}/"):
                return self._file(folder / path.removeprefix(prefix), path, commit)
        self.send_error(404)
        return None

    do_HEAD = do_GET  # noqa: N815 - the server's name

    def _list(self, folder: Path) -> None:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        tree = [
            {
                "type": "file",
                "path": str(file.relative_to(folder)),
                "size": file.stat().st_size,
                "oid": "0" * 40,
            }
            for file in files
        ]
        content = json.dumps(tree).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _file(self, file: Path, name: str, commit: str) -> None:
        self.hub.requests.append((self.command, name))
        if not file.is_file():
            return self.send_error(404)
        content = file.read_bytes()
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", commit)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[: self.hub.breaks_off.get(file.name)])
            self.close_connection = True
        return None

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    (tmp_path / "tokenizer").mkdir()
    pipeline = build_pipeline(
        tokenizer=clip_tokenizer(tmp_path / "tokenizer"),
        scheduler=DDIMScheduler(**SCHEDULER, clip_sample=False, steps_offset=1),
    )
    weights = published_layout(pipeline, tmp_path / "weights")
    base = Path(shutil.move(weights / "stable-diffusion-v1-4", tmp_path / "base"))
    hub = Hub({BASE: base, WEIGHTS: weights})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Answer, hub)) as server:
        hub.address = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield hub
        server.shutdown()


def test_a_download_that_broke_off_goes_on_and_is_found_again_offline(
    hub: Hub, run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    where = {"FYP_CHECKPOINTS": str(tmp_path / "empty"), "HF_HOME": str(tmp_path / "home")}
    online = where | {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.address, "HF_HUB_DISABLE_XET": "1"}
    generate = (
        "-m", "fyp_core", "generate", "--model", "followyourpose-v1", "--input", EXAMPLES / "skeleton_disco.mp4",
        "--input-type", "skeleton", "--prompt", "a robot", "--frames", "1", "--steps", "1", "--width", "32",
        "--height", "32",
    )  # fmt: skip
    hub.breaks_off["pytorch_model.bin"] = 100_000
    broken = run(*generate, "--output", "broken.mp4", **online)
    assert broken.returncode == 2
    assert "was interrupted" in broken.stderr.splitlines()[-1]
    assert "Traceback" not in broken.stderr
    assert not (tmp_path / "broken.mp4").exists()

    hub.breaks_off.clear()
    hub.requests.clear()
    finished = run(*generate, "--output", "out.mp4", **online)
    assert finished.returncode == 0, finished.stderr
    assert "Fetching 1 files: 100%" in finished.stderr, "a progress bar"
    assert {name for name in hub.downloaded() if BASE[0] in name} == set(), "those were complete"
    assert read_settings(tmp_path / "out.mp4")["model_revisions"] == REVISIONS

    hub.requests.clear()
    offline = run(*generate, "--output", "offline.mp4", **where)
    assert offline.returncode == 0, offline.stderr
    models = json.loads(run("-m", "fyp_core", "models", "--json", **where).stdout)
    (published,) = (model for model in models if model["name"] == "followyourpose-v1")
    assert published["missing"] == []
    assert published["revisions"] == REVISIONS
    assert hub.requests == []


def test_nothing_else_is_downloaded(
    hub: Hub, run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    where = {"FYP_CHECKPOINTS": str(tmp_path / "empty"), "HF_HOME": str(tmp_path / "home")}
    online = where | {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.address, "HF_HUB_DISABLE_XET": "1"}
    finished = run("-m", "fyp_core", "convert", "followyourpose-v1", "converted", **online)
    assert finished.returncode == 0, finished.stderr
    names = {name.partition("/resolve/")[2].partition("/")[2] for name in hub.downloaded()}
    assert NETWORK in names
    assert "pose_encoder.pth" in names
    assert not any("optimizer" in name for name in names)
    assert "unet/diffusion_pytorch_model.safetensors" not in names, "the published network brings all weights"
