"""What the end-to-end tests share: the real commands, run as a user runs them."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START_LIMIT = 120  # seconds, generous for a busy machine
EXAMPLES = ROOT / "pose_example"
ENVIRONMENT = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_until_up(port: int, server: subprocess.Popen[bytes], path: str = "") -> None:
    """Wait until the page answers, or at ``readyz`` until its model is loaded."""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5)
            return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.2)
    pytest.fail("The page did not start.")


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs ``python ARGUMENTS`` in an empty folder."""

    def run_python(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=tmp_path,
            env=ENVIRONMENT | variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run_python
