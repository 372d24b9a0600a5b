"""Benchmarks run; what they measure is for them to say."""

import json
from pathlib import Path

import pytest

from benchmarks.training import main as training
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
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["data"], told["workers"]) == (data, 1 if data == "clips" else 0)
    assert told["trainer, samples/s"] > 0
    assert told["bare loop, samples/s"] > 0


def test_a_setting_that_there_is_not_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert training(["train_data.clip=3"]) == 2
    assert "train_data.clip; did you mean train_data.clips" in capsys.readouterr().err
