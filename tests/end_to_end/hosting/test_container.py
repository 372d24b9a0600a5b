"""What hosts read: the Dockerfile is sound, and compose.yaml names what the project understands."""

import subprocess
import sys
from pathlib import Path

import yaml

from tests.end_to_end.conftest import ROOT


def test_the_dockerfile_is_sound() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    checked = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_container_runs_as_an_unprivileged_user_on_a_pinned_base() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    (base,) = [line for line in lines if line.startswith("FROM ")]
    assert "@sha256:" in base
    assert [line for line in lines if line.startswith("USER ")][-1] == "USER 1000"


def test_settings_are_read_from_a_file_that_gets_into_no_image_and_no_commit() -> None:
    for service in yaml.safe_load((ROOT / "compose.yaml").read_text())["services"].values():
        assert service["env_file"] == [{"path": ".env", "required": False}]
        assert (service["environment"]["HOST"], service["environment"]["PORT"]) == ("0.0.0.0", "7860")
    assert ".env" in (ROOT / ".dockerignore").read_text().splitlines()
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()


def test_one_service_needs_no_gpu_and_the_other_asks_for_one() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert services["cpu"]["build"]["args"] == {"TORCH_BACKEND": "cpu"}
    assert "profiles" not in services["cpu"]
    assert services["gpu"]["profiles"] == ["gpu"]
    (device,) = services["gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]
