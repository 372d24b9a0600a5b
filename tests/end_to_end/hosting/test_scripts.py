"""``scripts/install.sh``: says what is wrong with the interpreter, and is quick when there is nothing to do."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/install.sh", tmp_path / "scripts")
    (tmp_path / "pyproject.toml").write_text("no project that could be installed\n")
    (tmp_path / "requirements.txt").write_text("a-package-that-does-not-exist-anywhere==1\n")
    return tmp_path


def install(checkout: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", checkout / "scripts/install.sh"],
        cwd="/",
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_unsuitable_interpreter_is_named(checkout: Path) -> None:
    finished = install(checkout, PYTHON="false")
    assert finished.returncode == 1
    assert "Python 3.11 or 3.12 is needed; false is neither." in finished.stderr
    assert not (checkout / ".venv").exists()


def test_an_environment_interrupted_before_it_had_pip_is_made_again(checkout: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", checkout / ".venv"], check=True)
    interrupted = checkout / "python"  # again, before it takes its time
    interrupted.write_text(f'#!/bin/sh\n[ "$2" = venv ] && exit 1\nexec {sys.executable} "$@"\n')
    interrupted.chmod(0o755)
    finished = install(checkout, PYTHON=str(interrupted))
    assert (finished.returncode, finished.stdout[:14]) == (1, "Creating .venv")


def test_nothing_is_installed_while_the_project_and_its_requirements_stay_the_same(checkout: Path) -> None:
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").symlink_to(sys.executable)
    parts = [(checkout / name).read_text() for name in ("pyproject.toml", "requirements.txt")]
    (checkout / ".venv/installed").write_text("".join(parts))
    finished = install(checkout)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    (checkout / "requirements.txt").write_text("another-package-that-does-not-exist==1\n")
    finished = install(checkout)
    assert finished.returncode != 0
    assert "Installing Follow Your Pose" in finished.stdout
