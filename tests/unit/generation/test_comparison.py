"""A generated video is exported beside what it follows, with what it says about itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fyp_core.__main__ import main
from fyp_core.generation.metadata import read_settings
from fyp_core.generation.output import save_video
from fyp_media.read_video import probe
from tests.end_to_end.conftest import EXAMPLES

SETTINGS: dict[str, Any] = {
    "prompt": "a robot",
    "stride": 3,
    "start": 6,
    "frames": 4,
    "width": 64,
    "height": 64,
}


@pytest.fixture
def export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Exports a result that was made from one of the examples; gives the status and what was printed."""

    def run(source: str, kind: str, *arguments: str | Path) -> tuple[int, str]:
        result = tmp_path / "result.mp4"
        settings = SETTINGS | {"input": str(EXAMPLES / source), "input_type": kind}
        save_video(result, np.full((4, 64, 64, 3), 90, np.uint8), 8, settings)
        status = main(["export", *map(str, (result, *arguments))])
        printed = capsys.readouterr()
        return status, printed.err if status else printed.out

    return run


@pytest.mark.parametrize(
    ("source", "kind", "columns"), [("skeleton_disco.mp4", "skeleton", 2), ("raw_man_cheering.mp4", "raw", 3)]
)
def test_side_by_side(
    export: Callable[..., tuple[int, str]], tmp_path: Path, source: str, kind: str, columns: int
) -> None:
    status, printed = export(source, kind, "--side-by-side", tmp_path / "both.mp4", "--json")
    assert status == 0
    assert json.loads(printed) == {"side_by_side": str(tmp_path / "both.mp4")}
    info = probe(tmp_path / "both.mp4")
    assert info.width == pytest.approx(columns * 512, abs=16)
    assert info.duration == pytest.approx(0.5, abs=0.05)
    assert read_settings(tmp_path / "both.mp4")["prompt"] == "a robot"


def test_gif_and_frames(export: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    targets = ("--gif", tmp_path / "out.gif", "--frames", tmp_path / "out.zip")
    assert export("skeleton_disco.mp4", "skeleton", *targets)[0] == 0
    assert read_settings(tmp_path / "out.gif")["prompt"] == "a robot"
    assert (tmp_path / "out.zip").stat().st_size > 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to write"),
        (("--gif", "out.mp4"), "end in .gif"),
        (("--side-by-side", "out.mp4", "--source", "gone.mp4"), "no file gone.mp4, the source"),
    ],
)
def test_impossible_exports_are_reported(
    export: Callable[..., tuple[int, str]], arguments: tuple[str, ...], message: str
) -> None:
    status, printed = export("skeleton_disco.mp4", "skeleton", *arguments)
    assert status == 2
    assert message in printed
