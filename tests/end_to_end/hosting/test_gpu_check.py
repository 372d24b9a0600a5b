"""``scripts/gpu_check.sh`` from the archive of ``scripts/pack_for_gpu.sh``, at toy size where there is no GPU."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.gpu.check import Report, Row, check
from tests.end_to_end.conftest import ROOT

LACKING = ("av", "gradio", "mediapipe", "platformdirs", "timm", "webdataset")  # on a machine for measuring


@pytest.mark.slow
def test_the_archive_holds_all_that_the_check_needs(tmp_path: Path) -> None:
    archive, out = tmp_path / "gpu_check.tar.gz", tmp_path / "out"
    lacking = tmp_path / "lacking"
    lacking.mkdir()
    for package in LACKING:
        (lacking / f"{package}.py").write_text("raise ModuleNotFoundError(__name__)")
    environment = {
        **os.environ,
        "WITHOUT_PACKAGES": "1",
        "PYTHON": sys.executable,
        "PYTHONPATH": str(lacking),
    }
    subprocess.run([ROOT / "scripts/pack_for_gpu.sh", archive], check=True, env=environment)
    assert archive.stat().st_size < 60 * 2**20
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    script = tmp_path / "gpu_check/scripts/gpu_check.sh"
    subprocess.run([script, out, "--toy"], check=True, env=environment, cwd=tmp_path)
    parts = {part["part"]: part for part in json.loads((out / "gpu_check.json").read_text())}
    assert all(part["rows"] for name, part in parts.items() if name != "waits")  # of a GPU
    assert [part["note"] for part in parts.values() if part["note"]] == []
    assert {"exact", "fast", "turbo"} <= {row.get("preset") for row in parts["speed"]["rows"]}
    assert "## Conformance" in (out / "gpu_check.md").read_text()


def _rows() -> Iterator[Row]:
    yield {"figure": 1}
    yield {"figure": 2}


def _failing() -> Iterator[Row]:
    yield {"figure": 1}
    raise RuntimeError("no such kernel")


def test_a_part_that_fails_does_not_cost_the_others(tmp_path: Path) -> None:
    report = Report(tmp_path)
    assert not check({"first": _failing, "second": _rows}, report, minutes=1)
    first, second = json.loads((tmp_path / "gpu_check.json").read_text())
    assert (first["rows"], first["note"]) == ([{"figure": 1}], "Failed: RuntimeError: no such kernel")
    assert (second["rows"], second["note"]) == ([{"figure": 1}, {"figure": 2}], "")


def test_parts_are_left_out_when_the_time_is_over(tmp_path: Path) -> None:
    assert check({"first": _rows}, Report(tmp_path), minutes=0)
    assert "Left out: the time is over." in (tmp_path / "gpu_check.md").read_text()
