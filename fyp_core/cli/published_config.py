"""The configuration of ``txt2video.py``, with the keys of the published code."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf
from pydantic import Field

from fyp_core.schedulers import AUTO as AUTO_SCHEDULER
from fyp_core.settings import Settings, validated
from fyp_core.training.yaml_config import plain_settings, read_yaml, reword_booleans, with_overrides
from fyp_core.weights.sources import AUTO
from fyp_media.errors import InputError

logger = logging.getLogger("txt2video")


class ValidationData(Settings):
    """What to generate; None takes the model's own value."""

    prompts: list[str] = Field([], description="a video each")
    video_length: int = Field(8, ge=1, description="frames of a video")
    stride: int = Field(5, ge=1, description="take every Kth frame of the skeleton video")
    start: int = Field(0, ge=0, description="first frame of the skeleton video")
    width: int | None = Field(None, description="in pixels")
    height: int | None = Field(None, description="in pixels")
    num_inference_steps: int | None = Field(None, ge=1, description="denoising steps")
    guidance_scale: float | None = Field(None, allow_inf_nan=False, description="weight of the prompt")
    scheduler: str = Field(AUTO_SCHEDULER, description="how noise is removed step by step")
    use_inv_latent: bool = False
    num_inv_steps: int = 50
    dataset_set: str = "val"


class Config(Settings):
    """The published keys. With ``resume_from_checkpoint``, ``pretrained_model_path`` is Stable Diffusion's folder."""

    pretrained_model_path: str = AUTO
    resume_from_checkpoint: str | None = None
    output_dir: str = "./output"
    skeleton_path: str = ""
    validation_data: ValidationData = ValidationData()
    seed: int | None = None
    mixed_precision: str | None = None
    train_batch_size: int = 1
    validation_steps: int = 100
    gradient_checkpointing: bool = False
    enable_xformers_memory_efficient_attention: bool = False


# Keys of published files that have no effect at inference. PyTorch's own attention has since replaced xformers.
_WITHOUT_USE = (
    "validation_data.use_inv_latent",
    "validation_data.num_inv_steps",
    "validation_data.dataset_set",
    "train_batch_size",
    "validation_steps",
    "gradient_checkpointing",
    "enable_xformers_memory_efficient_attention",
)


def load_config(path: str, overrides: Sequence[str]) -> Config:
    """Read and check a configuration; ``overrides`` are ``key=value``.

    Raises:
        InputError: it cannot be read, or a key is unknown, missing or of the wrong type.
    """
    given = with_overrides(read_yaml(Path(path)), overrides)
    reword_booleans(given)
    config = validated(Config, plain_settings(given))
    if not config.skeleton_path:
        raise InputError("There is no skeleton video; name one with --skeleton_path.")
    if not config.validation_data.prompts:
        raise InputError(f"There are no validation_data.prompts in {path}; write at least one.")
    if useless := [key for key in _WITHOUT_USE if OmegaConf.select(given, key) is not None]:
        logger.info("Without effect at inference: %s.", ", ".join(useless))
    return config
