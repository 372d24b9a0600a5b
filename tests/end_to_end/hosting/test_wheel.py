"""The wheel works on its own: installed into a fresh environment, used away from the checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.end_to_end.conftest import EXAMPLES, ROOT, free_port, wait_until_up

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that holds the wheel and sees the libraries, but not the project, of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    pip = [sys.executable, "-m", "pip", "--python", environment / "bin/python", "--quiet"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", wheel], check=True)
    wheel.unlink()
    (site_packages,) = environment.glob("lib/python*/site-packages")
    (site_packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment


@pytest.fixture
def away(tmp_path: Path) -> Path:
    """A folder with nothing but two videos."""
    for name in ("skeleton_disco.mp4", "raw_man_cheering.mp4"):
        shutil.copy(EXAMPLES / name, tmp_path)
    return tmp_path


@pytest.fixture
def run(environment: Path, away: Path) -> Callable[..., str]:
    """Runs a program of the environment and gives the last line it printed."""

    def run_program(name: str, *arguments: str) -> str:
        command = [environment / "bin" / name, *arguments]
        finished = subprocess.run(
            command, cwd=away, env=_variables(), capture_output=True, text=True, check=False
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout.strip().splitlines()[-1]

    return run_program


def test_the_installed_copy_is_used_and_tells_its_version(environment: Path, run: Callable[..., str]) -> None:
    place = run("python", "-c", "import fyp_core; print(fyp_core.__file__)")
    assert Path(place).is_relative_to(environment)
    assert run("fyp", "--version") == f"Follow Your Pose {version('follow-your-pose')}"


def test_generate_with_the_model_in_the_wheel(away: Path, run: Callable[..., str]) -> None:
    wanted = ("--input", "skeleton_disco.mp4", "--input-type", "skeleton", "--prompt", "a panda on the moon")
    chosen = ("--output", "panda.mp4", "--model", "mini", "--steps", "2")
    report = json.loads(run("fyp", "generate", *wanted, *chosen, "--json"))
    assert (report["model"], report["frames"]) == ("mini", 36)  # 3 s at 12 frames a second
    assert (away / "panda.mp4").stat().st_size > 1000


def test_extract_poses(away: Path, run: Callable[..., str]) -> None:
    report = json.loads(run("fyp-pose", "raw_man_cheering.mp4", "-o", "skeleton.mp4", "--fps", "4", "--json"))
    assert report["person_share"] == 1
    assert (away / "skeleton.mp4").stat().st_size > 1000


def test_the_page_starts(environment: Path, away: Path) -> None:
    port = free_port()
    variables = _variables() | {"HOST": "127.0.0.1", "PORT": str(port), "FYP_MODEL": "mini"}
    with subprocess.Popen([environment / "bin/fyp", "demo"], cwd=away, env=variables) as page:
        try:
            wait_until_up(port, page)
        finally:
            page.terminate()
    assert page.returncode == 0


def _variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {
        "HF_HUB_OFFLINE": "1"
    }
