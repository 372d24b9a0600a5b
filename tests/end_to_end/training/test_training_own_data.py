"""A user's own data, end to end: prepared pairs for stage 1, and for stage 2 clips and a table in a folder."""

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from webdataset import TarWriter

from fyp_core.generation.device import choose_dtype
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.preparation.shard_maker import Candidate, pair_files
from fyp_core.synthetic import WorldClip, sample_clip, world
from fyp_core.synthetic.characters import figure
from fyp_media.write_video import write_video
from pose_extraction.poses import FramePoses
from tests.end_to_end.conftest import ROOT

pytestmark = pytest.mark.slow

MINI = ROOT / "checkpoints/mini"
PURPLE = (170, 40, 200)  # of all that a man wears
SIZE = 256


@pytest.fixture
def draw_witch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., WorldClip]:
    """Renders clips of a character that mini was never shown, whose word it knows as a word only."""
    man = figure("man")
    groups = tuple(tuple((replace(part, color=PURPLE), span) for part, span in group) for group in man.groups)
    witch = replace(man, groups=groups)

    def draw(seed: int, frames: int, **choices: str | int) -> WorldClip:
        with monkeypatch.context() as patch:
            patch.setattr(world, "figure", lambda _: witch)
            rng = np.random.default_rng((9, seed))
            return sample_clip(rng, frames, SIZE, character="man", motion="freestyle", **choices)

    return draw


def purple(video: np.ndarray, where: np.ndarray) -> float:
    """Share of all frames' pixels (F, H, W, 3) in a region (H, W)."""
    red, green, blue = np.moveaxis(video[:, where].astype(int), -1, 0)
    return float(((blue > green + 30) & (red > green)).mean())


def generate(model: Path, prompt: str, skeletons: np.ndarray) -> np.ndarray:
    pipeline = FollowYourPosePipeline.from_pretrained(model)
    video = pipeline(prompt, skeletons, generator=torch.Generator().manual_seed(0)).frames[0]
    return (video * 255).round().astype(np.uint8)


def test_stage_1_on_prepared_pairs(
    run: Callable[..., subprocess.CompletedProcess[str]], tiny_model_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "pairs").mkdir()
    with TarWriter(str(tmp_path / "pairs/00000.tar")) as writer:
        for index in range(4):
            clip = sample_clip(np.random.default_rng(index), 1, 64)
            pair = Candidate(f"{index}.jpg", clip.frames[0], f"a {clip.character}")
            files = pair_files(pair, FramePoses(clip.keypoints[:, 0], clip.scores[:, 0]), "mediapipe")
            writer.write({"__key__": str(index)} | files)
    settings = {
        "stage": "pose",
        "pretrained_model_path": str(tiny_model_dir),
        "output_dir": "out",
        "train_data": {"kind": "webdataset", "path": "pairs", "width": 32, "height": 32},
        "max_train_steps": 2,
        "train_batch_size": 2,
        "learning_rate": 1e-2,
        "lr_warmup_steps": 0,
        "validation_steps": 2,
        "validation_data": {"prompts": ["a robot"]},
        "dataloader_num_workers": 1,
    }
    (tmp_path / "pose.yaml").write_text(yaml.safe_dump(settings))
    trained = run(ROOT / "train_followyourpose.py", "--config=pose.yaml")
    assert trained.returncode == 0, trained.stderr
    assert (tmp_path / "out/samples/step-000002.png").is_file()
    before, after = map(FollowYourPosePipeline.from_pretrained, (tiny_model_dir, tmp_path / "out/model"))
    assert changed(before.pose_encoder, after.pose_encoder)
    assert not changed(before.unet, after.unet)


def changed(before: torch.nn.Module, after: torch.nn.Module) -> bool:
    state = after.state_dict()
    return any(not torch.equal(tensor, state[name]) for name, tensor in before.state_dict().items())


def test_their_character_shows_up(
    draw_witch: Callable[..., WorldClip],
    run: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    rows = ["path,caption"]
    for index in range(20):
        clip = draw_witch(index, 8)
        write_video(tmp_path / f"mine/{index}.mp4", clip.frames, fps=8)
        rows.append(f"{index}.mp4,a witch dancing in the {clip.scene}")
    (tmp_path / "mine/clips.csv").write_text("\n".join(rows))
    settings = {
        "stage": "temporal",
        "pretrained_model_path": str(MINI),
        "output_dir": "witch",
        "train_data": {
            "kind": "clips",
            "path": "mine/clips.csv",
            "width": SIZE,
            "height": SIZE,
            "n_sample_frames": 2,
            "sample_start_idx": None,
            "sample_frame_rate": 2,
        },
        "max_train_steps": 120,
        "train_batch_size": 2,
        "learning_rate": 3e-3,
        "lr_warmup_steps": 5,
        "high_noise_bias": True,
        "text_dropout": 0.0,
        "noise_share": 0.5,
        "mixed_precision": "bf16" if choose_dtype("auto", "cpu") == "bf16" else "no",
        "validation_steps": 1000,
        "dataloader_num_workers": 1,
    }
    (tmp_path / "witch.yaml").write_text(yaml.safe_dump(settings))
    trained = run(ROOT / "train_followyourpose.py", "--config=witch.yaml")
    assert trained.returncode == 0, trained.stderr
    assert "--model witch/model" in trained.stderr

    shown = draw_witch(100, 4, scene="park", stride=4)  # moves that were not among the clips
    skeletons = shown.skeletons()
    figure = cv2.dilate(skeletons.max((0, 3)), np.ones((9, 9))) > 60
    around = cv2.dilate(figure.astype(np.uint8), np.ones((61, 61))) == 0
    prompt = "a witch dancing in the park"
    before = generate(MINI, prompt, skeletons)
    after = generate(tmp_path / "witch/model", prompt, skeletons)
    other = generate(tmp_path / "witch/model", "an astronaut on the beach", skeletons)
    assert purple(before, figure) < 0.05
    assert purple(after, figure) > 0.15
    assert purple(after, around) < 0.02, "the scene keeps its colours"
    assert purple(other, figure) < purple(after, figure) / 3, "others stay who they are"
