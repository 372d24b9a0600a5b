"""Which class trains which stage."""

from __future__ import annotations

from fyp_core.training.autoencoder import AutoencoderStage
from fyp_core.training.config import TrainConfig
from fyp_core.training.diffusion import JointPoseStage, PoseStage, TemporalStage, TextToImageStage
from fyp_core.training.loop import Stage

STAGES: dict[str, type[Stage]] = {
    "autoencoder": AutoencoderStage,
    "text_to_image": TextToImageStage,
    "pose": PoseStage,
    "pose_joint": JointPoseStage,
    "temporal": TemporalStage,
}


def create_stage(config: TrainConfig) -> Stage:
    """Build the stage a configuration names.

    Raises:
        InputError: what an earlier stage should have made is missing.
    """
    return STAGES[config.stage](config)
