"""Every scheduler follows the model's own noise schedule: with a perfect network it ends at the picture."""

from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler
from diffusers.schedulers import AysSchedules

from benchmarks.random_model import SCHEDULER
from fyp_core.schedulers import (
    AUTO,
    OWN,
    SCHEDULER_NAMES,
    aligned_timesteps,
    can_align,
    can_space,
    check_steps,
    make_scheduler,
    set_timesteps,
)
from fyp_media.errors import InputError
from tests.tiny_model import ZERO_SNR

NAMES = [name for name in SCHEDULER_NAMES if name not in (AUTO, OWN)]
STEPS = 12


@pytest.mark.parametrize("config", [SCHEDULER, ZERO_SNR], ids=["noise", "velocity-zero-snr"])
@pytest.mark.parametrize("name", NAMES)
def test_a_perfect_network_gives_the_picture(name: str, config: dict[str, Any]) -> None:
    own = DDIMScheduler(**config, clip_sample=False)
    scheduler = make_scheduler(name, own)
    assert scheduler.config.prediction_type == own.config.prediction_type
    torch.manual_seed(0)  # stochastic schedulers draw their noise from PyTorch's own generator
    picture = torch.randn(1, 4, 8, 8)
    scheduler.set_timesteps(STEPS)
    x = torch.randn(picture.shape) * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        seen = scheduler.scale_model_input(x, t)
        alpha = own.alphas_cumprod[int(t)].sqrt()
        sigma = (1 - alpha**2).sqrt()
        noise = (seen - alpha * picture) / sigma
        is_velocity = config is ZERO_SNR
        answer = alpha * noise - sigma * picture if is_velocity else noise
        x = scheduler.step(answer, t, x, return_dict=False)[0]
    assert (x - picture).abs().max() < 0.1


def test_own_is_the_models() -> None:
    own = DDIMScheduler(**SCHEDULER)
    assert make_scheduler(OWN, own) is own


def test_too_many_steps_are_named() -> None:
    with pytest.raises(InputError, match="at most 50 steps, not 51"):
        check_steps(make_scheduler("lcm", DDIMScheduler(**SCHEDULER)), 51)
    own = DDIMScheduler(**SCHEDULER)
    with pytest.raises(InputError, match="1000 steps, as some would be at the same timestep"):
        check_steps(make_scheduler("dpmpp-2m", own), own.config.num_train_timesteps)


def test_spacing_that_zero_terminal_snr_rules_out_is_reported() -> None:
    finite, zero_snr = DDIMScheduler(**SCHEDULER), DDIMScheduler(**ZERO_SNR)
    assert (
        can_space("dpmpp-2m-karras", finite) and can_space("dpmpp-2m", zero_snr) and can_space(OWN, zero_snr)
    )
    assert not can_space("dpmpp-2m-karras", zero_snr)


def test_aligned_timesteps_are_those_of_the_paper_in_ten_steps() -> None:
    own = DDIMScheduler(**SCHEDULER)
    known = aligned_timesteps("dpmpp-2m-ays", 10, own)
    assert known == AysSchedules["StableDiffusionTimesteps"]
    more = aligned_timesteps("dpmpp-2m-ays", 15, own)
    assert more is not None
    assert (len(more), more[0], more[-1]) == (15, known[0], known[-1])
    assert sorted(set(more), reverse=True) == more


@pytest.mark.parametrize(
    ("name", "config"), [("dpmpp-2m", SCHEDULER), ("dpmpp-2m-ays", ZERO_SNR), ("dpmpp-2m-ays", {})]
)
def test_others_keep_their_own_timesteps(name: str, config: dict[str, Any]) -> None:
    own = DDIMScheduler(**config)
    assert aligned_timesteps(name, 10, own) is None
    assert can_align(name, own) == (name == "dpmpp-2m")


def test_timesteps_and_sigmas_of_ones_own() -> None:
    solver = make_scheduler("dpmpp-2m", DDIMScheduler(**SCHEDULER))
    set_timesteps(solver, 4, timesteps=[900, 500, 20])
    assert solver.timesteps.tolist() == [900, 500, 20]
    euler = make_scheduler("euler", DDIMScheduler(**SCHEDULER))
    set_timesteps(euler, 4, sigmas=[14.0, 2.0, 0.5, 0.0])
    assert euler.sigmas[:3].tolist() == [14.0, 2.0, 0.5]
    with pytest.raises(InputError, match="does not accept `timesteps`"):
        set_timesteps(DDIMScheduler(**SCHEDULER), 4, timesteps=[900, 20])
    with pytest.raises(InputError, match="not both"):
        set_timesteps(solver, 4, timesteps=[900], sigmas=[1.0])
