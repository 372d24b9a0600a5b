"""Models that begin with an earlier one's layers, and the autoencoder on blocks of pixels."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import yaml

from fyp_core.autoencoder import FoldedAutoencoder
from fyp_core.latent_size import latent_factor
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.pose_encoder import PoseEncoder
from fyp_core.training.config_file import load_config
from fyp_core.training.loop import TrainingRun
from fyp_core.training.stage import create_stage
from fyp_core.training.stages.earlier_model import begin_with, begin_with_autoencoder
from fyp_core.unet import PoseVideoUNet
from tests.tiny_model import build_pipeline

SIZE = 32
WORLD = {"kind": "world", "size": SIZE, "clips": 2, "n_sample_frames": 2}


def folded(**other: Any) -> FoldedAutoencoder:
    """The tiny model's autoencoder on blocks of 2 × 2 pixels, with new weights."""
    config = sizes(build_pipeline().vae) | {"in_channels": 12, "out_channels": 12} | other
    return FoldedAutoencoder(**config).eval()


def sizes(network: Any) -> dict[str, Any]:
    return {name: value for name, value in network.config.items() if not name.startswith("_")}


@torch.no_grad()
def test_blocks_of_pixels_begin_as_the_earlier_autoencoder(tiny_model_dir: Path) -> None:
    vae, earlier = folded(), FollowYourPosePipeline.from_pretrained(tiny_model_dir).vae
    begin_with_autoencoder(vae, str(tiny_model_dir))
    assert latent_factor(vae.config) == 2 * latent_factor(earlier.config)
    pictures = torch.rand(2, 3, 64, 128) * 2 - 1
    latents = vae.encode(pictures).latent_dist.mean
    before = earlier.encode(F.avg_pool2d(pictures, 2)).latent_dist.mean
    torch.testing.assert_close(latents, before, atol=1e-5, rtol=1e-4)
    decoded = F.interpolate(earlier.decode(latents).sample, scale_factor=2)
    torch.testing.assert_close(vae.decode(latents).sample, decoded, atol=1e-5, rtol=1e-4)


def test_a_model_on_blocks_of_pixels_is_saved_loaded_and_makes_videos(tmp_path: Path) -> None:
    pipeline = build_pipeline()
    pipeline.register_modules(
        vae=folded(),
        pose_encoder=PoseEncoder(channels=pipeline.unet.config.block_out_channels, downscale_factor=16),
    )
    pipeline.save_pretrained(tmp_path / "folded")
    loaded = FollowYourPosePipeline.from_pretrained(tmp_path / "folded")
    assert isinstance(loaded.vae, FoldedAutoencoder) and loaded.vae_scale_factor == 16
    frames = loaded("a robot", torch.zeros(2, 3, 64, 32), height=64, width=32).frames[0]
    assert frames.shape == (2, 64, 32, 3)


@torch.no_grad()
def test_words_layers_and_the_pose_are_taken_over(tiny_model_dir: Path) -> None:
    earlier = FollowYourPosePipeline.from_pretrained(tiny_model_dir)
    new = build_pipeline()
    channels = new.unet.config.block_out_channels
    new.register_modules(
        vae=folded(latent_channels=6),
        unet=PoseVideoUNet(**sizes(new.unet) | {"in_channels": 6, "out_channels": 6}),
        pose_encoder=PoseEncoder(channels=channels, downscale_factor=16),
    )
    for parameter in (*new.unet.parameters(), *new.text_encoder.parameters()):
        parameter.fill_(0.25)
    begin_with(new, str(tiny_model_dir))
    own, before = new.unet.state_dict(), earlier.unet.state_dict()
    different = {name for name in own if own[name].shape != before[name].shape}
    assert different and all("conv_in" in name or "conv_out" in name for name in different)
    assert all((own[name] == 0.25).all() for name in different)
    assert all(torch.equal(own[name], before[name]) for name in own.keys() - different)
    embeddings = [model.text_encoder.get_input_embeddings().weight for model in (new, earlier)]
    for word, index in new.tokenizer.get_vocab().items():
        assert torch.equal(embeddings[0][index], embeddings[1][earlier.tokenizer.get_vocab()[word]])
    skeleton = torch.rand(1, 3, 32, 32)
    features = new.pose_encoder(F.interpolate(skeleton, scale_factor=2))
    for level, expected in zip(features, earlier.pose_encoder(skeleton), strict=True):
        torch.testing.assert_close(level, expected, atol=1e-5, rtol=1e-4)


def test_a_run_limited_in_minutes_ends_in_time_with_a_fallen_learning_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "stage": "autoencoder",
        "output_dir": str(tmp_path / "out"),
        "train_data": WORLD,
        "model": {"block_out_channels": [4, 4], "norm_num_groups": 2},
        "max_train_steps": 100_000,
        "max_minutes": 0.5,
        "lr_warmup_steps": 10_000,
        "train_batch_size": 1,
    }
    settings["model"] |= {f"{way}_block_types": [f"{kind}Block2D"] * 2 for way, kind in _BLOCKS}
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(settings))
    config = load_config(tmp_path / "train.yaml")
    run = TrainingRun(create_stage(config), config)
    seconds = itertools.count()  # one a step
    monkeypatch.setattr("fyp_core.training.loop.time.monotonic", lambda: next(seconds))
    rates = []
    for loss in run.steps():
        assert math.isfinite(loss)
        rates.append(run.scheduler.get_last_lr()[0])
    assert len(rates) == 30
    assert max(rates) == pytest.approx(config.learning_rate, rel=0.05)
    assert rates[-1] < 0.01 * config.learning_rate


_BLOCKS = (("down", "DownEncoder"), ("up", "UpDecoder"))


@pytest.mark.parametrize("stage", ["autoencoder", "text_to_image"])
def test_an_initial_model_that_is_not_there_is_one_sentence(stage: str, tmp_path: Path) -> None:
    import train_followyourpose

    build_pipeline().save_pretrained(tmp_path / "previous")
    arguments = [f"--config=configs/mini_{stage}.yaml", f"output_dir={tmp_path}/out"]
    given = [f"pretrained_model_path={tmp_path}/previous"] if stage == "text_to_image" else []
    assert train_followyourpose.main([*arguments, *given, f"initial_model={tmp_path}/none"]) == 2
