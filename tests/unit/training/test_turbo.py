"""The stage that distils few steps: its steps are DDIM's, and what it learns is what it should."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler

from benchmarks.random_model import SCHEDULER
from fyp_core.schedulers import make_scheduler
from fyp_core.training.config import TrainConfig
from fyp_core.training.config_file import check_config
from fyp_core.training.memory import dry_run
from fyp_core.training.stage import Draws
from fyp_core.training.stages.turbo import Trajectory, TurboStage
from fyp_media.errors import InputError
from tests.tiny_model import ZERO_SNR

CPU = torch.device("cpu")
STEPS, TEACHER_STEPS = 4, 3


def turbo(model: Path, **settings: Any) -> TrainConfig:
    world = {"size": 32, "n_sample_frames": 2}
    given = {"stage": "turbo", "pretrained_model_path": str(model), "rank": 2, "train_data": world}
    return check_config(given | settings)


def first_loss(config: TrainConfig) -> tuple[torch.Tensor, TurboStage]:
    """Of a batch of random skeletons, before the LoRA has learnt anything."""
    stage = TurboStage(config)
    batch = stage.example(2)
    batch["tokens"] = stage.tokenize("a robot dances").expand(2, -1)
    batch["skeleton"] = torch.rand(batch["skeleton"].shape)
    return stage.loss(stage.network, batch, Draws(0, [0, 1], CPU)), stage


@pytest.mark.parametrize("config", [SCHEDULER, ZERO_SNR], ids=["noise", "velocity-zero-snr"])
def test_its_steps_are_those_of_ddim(config: dict[str, Any]) -> None:
    own = DDIMScheduler(**config, clip_sample=False)
    coarse, fine = (make_scheduler("ddim-trailing", own) for _ in range(2))
    trajectory = Trajectory.of(fine, STEPS, TEACHER_STEPS)
    coarse.set_timesteps(STEPS)
    assert trajectory.timesteps[:, 0].tolist() == coarse.timesteps.tolist()
    state, prediction = torch.randn(2, 1, 4, 2, 8, 8)
    for number, t in enumerate(coarse.timesteps):
        step = torch.tensor([number])
        denoised = trajectory.denoised(prediction, state, step, 0)
        moved = trajectory.moved(denoised, state, step, 0, -1)
        assert torch.allclose(moved, coarse.step(prediction, t, state).prev_sample, atol=1e-4)
        assert torch.allclose(trajectory.led_to(moved, state, step), denoised, atol=1e-2)


def test_there_is_nothing_to_learn_from_one_step_without_guidance(tiny_model_dir: Path) -> None:
    same, _ = first_loss(turbo(tiny_model_dir, teacher_steps=1, guidance_scale=1.0))
    assert same < 1e-6
    of_guidance, _ = first_loss(turbo(tiny_model_dir, teacher_steps=1))
    of_steps, _ = first_loss(turbo(tiny_model_dir, guidance_scale=1.0))
    assert min(of_guidance, of_steps) > 100 * same


def test_only_the_lora_learns_and_all_of_it(tiny_model_dir: Path) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        loss, stage = first_loss(turbo(tiny_model_dir, mixed_precision="bf16"))
    loss.backward()
    for name, parameter in stage.network.named_parameters():
        assert (parameter.grad is not None) == (".lora_" in name), name
        assert ".lora_B." not in name or parameter.grad.any(), name  # A learns once B is not zero


@pytest.mark.slow
def test_its_memory_is_estimated(tiny_model_dir: Path) -> None:
    said = dry_run(turbo(tiny_model_dir))
    assert "The turbo stage learns" in said
    assert "lora_A" in said


def test_more_steps_than_timesteps_are_refused(tiny_model_dir: Path) -> None:
    with pytest.raises(InputError, match="is 1200, but the model knows 1000 timesteps"):
        TurboStage(turbo(tiny_model_dir, teacher_steps=300))
