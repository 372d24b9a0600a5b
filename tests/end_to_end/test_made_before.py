"""Files made before version 1.0.0 work unchanged: a saved model, and a video repeated with ``--like``."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fyp_core import FollowYourPosePipeline
from fyp_core.__main__ import main
from fyp_core.generation.metadata import read_settings
from fyp_media.read_video import sample_frames
from tests.end_to_end.conftest import ROOT

FOLDER = ROOT / "tests/data/made_before"


def test_a_saved_model_makes_the_frames_it_made() -> None:
    pipeline = FollowYourPosePipeline.from_pretrained(FOLDER / "saved_model").to(torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    skeleton = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    generator = torch.Generator().manual_seed(0)
    sampling = {"num_inference_steps": 2, "guidance_scale": 3.0, "height": 32, "width": 32}
    frames = pipeline("a robot", skeleton, generator=generator, **sampling).frames[0]
    before = np.asarray(Image.open(FOLDER / "saved_model_video.png"))
    assert decibels(np.concatenate(list(frames * 255), axis=1), before) > 45


@pytest.mark.slow
def test_a_video_is_repeated(tmp_path: Path) -> None:
    before, again = FOLDER / "saved_model_video.mp4", tmp_path / "again.mp4"
    source, model = FOLDER / "skeleton_disco.mp4", FOLDER / "saved_model"
    settings = ["--like", before, "--input", source, "--model", model, "--output", again]
    assert main(["generate", *map(str, settings)]) == 0
    first, second = (np.stack(list(sample_frames(path, 4, stride=1))) for path in (before, again))
    assert decibels(first, second) > 40


@pytest.mark.slow
def test_the_settings_of_a_video_are_taken_and_other_weights_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, again = FOLDER / "robot.mp4", tmp_path / "again.mp4"
    source = FOLDER / "skeleton_disco.mp4"
    assert main(["generate", "--like", str(before), "--input", str(source), "--output", str(again)]) == 0
    assert "may not be the same" in (said := capsys.readouterr().err) and "model_hash" in said
    first, second = read_settings(before), read_settings(again)
    assert first["model_hash"] != second["model_hash"]
    for name in ("prompt", "seed", "steps", "guidance", "width", "height", "frames"):
        assert second[name] == first[name], name


def decibels(first: np.ndarray, second: np.ndarray) -> float:
    """PSNR of 8-bit pictures; two different ones are some 10 dB apart."""
    error = np.mean((first.astype(float) - second.astype(float)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)
