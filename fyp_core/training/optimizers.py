"""The optimizer and its learning rate over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers.optimization import get_scheduler
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from fyp_core.training.config import TrainConfig
from fyp_media.errors import InputError


def create_optimizer(
    parameters: Sequence[nn.Parameter], config: TrainConfig, samples_a_step: int
) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), with ``use_8bit_adam`` its state in 8 bits.

    Raises:
        InputError: 8 bits need a package that is not installed.
    """
    settings = _settings(config, samples_a_step)
    if not config.use_8bit_adam:
        # A fused step skips overflows of fp16 by itself, without reporting that it did.
        return torch.optim.AdamW(parameters, fused=config.mixed_precision != "fp16", **settings)
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError as error:
        raise InputError(
            "use_8bit_adam needs the package bitsandbytes: pip install bitsandbytes, or set use_8bit_adam=false."
        ) from error
    return AdamW8bit(parameters, **settings)


def apply_settings(
    optimizer: torch.optim.Optimizer, scheduler: LambdaLR, config: TrainConfig, samples_a_step: int
) -> None:
    """Apply the configuration again after a checkpoint was loaded, which restores the settings it was saved with."""
    settings = _settings(config, samples_a_step)
    scheduler.base_lrs = [settings["lr"]] * len(scheduler.base_lrs)
    for group, factor in zip(optimizer.param_groups, scheduler.lr_lambdas, strict=True):
        group.update(settings, initial_lr=settings["lr"], lr=settings["lr"] * factor(scheduler.last_epoch))


def _settings(config: TrainConfig, samples_a_step: int) -> dict[str, Any]:
    return {
        "lr": config.learning_rate * (samples_a_step if config.scale_lr else 1),
        "betas": (config.adam_beta1, config.adam_beta2),
        "weight_decay": config.adam_weight_decay,
        "eps": config.adam_epsilon,
    }


def create_scheduler(optimizer: torch.optim.Optimizer, config: TrainConfig) -> LambdaLR:
    """The configured learning rate schedule, in steps of the optimizer.

    Raises:
        InputError: that schedule needs more than warm-up and length, or another learning rate.
    """
    try:
        return get_scheduler(
            config.lr_scheduler,
            optimizer,
            num_warmup_steps=config.lr_warmup_steps,
            num_training_steps=config.max_train_steps,
        )
    except (TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"lr_scheduler={config.lr_scheduler} cannot be used here ({error}); take cosine."
        ) from error
