"""Sample sheets during training: pictures or clips of prompts, following skeletons, by the current network."""

from __future__ import annotations

import numpy as np
import torch

from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.synthetic import sample_clip
from fyp_core.training.config import ImageValidation, VideoValidation
from fyp_media.errors import InputError
from fyp_media.fit import fit_frames

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


class SampleSheet:
    """The samples of ``validation_data``, whose inputs are read and checked once.

    Args:
        settings: of clips, or of single pictures.
        posed: follow the skeletons.

    Raises:
        InputError: the model cannot show it.
    """

    def __init__(self, pipeline: FollowYourPosePipeline, settings: ImageValidation, *, posed: bool) -> None:
        self.settings, self.posed = settings, posed
        self.video = isinstance(settings, VideoValidation)
        self.prompts = list(settings.prompts) or list(_WORLD_PROMPTS)
        try:
            self._check(pipeline)
            self.guides = self._open_guides(pipeline)
        except InputError as error:
            raise InputError(f"validation_data cannot be shown: {error}") from error

    def draw(self, pipeline: FollowYourPosePipeline) -> tuple[list[np.ndarray], list[str]]:
        """Generate with the current network.

        Returns:
            Rows of pictures as :func:`fyp_media.contact_sheet.save_sheet` takes them, and their titles.
        """
        rows, titles = [], []
        for seed, guide in enumerate(self.guides):
            shown = self.prompts[seed :: len(self.guides)] if self.video else self.prompts
            pictures = [self._generate(pipeline, prompt, guide, seed) for prompt in shown]
            if self.video:
                rows += [guide, *pictures]
                titles += ["", *shown]
            else:
                rows += [np.repeat(guide, len(shown), axis=0), np.concatenate(pictures)]
        return rows, titles

    def _check(self, pipeline: FollowYourPosePipeline) -> None:
        steps = self.settings.num_inference_steps
        steps = pipeline.config.default_num_inference_steps if steps is None else steps
        pipeline.check_inputs(self.prompts, None, *self._size(pipeline), steps, "np", decode_chunk_size=1)

    def _size(self, pipeline: FollowYourPosePipeline) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.settings.height, self.settings.width
        return (
            pipeline.config.default_height if height is None else height,
            pipeline.config.default_width if width is None else width,
        )

    def _open_guides(self, pipeline: FollowYourPosePipeline) -> list[np.ndarray]:
        """Skeleton clips (frames, H, W, 3) of the size generated."""
        height, width = self._size(pipeline)
        frames, stride = 1, VideoValidation().stride
        if isinstance(self.settings, VideoValidation):
            frames, stride = self.settings.video_length, self.settings.stride
        if self.settings.skeleton_path:
            from fyp_media.read_video import sample_frames

            clips = [sample_frames(self.settings.skeleton_path, frames, stride=stride)]
        else:
            clips = [
                sample_clip(
                    np.random.default_rng(seed), frames, height, motion="freestyle", stride=stride
                ).skeletons()
                for seed in range(2)
            ]
        return [fit_frames(clip, height, width) for clip in clips]

    def _generate(
        self, pipeline: FollowYourPosePipeline, prompt: str, guide: np.ndarray, seed: int
    ) -> np.ndarray:
        """(frames, H, W, 3) uint8."""
        result = pipeline(
            prompt,
            guide,
            height=guide.shape[1],
            width=guide.shape[2],
            num_inference_steps=self.settings.num_inference_steps,
            guidance_scale=self.settings.guidance_scale,
            pose_scale=float(self.posed),
            generator=torch.Generator().manual_seed(seed),
        )
        return (np.asarray(result.frames[0]) * 255).round().astype(np.uint8)
