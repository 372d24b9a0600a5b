"""``python -m fyp_core prepare-data`` on a local Ray of two workers: nothing is lost or doubled, whoever dies."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from fyp_core.preparation.collection import ShardUnit
from fyp_core.synthetic import sample_clip
from tests.end_to_end.conftest import ENVIRONMENT

pytestmark = pytest.mark.slow

PICTURES = 24
REJECTED = {"blank.png": "nobody found", "broken.jpg": "unreadable"}
PATIENCE = 240  # seconds


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same two people in many files."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, seed in (("man", 8), ("woman", 22)):
        clip = sample_clip(np.random.default_rng(seed), 1, 384, character=name)
        Image.fromarray(clip.frames[0]).save(folder / f"{name}_00.png")
        for copy in range(PICTURES // 2):
            if copy:
                shutil.copy(folder / f"{name}_00.png", folder / f"{name}_{copy:02d}.png")
            (folder / f"{name}_{copy:02d}.txt").write_text(f"{name} number {copy}")
    Image.fromarray(np.zeros((300, 300, 3), np.uint8)).save(folder / "blank.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    for name in ("blank", "broken"):
        (folder / f"{name}.txt").write_text(name)
    return folder


@pytest.fixture
def start(pictures: Path, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts the command; what is left of it at the end is ended."""
    started = []
    scratch = tempfile.mkdtemp(prefix="r", dir="/tmp")  # names of Ray's sockets have to be short

    def start_command() -> subprocess.Popen[str]:
        command = [
            sys.executable, "-m", "fyp_core", "prepare-data", str(pictures), str(tmp_path / "set"), "--json",
            "--estimator", "mediapipe", "--workers", "2", "--shard-size", "3",
        ]  # fmt: skip
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=ENVIRONMENT | {"RAY_worker_niceness": "0", "TMPDIR": scratch},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_command
    for process in started:
        process.kill()
    shutil.rmtree(scratch, ignore_errors=True)


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Processes that name themselves after what Ray lets them do."""
    children = psutil.Process(process.pid).children(recursive=True)
    return [child for child in children if "ShardMaker" in child.as_dict(["cmdline"])["cmdline"][0]]


def wait_for(condition: Callable[[], Any], process: subprocess.Popen[str] | None = None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.05)


def records(folder: Path) -> list[Path]:
    return sorted((folder / "parts").glob("0*.json"))


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    return json.loads(output.splitlines()[-1])


def check_set(folder: Path, pictures: Path) -> None:
    """Every picture once: in a shard, or among those rejected."""
    shards = sorted(folder.glob("*.tar"))
    documents = [
        json.loads(read()["json"]) for shard in shards for _, read in ShardUnit(str(shard)).pictures()
    ]
    kept = {document["source"] for document in documents}
    assert len(documents) == len(kept)
    assert kept == {path.name for path in pictures.glob("*.png")} - set(REJECTED)
    rejects = [reject for path in records(folder) for reject in json.loads(path.read_text())["rejects"]]
    assert sorted((reject["file"], reject["reason"]) for reject in rejects) == sorted(REJECTED.items())
    left = {path.name for path in folder.iterdir()} - {".lock"}
    assert left == {"parts", "settings.json", "summary.json"} | {shard.name for shard in shards}


def test_a_worker_dies_and_another_takes_over(
    start: Callable[[], subprocess.Popen[str]], pictures: Path, tmp_path: Path
) -> None:
    process = start()
    wait_for(lambda: records(tmp_path / "set"), process)
    workers = workers_of(process)
    assert len(workers) == 2
    assert len(records(tmp_path / "set")) < 5  # of nine: both have work
    workers[0].kill()
    summary = finished(process)
    assert (summary["seen"], summary["kept"]) == (PICTURES + 2, PICTURES)
    assert summary["rejected"] == dict.fromkeys(REJECTED.values(), 1)
    assert summary["run"]["pictures_per_second"] > 0
    check_set(tmp_path / "set", pictures)


def test_the_command_dies_and_goes_on(
    start: Callable[[], subprocess.Popen[str]], pictures: Path, tmp_path: Path
) -> None:
    process = start()
    wait_for(lambda: len(records(tmp_path / "set")) >= 2, process)
    workers = workers_of(process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not psutil.wait_procs(workers, PATIENCE)[1]  # they end with it
    before = {path: path.stat().st_mtime_ns for path in records(tmp_path / "set")}
    assert before

    summary = finished(start())
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert summary["seen"] == PICTURES + 2
    assert summary["run"]["seen"] < PICTURES
    check_set(tmp_path / "set", pictures)
