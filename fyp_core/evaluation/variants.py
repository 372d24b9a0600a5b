"""What is evaluated: renders, their reconstruction by the autoencoder, the model, and the model without some parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fyp_core.evaluation.cases import Case
from fyp_core.noise import draw_noise
from fyp_core.unet import without_temporal_layers
from fyp_media.contact_sheet import to_pictures

if TYPE_CHECKING:
    from fyp_core.pipeline import FollowYourPosePipeline

RENDERS, AUTOENCODER, MODEL = "renders", "autoencoder", "model"


@dataclass(frozen=True)
class Setting:
    """How a model makes a video.

    pose_scale: 0 switches the pose off.
    temporal_layers: of the second stage of training; without them the image model's layers are left.
    cross_frame: whether a frame sees others at all: sparse-causal attention and common normalisation.
    noise_share: share of the noise that all frames have in common; None is the model's own.
    """

    pose_scale: float = 1.0
    temporal_layers: bool = True
    cross_frame: bool = True
    noise_share: float | None = None


SETTINGS = {
    MODEL: Setting(),
    "pose off": Setting(pose_scale=0),
    "cross-frame attention only": Setting(temporal_layers=False),
    "cross-frame attention only, shared noise": Setting(temporal_layers=False, noise_share=1),
    "frame by frame": Setting(temporal_layers=False, cross_frame=False, noise_share=0),
    "frame by frame, shared noise": Setting(temporal_layers=False, cross_frame=False, noise_share=1),
}
SOURCES = (RENDERS, AUTOENCODER, *SETTINGS)
DEFAULT_SOURCES = (RENDERS, AUTOENCODER, MODEL, "pose off")


@contextmanager
def prepared(pipeline: FollowYourPosePipeline, source: str) -> Iterator[None]:
    """Change the pipeline for ``source`` while the block runs; :func:`show` needs it."""
    unet = pipeline.unet
    if source in SETTINGS and not SETTINGS[source].temporal_layers:
        pipeline.unet = without_temporal_layers(unet)
    try:
        yield
    finally:
        pipeline.unet = unet


def show(
    pipeline: FollowYourPosePipeline,
    source: str,
    cases: Sequence[Case],
    seed: int,
    sampling: dict[str, Any] | None = None,
) -> list[np.ndarray]:
    """The videos, (F, H, W, 3) uint8 RGB, of cases of one length.

    Args:
        source: one of :data:`SOURCES`; the first two need cases with ground truth frames.
        seed: of the noise, with the case's number.
        sampling: further arguments of the pipeline.
    """
    if source == RENDERS:
        return [_true_frames(case) for case in cases]
    if source == AUTOENCODER:
        return [reconstruct(pipeline, _true_frames(case)) for case in cases]
    return _generate(pipeline, SETTINGS[source], cases, seed, sampling or {})


def _true_frames(case: Case) -> np.ndarray:
    if case.frames is None:
        raise ValueError(f'There is no ground truth video for "{case.prompt}".')
    return case.frames


def _generate(
    pipeline: FollowYourPosePipeline,
    setting: Setting,
    cases: Sequence[Case],
    seed: int,
    sampling: dict[str, Any],
) -> list[np.ndarray]:
    skeletons = np.stack([case.skeletons for case in cases])  # b f h w c
    prompts = [case.prompt for case in cases]
    share = pipeline.config.noise_share if setting.noise_share is None else setting.noise_share
    noise = torch.cat([_noise(pipeline, case, seed, share) for case in cases])
    frames = skeletons.shape[1]
    if not setting.cross_frame:  # every frame is a clip of its own
        skeletons = skeletons.reshape(-1, 1, *skeletons.shape[2:])
        prompts = [prompt for prompt in prompts for _ in range(frames)]
        noise = noise.transpose(1, 2).flatten(0, 1)[:, :, None]  # (b f) c 1 h w
    height, width = skeletons.shape[2:4]  # the noise's, which need not be the model's usual size
    videos = pipeline(
        prompts,
        skeletons,
        height=height,
        width=width,
        pose_scale=setting.pose_scale,
        latents=noise,
        **sampling,
    ).frames
    pictures = (videos * 255).round().astype(np.uint8)
    return list(pictures.reshape(len(cases), frames, *pictures.shape[2:]))


def _noise(pipeline: FollowYourPosePipeline, case: Case, seed: int, share: float) -> torch.Tensor:
    """(1, C, F, h, w): that of a case does not depend on the batch it is generated in."""
    mixed = int(np.random.SeedSequence((seed, case.index)).generate_state(1)[0])
    factor = pipeline.vae_scale_factor
    count, height, width = case.skeletons.shape[:3]
    shape = (1, pipeline.unet.config.in_channels, count, height // factor, width // factor)
    return draw_noise(shape, torch.Generator().manual_seed(mixed), share)


@torch.inference_mode()
def reconstruct(pipeline: FollowYourPosePipeline, frames: np.ndarray) -> np.ndarray:
    """(F, H, W, 3) uint8 RGB through the pipeline's autoencoder and back."""
    pictures = torch.from_numpy(frames).permute(0, 3, 1, 2) / 127.5 - 1
    vae = pipeline.vae
    decoded = vae.decode(vae.encode(pictures.to(vae.device, vae.dtype)).latent_dist.mean).sample
    return to_pictures(decoded.float())
