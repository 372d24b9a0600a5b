"""``convert``: any model in, ours out, whole or not at all."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fyp_core.__main__ import main
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.weights.convert import convert_model
from fyp_core.weights.sources import resolve_model
from fyp_media.errors import InputError


def test_every_weight_is_kept_in_the_dtype_asked_for(tiny_model_dir: Path, tmp_path: Path) -> None:
    assert main(["convert", str(tiny_model_dir), str(tmp_path / "new/half"), "--dtype", "fp16"]) == 0
    for part in ("unet", "vae", "pose_encoder"):
        name = f"{part}/diffusion_pytorch_model.safetensors"
        before, after = load_file(tiny_model_dir / name), load_file(tmp_path / "new/half" / name)
        assert {tensor.dtype for tensor in after.values()} == {torch.float16}
        assert before.keys() == after.keys()
        assert all(torch.equal(before[name].half(), after[name]) for name in before)


def test_the_result_is_a_model_that_names_no_place(tiny_model_dir: Path, tmp_path: Path) -> None:
    convert_model(resolve_model(str(tiny_model_dir)), tmp_path / "model")
    pipeline = FollowYourPosePipeline.from_source(resolve_model(str(tmp_path / "model")))
    assert pipeline.config.default_num_inference_steps == 2
    texts = [path.read_text() for path in (tmp_path / "model").rglob("*.json")]
    assert not [text for text in texts if str(tiny_model_dir.parent) in text]


def test_a_model_is_replaced_and_its_readme_stays(tiny_model_dir: Path, tmp_path: Path) -> None:
    target = tmp_path / "model"
    source = resolve_model(str(tiny_model_dir))
    target.mkdir()
    (target / "README.md").write_text("About this model")
    convert_model(source, target)
    (target / "samples").mkdir()
    (target / "samples/one.txt").write_text("1")
    (target / "unet/stale.bin").write_text("of the old model")
    convert_model(source, target, torch.bfloat16)
    assert (target / "README.md").read_text() == "About this model"
    assert (target / "samples/one.txt").exists()
    assert not (target / "unet/stale.bin").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_something_else_is_not_overwritten(tiny_model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(InputError, match="not a model"):
        convert_model(resolve_model(str(tiny_model_dir)), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_a_failure_leaves_the_old_model(
    tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "model"
    source = resolve_model(str(tiny_model_dir))
    convert_model(source, target)
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*")}

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fyp_core.pipeline.FollowYourPosePipeline.save_pretrained", full_disk)
    with pytest.raises(InputError, match="No space left"):
        convert_model(source, target)
    assert {path: path.stat().st_mtime_ns for path in target.rglob("*")} == before
    assert json.loads((target / "model_index.json").read_text())
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
