"""The schedulers by name. All take the model's own noise schedule: betas, prediction type, zero terminal SNR."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fyp_media.errors import InputError

if TYPE_CHECKING:
    import torch
    from diffusers import SchedulerMixin

AUTO, OWN = "auto", "model"  # the preset's; the one saved with the model

_CLASSES: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "ddim-trailing": ("DDIMScheduler", {"timestep_spacing": "trailing"}),
    "dpmpp-2m": ("DPMSolverMultistepScheduler", {}),
    "dpmpp-2m-ays": ("DPMSolverMultistepScheduler", {}),
    "dpmpp-2m-karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler-a": ("EulerAncestralDiscreteScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    "tcd": ("TCDScheduler", {}),
}
_ALIGNED = "-ays"  # ends the names of schedulers with Align Your Steps' noise levels
# The noise schedule of Stable Diffusion 1.x, for which these levels are.
_ALIGNED_FOR = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
SCHEDULER_NAMES = (AUTO, OWN, *_CLASSES)


def make_scheduler(name: str, own: SchedulerMixin) -> SchedulerMixin:
    """A scheduler for a model whose own one is ``own``.

    Args:
        name: one of :data:`SCHEDULER_NAMES` but ``auto``. ``lcm`` and ``tcd`` are for models or LoRAs distilled
            for them, ``ddim-trailing`` for those that the training stage ``turbo`` makes. Karras' spacing of noise
            levels (arXiv 2206.00364) needs a finite highest one: with zero terminal SNR (arXiv 2305.08891) the
            model's own spacing stays.
    """
    if name == OWN:
        return own
    import diffusers

    class_name, settings = _CLASSES[name]
    if not can_space(name, own):
        settings = {}
    return getattr(diffusers, class_name).from_config(own.config, **settings)


def can_space(name: str, own: SchedulerMixin) -> bool:
    """Whether the model allows the spacing of noise levels of ``name``; see :func:`make_scheduler`."""
    spaces = "use_karras_sigmas" in _CLASSES.get(name, ("", {}))[1]
    return not (spaces and own.config.get("rescale_betas_zero_snr"))


def aligned_timesteps(name: str, steps: int, own: SchedulerMixin) -> list[int] | None:
    """Align Your Steps' timesteps (Sabour et al. 2024, arXiv 2404.14507) where ``name`` asks for them, else ``None``.

    Optimised for Stable Diffusion 1.5 in ten steps; other numbers of steps are interpolated. A model with another
    noise schedule keeps its own spacing; see :func:`can_align`.
    """
    if not name.endswith(_ALIGNED) or not can_align(name, own):
        return None
    from diffusers.schedulers import AysSchedules

    known = AysSchedules["StableDiffusionTimesteps"]
    if steps == len(known):
        return list(known)
    places = np.linspace(0, len(known) - 1, steps)
    return np.interp(places, np.arange(len(known)), known).round().astype(int).tolist()


def can_align(name: str, own: SchedulerMixin) -> bool:
    """Whether the model has the noise schedule for which the timesteps of ``name``, if any, were optimised."""
    fits = all(own.config.get(key) == value for key, value in _ALIGNED_FOR.items())
    return not name.endswith(_ALIGNED) or (fits and not own.config.get("rescale_betas_zero_snr"))


def usable_eta(eta: float) -> float:
    """Eta, at most a little below 1: with zero terminal SNR, 1 gives the square root of a negative rounding error."""
    return min(eta, 1 - 1e-5)


def set_timesteps(
    scheduler: SchedulerMixin,
    steps: int,
    timesteps: Sequence[int] | None = None,
    sigmas: Sequence[float] | None = None,
) -> None:
    """Choose the noise levels of a generation: ``steps`` of the scheduler's spacing, or those given.

    They stay on the host: schedulers use them as indices of tables, and the host would have to wait for a GPU.

    Raises:
        InputError: both are given, or the scheduler takes none of that kind.
    """
    given = {"timesteps": timesteps, "sigmas": sigmas}
    own: dict[str, Any] = {name: list(values) for name, values in given.items() if values is not None}
    if len(own) > 1:
        raise InputError("Give either `timesteps` or `sigmas`, not both.")
    for name in own:
        if name not in inspect.signature(scheduler.set_timesteps).parameters:
            raise InputError(f"{type(scheduler).__name__} does not accept `{name}`; leave it out.")
    scheduler.set_timesteps(**own or {"num_inference_steps": steps}, device="cpu")


def estimate_denoised(
    scheduler: SchedulerMixin, latents: torch.Tensor, prediction: torch.Tensor, t: torch.Tensor
) -> torch.Tensor:
    """The latents without all predicted noise ("predicted x0", DDIM, arXiv 2010.02502, eq. 9).

    Args:
        latents: what the network has seen, before the scheduler's own scaling.
        prediction: of the network, of the scheduler's ``prediction_type``.
        t: timestep.
    """
    noisy = scheduler.scale_model_input(latents, t)
    share = float(scheduler.alphas_cumprod[int(t)])  # both on the host
    signal, noise = share**0.5, (1 - share) ** 0.5
    if scheduler.config.prediction_type == "sample":
        return prediction
    if scheduler.config.prediction_type == "v_prediction":
        return signal * noisy - noise * prediction
    return (noisy - noise * prediction) / signal


def check_steps(scheduler: SchedulerMixin, steps: int) -> None:
    """Raise InputError when the scheduler cannot take that many steps."""
    try:
        scheduler.set_timesteps(steps)
    except ValueError as error:
        most = scheduler.config.get("original_inference_steps", scheduler.config.num_train_timesteps)
        raise InputError(
            f"{type(scheduler).__name__} takes at most {most} steps, not {steps}; take fewer."
        ) from error
    if len(set(scheduler.timesteps.tolist())) < len(scheduler.timesteps):
        raise InputError(
            f"{type(scheduler).__name__} cannot take {steps} steps, as some would be at the same timestep; take fewer."
        )
