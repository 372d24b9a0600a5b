"""The page ends as one expects of a program in a terminal: at once, without a traceback, its port free."""

import contextlib
import fcntl
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ENVIRONMENT, EXAMPLES, ROOT, START_LIMIT, free_port, wait_until_up

pytestmark = pytest.mark.slow


class Terminal:
    """A command in a terminal of its own."""

    def __init__(self, folder: Path, *command: str | Path, **variables: str) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=ENVIRONMENT | variables,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def end(self) -> str:
        """Wait for the end; everything that was printed."""
        try:
            self.process.wait(START_LIMIT)
        finally:
            self.process.kill()
        printed = b""
        with contextlib.suppress(OSError):  # EIO: nothing more will come
            while chunk := os.read(self._master, 2**16):
                printed += chunk
        return printed.decode()


def _take_terminal() -> None:
    """Let the keys of the terminal at the standard input send their signals to this process."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What demo.sh needs, everything installed."""
    (tmp_path / "scripts").mkdir()
    for name in ("demo.sh", "install.sh"):
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts")
    for name in ("app.py", "pose_example", "pyproject.toml", "requirements.txt"):
        (tmp_path / name).symlink_to(ROOT / name)
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(
        f'#!/bin/sh\n[ "$1" = -m ] && exit 97  # nothing is to be installed\nexec "{sys.executable}" "$@"\n'
    )
    python.chmod(0o755)
    installed = [(ROOT / name).read_text() for name in ("pyproject.toml", "requirements.txt")]
    (tmp_path / ".venv/installed").write_text("".join(installed))
    return tmp_path


@pytest.fixture
def demo(checkout: Path, tiny_model_dir: Path) -> Iterator[Callable[[], tuple[Terminal, int]]]:
    """Starts ``bash scripts/demo.sh`` on a free port."""
    started: list[Terminal] = []
    (checkout / "temporary").mkdir()

    def start() -> tuple[Terminal, int]:
        port = free_port()
        variables = {"HOST": "127.0.0.1", "PORT": str(port), "FYP_MODEL": str(tiny_model_dir)}
        variables["TMPDIR"] = str(checkout / "temporary")
        terminal = Terminal(checkout, "bash", checkout / "scripts/demo.sh", **variables)
        started.append(terminal)
        return terminal, port

    yield start
    for terminal in started:
        terminal.process.kill()


def test_ctrl_c_ends_the_page(demo: Callable[[], tuple[Terminal, int]]) -> None:
    terminal, port = demo()
    wait_until_up(port, terminal.process)
    terminal.press("\x03")
    printed = terminal.end()
    assert terminal.process.returncode == 0
    assert f"http://127.0.0.1:{port}" in printed
    assert "Traceback" not in printed
    assert "Exception" not in printed
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_sigterm_ends_the_page_in_the_middle_of_a_job(
    demo: Callable[[], tuple[Terminal, int]], checkout: Path
) -> None:
    from gradio_client import Client, handle_file

    terminal, port = demo()
    wait_until_up(port, terminal.process)
    client = Client(f"http://127.0.0.1:{port}", verbose=False, analytics_enabled=False)
    video = handle_file(str(EXAMPLES / "skeleton_disco.mp4"))
    job = client.submit(
        video=video,
        input_type="skeleton",
        prompt="a robot",
        frames=8,
        steps=500,
        job="a-name-nobody-guesses",
        api_name="/generate",
    )
    deadline = time.monotonic() + START_LIMIT
    while (said := client.predict(job="a-name-nobody-guesses", api_name="/status")).get("phase") != "denoise":
        assert not job.done(), job.exception()
        assert time.monotonic() < deadline, said
        time.sleep(0.1)
    terminal.process.send_signal(signal.SIGTERM)
    printed = terminal.end()
    assert terminal.process.returncode == 0
    assert "Traceback" not in printed
    kept = [path for path in (checkout / "temporary").rglob("*.mp4") if "gradio" not in path.parts]
    assert kept == [], "but what Gradio keeps for a day"


def test_ctrl_c_while_it_starts(demo: Callable[[], tuple[Terminal, int]]) -> None:
    terminal, _ = demo()
    time.sleep(1)
    terminal.press("\x03")
    printed = terminal.end()
    assert terminal.process.returncode in (-signal.SIGINT, 128 + signal.SIGINT)
    assert "Traceback" not in printed


def test_a_place_that_cannot_be_served_is_reported(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, sys.executable, ROOT / "app.py", PORT="many")
    printed = terminal.end()
    assert terminal.process.returncode == 2
    assert "set HOST and PORT" in printed
    assert "Traceback" not in printed
