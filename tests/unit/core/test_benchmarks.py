"""Benchmarks run; what they measure is for them to say."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.speed import end_to_end
from benchmarks.training import main as training
from benchmarks.windows import histogram_distance, seam_pairs
from tests.tiny_model import SIZE


@pytest.mark.parametrize(
    ("data", "given"),
    [
        ("world", [f"train_data.size={SIZE}", "train_data.clips=2"]),
        ("clips", ["--clips", f"train_data.width={SIZE}", f"train_data.height={SIZE}"]),
    ],
)
def test_the_trainer_runs_beside_a_bare_loop(
    data: str, given: list[str], tiny_model_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes = ["train_data.n_sample_frames=2", "train_batch_size=2"]
    model = f"pretrained_model_path={tiny_model_dir}"
    assert training([*given, *sizes, model, "--turns", "2", "--steps", "1"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (report["data"], report["workers"]) == (data, 1 if data == "clips" else 0)
    assert report["trainer, samples/s"] > 0
    assert report["bare loop, samples/s"] > 0


def test_an_unknown_setting_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert training(["train_data.clip=3"]) == 2
    assert "train_data.clip; did you mean train_data.clips" in capsys.readouterr().err


def test_seams_lie_between_the_windows() -> None:
    assert not seam_pairs(20, window=24, overlap=4).any()
    seams = np.flatnonzero(seam_pairs(60, window=24, overlap=4))
    assert len(seams) == 2  # of three windows
    assert 20 <= seams[0] < 25  # within the frames that the first two share


def test_colours_that_change_are_a_distance() -> None:
    dark, light = np.zeros((2, 8, 8, 3), np.uint8), np.full((2, 8, 8, 3), 255, np.uint8)
    assert histogram_distance(dark, dark) == 0
    assert histogram_distance(dark, light) == 1


def test_a_video_takes_the_sum_of_its_parts() -> None:
    seconds = {f"{kind}: {part}": 1.0 for kind in ("reference", "ours") for part in ("text", "decode")}
    seconds |= {
        "reference: step": 2.0,
        "ours: guided": 1.0,
        "ours: guided, features reused": 0.1,
        "ours: pose": 1.0,
    }
    rows = {row["preset"]: row for row in end_to_end({"seconds": seconds, "frames": 8}, own_steps=50)}
    assert rows["reference"]["seconds"] == 1 + 2 + 50 * 2  # 8 frames are decoded in two parts
    assert rows["exact"]["seconds"] == 1 + 2 + 1 + 50
    assert rows["fast"]["seconds"] == pytest.approx(1 + 2 + 1 + 8 + 7 * 0.1)
    assert rows["turbo"]["times as fast"] > rows["fast"]["times as fast"] > rows["exact"]["times as fast"]
