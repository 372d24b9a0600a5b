"""Sample sheets during training: prompts following skeletons, with the network as it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.synthetic import sample_clip
from fyp_core.training.config import TrainConfig
from video_io import fit_frames, sample_frames

_WORLD_PROMPTS = (
    "an astronaut on the beach",
    "a robot in Antarctica",
    "a panda on the moon",
    "hulk on the street",
    "Iron man in the snow",
    "a woman in the desert",
    "a policeman in the gym",
    "batman in the forest",
)


def sample_sheet(
    pipeline: FollowYourPosePipeline, config: TrainConfig, *, video: bool, posed: bool
) -> tuple[list[np.ndarray], list[str]]:
    """Generate what ``validation_data`` asks for.

    Args:
        video: clips; otherwise single pictures.
        posed: follow the skeletons.

    Returns:
        Rows of pictures as :func:`fyp_core.sheets.save_sheet` takes them, and their titles.
    """
    settings = config.validation_data
    prompts = list(settings.prompts) or list(_WORLD_PROMPTS)
    guides = _guides(pipeline, config, settings.video_length if video else 1)
    rows, titles = [], []
    for seed, guide in enumerate(guides):
        shown = prompts[seed :: len(guides)] if video else prompts
        pictures = [_generate(pipeline, config, prompt, guide, posed, seed) for prompt in shown]
        if video:
            rows += [guide, *pictures]
            titles += ["", *shown]
        else:
            rows += [np.repeat(guide, len(shown), axis=0), np.concatenate(pictures)]
    return rows, titles


def _guides(pipeline: FollowYourPosePipeline, config: TrainConfig, frames: int) -> Sequence[np.ndarray]:
    """Skeleton clips (frames, H, W, 3) of the size generated."""
    settings = config.validation_data
    height = settings.height or pipeline.config.default_height
    width = settings.width or pipeline.config.default_width
    if settings.skeleton_path:
        clips = [sample_frames(settings.skeleton_path, frames, stride=settings.stride)]
    else:
        clips = [
            sample_clip(
                np.random.default_rng(seed), frames, height, motion="freestyle", stride=settings.stride
            ).skeletons()
            for seed in range(2)
        ]
    return [fit_frames(clip, height, width) for clip in clips]


def _generate(
    pipeline: FollowYourPosePipeline,
    config: TrainConfig,
    prompt: str,
    guide: np.ndarray,
    posed: bool,
    seed: int,
) -> np.ndarray:
    """(frames, H, W, 3) uint8."""
    frames = pipeline(
        prompt,
        guide,
        height=guide.shape[1],
        width=guide.shape[2],
        num_inference_steps=config.validation_data.num_inference_steps,
        guidance_scale=config.validation_data.guidance_scale,
        pose_scale=float(posed),
        generator=torch.Generator().manual_seed(seed),
    ).frames[0]
    return (frames * 255).round().astype(np.uint8)
