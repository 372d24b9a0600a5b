"""Which class trains which stage."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fyp_core.training.config import TrainConfig
    from fyp_core.training.loop import Stage

# Module and class; imported on use, because the judges bring a library of backbones.
STAGES = {
    "autoencoder": ("autoencoder", "AutoencoderStage"),
    "text_to_image": ("diffusion", "TextToImageStage"),
    "pose": ("diffusion", "PoseStage"),
    "pose_joint": ("diffusion", "JointPoseStage"),
    "temporal": ("diffusion", "TemporalStage"),
    "one_stage": ("diffusion", "OneStage"),
    "judge_pose": ("judges", "PoseJudgeStage"),
    "judge_classifier": ("judges", "ClassifierStage"),
}


def create_stage(config: TrainConfig) -> Stage:
    """Build the stage a configuration names.

    Raises:
        InputError: what an earlier stage should have made is missing.
    """
    return stage_class(config)(config)


def stage_class(config: TrainConfig) -> type[Stage]:
    """The class that trains the stage a configuration names."""
    module, name = STAGES[config.stage]
    return getattr(import_module(f"fyp_core.training.{module}"), name)
