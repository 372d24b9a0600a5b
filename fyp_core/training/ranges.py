"""Which values the settings of a training run may have, each for itself."""

from __future__ import annotations

from collections.abc import Sequence

from diffusers.optimization import SchedulerType
from omegaconf import DictConfig, OmegaConf

from fyp_core.synthetic import STYLES
from fyp_core.training.stages import STAGES
from fyp_media.errors import InputError

_CHOICES: dict[str, Sequence[str]] = {
    "stage": tuple(STAGES),
    "mixed_precision": ("no", "fp16", "bf16"),
    "lr_scheduler": tuple(kind.value for kind in SchedulerType),
}
_LEAST: dict[str, float] = {
    "train_data.n_sample_frames": 1,
    "train_data.seed": 0,
    "train_data.size": 8,
    "train_data.clips": 1,
    "train_data.width": 8,
    "train_data.height": 8,
    "train_data.sample_start_idx": 0,
    "train_data.sample_frame_rate": 1,
    "train_data.shuffle_buffer": 1,
    "validation_data.video_length": 1,
    "validation_data.stride": 1,
    "max_train_steps": 1,
    "train_batch_size": 1,
    "gradient_accumulation_steps": 1,
    "dataloader_num_workers": 0,
    "learning_rate": 0,
    "lr_warmup_steps": 0,
    "adam_weight_decay": 0,
    "adam_epsilon": 0,
    "max_grad_norm": 0,
    "seed": 0,
    "snr_gamma": 0,
    "skeleton_weight": 0,
    "checkpointing_steps": 1,
    "checkpoints_total_limit": 1,
    "validation_steps": 1,
}
_SHARES = (
    "train_data.style_probability",
    "ema_decay",
    "text_dropout",
    "pose_dropout",
    "noise_share",
    "crop_share",
)
_BELOW_ONE = ("adam_beta1", "adam_beta2")


def check_ranges(config: DictConfig) -> None:
    """Raise InputError at the first setting whose value cannot work, whatever the others are.

    Comparisons are written so that NaN fails as well.
    """
    for key, choices in _CHOICES.items():
        _check_choice(key, OmegaConf.select(config, key), choices)
    for style in config.train_data.styles:
        _check_choice("train_data.styles", style, STYLES)
    for key, least in _LEAST.items():
        value = OmegaConf.select(config, key)
        if value is not None and not value >= least:
            raise InputError(f"{key} is {value}, but must be at least {least}.")
    for key in _SHARES:
        if not 0 <= (value := OmegaConf.select(config, key)) <= 1:
            raise InputError(f"{key} is {value}, but must be within 0 and 1.")
    for key in _BELOW_ONE:
        if not 0 <= config[key] < 1:
            raise InputError(f"{key} is {config[key]}, but must be at least 0 and below 1.")


def _check_choice(key: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise InputError(f"{key} must be one of {', '.join(choices)}, not {value!r}.")
