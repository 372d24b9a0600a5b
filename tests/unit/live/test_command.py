"""``fyp live`` as a user runs it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fyp_core.__main__ import BAD_INPUT, OK, main
from fyp_media.read_video import probe

EXAMPLE = Path("pose_example/raw_man_cheering.mp4").resolve()


@pytest.fixture
def live(tiny_model_dir: Path) -> Callable[..., int]:
    def run(*arguments: object) -> int:
        return main(["live", "--model", str(tiny_model_dir), "--prompt", "a robot", *map(str, arguments)])

    return run


@pytest.mark.slow
def test_every_frame_of_a_video_file_becomes_a_frame(
    live: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.mp4"
    assert live("--input", EXAMPLE, "--every-frame", "--output", output, "--json") == OK
    report = json.loads(capsys.readouterr().out)
    made, source = probe(output), probe(EXAMPLE)
    assert report["frames"] == made.frame_count
    assert source.frame_count - made.frame_count <= 2  # the first ones may show nobody
    assert made.fps == pytest.approx(source.fps, rel=0.01)


@pytest.mark.slow
def test_a_file_is_played_in_real_time(live: Callable[..., int], tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    assert live("--input", EXAMPLE, "--seconds", 2, "--output", output) == OK
    assert 1.5 < probe(output).duration < 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input", "missing.mp4"], "There is no file missing.mp4"),
        (["--input", "99"], "Camera 99 cannot be opened"),
        (["--input", "0", "--every-frame"], "A camera cannot be paused"),
        (["--seconds", "0"], "must be above 0"),
        (["--steps", "0"], "at least 1"),
    ],
)
def test_what_cannot_work_is_one_sentence(
    live: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert live(*arguments) == BAD_INPUT
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


@pytest.mark.slow
def test_where_nobody_is_seen_no_file_is_written(
    live: Callable[..., int],
    make_video: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = tmp_path / "out.mp4"
    assert live("--input", make_video(frames=10), "--every-frame", "--output", output) == BAD_INPUT
    assert "Nobody was seen" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
