"""The connection to accelerate: processes, devices, number formats, sharding."""

from __future__ import annotations

from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import (
    DistributedType,
    GradientAccumulationPlugin,
    ProjectConfiguration,
    parse_flag_from_env,
)
from transformers.integrations import unset_hf_deepspeed_config

from fyp_core.training.config import TrainConfig
from fyp_media.errors import InputError, as_input_error

UNUSABLE = "These settings cannot be used here"  # put before the reason that accelerate gives
_SHARDED = (DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM)


def create_accelerator(config: TrainConfig) -> Accelerator:
    """The accelerator of a run, with the settings of its configuration.

    Raises:
        InputError: the settings cannot be used on this machine, or a package is missing.
    """
    folder = Path(config.output_dir)
    with as_input_error(UNUSABLE):
        accelerator = Accelerator(
            # Only with this flag does it run several processes on a machine without accelerators.
            cpu=parse_flag_from_env("ACCELERATE_USE_CPU") or not torch.accelerator.is_available(),
            mixed_precision=config.mixed_precision,
            # A plugin takes precedence over the launcher's value, which is 1 where none was given.
            gradient_accumulation_plugin=GradientAccumulationPlugin(config.gradient_accumulation_steps),
            log_with=config.report_to,
            project_config=ProjectConfiguration(str(folder), str(folder / "logs")),
        )
    if config.report_to and not accelerator.log_with:
        raise InputError(f"report_to={config.report_to} needs a package that is not installed; install it.")
    if accelerator.distributed_type == DistributedType.FSDP and not accelerator.is_fsdp2:
        raise InputError(
            "FSDP of version 1 can neither hold frozen layers in another number format nor clip the gradients of"
            " some; set fsdp_version: 2 with accelerate config."
        )
    if accelerator.distributed_type == DistributedType.DEEPSPEED:
        # DeepSpeed would read it from a data loader prepared by accelerate; ours is not.
        settings = accelerator.state.deepspeed_plugin.deepspeed_config
        settings["train_micro_batch_size_per_gpu"] = config.train_batch_size
        settings["gradient_accumulation_steps"] = config.gradient_accumulation_steps
        if settings.get("gradient_clipping", "auto") == "auto":  # accelerate would replace it by 1
            settings["gradient_clipping"] = config.max_grad_norm
        unset_hf_deepspeed_config()  # otherwise a model loaded in one process waits for the others
    return accelerator


def is_sharded(accelerator: Accelerator) -> bool:
    """Whether no process holds a whole network."""
    return accelerator.distributed_type in _SHARDED
