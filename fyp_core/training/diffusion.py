"""The diffusion stages: what each of them learns, on one loss.

``text_to_image`` stands in for Stable Diffusion's training. ``pose`` and ``temporal`` are the two stages of Follow
Your Pose (arXiv 2304.01186, section 3): first the pose encoder alone on image-pose pairs, then the temporal layers
and the query projections on pose-free video.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from fyp_core.pipeline import FollowYourPosePipeline, draw_noise
from fyp_core.pose_encoder import PoseEncoder
from fyp_core.sheets import save_sheet
from fyp_core.synthetic import sample_clip, vocabulary
from fyp_core.training.config import TrainConfig, existing_folder
from fyp_core.training.latents import LatentCache, LatentDataset
from fyp_core.training.tokenizer import word_tokenizer
from fyp_core.unet import PoseVideoUNet, stage2_parameter_names

_PREVIEW_PROMPTS = (
    "an astronaut on the beach",
    "a robot in Antarctica",
    "a panda on the moon",
    "hulk on the street",
    "Iron man in the snow",
    "a woman in the desert",
    "a policeman in the gym",
    "batman in the forest",
)
_MASK_REACH = 3  # latent locations around the skeleton's lines that count as the figure


class Denoiser(nn.Module):
    """Text encoder, pose encoder and UNet as one module, so that distributed training sees one forward pass."""

    def __init__(
        self,
        text_encoder: CLIPTextModel,
        pose_encoder: PoseEncoder,
        unet: UNet2DConditionModel | PoseVideoUNet,
    ) -> None:
        super().__init__()
        self.text_encoder, self.pose_encoder, self.unet = text_encoder, pose_encoder, unet

    def forward(
        self,
        noisy: torch.Tensor,
        t: torch.Tensor,
        tokens: torch.Tensor,
        skeleton: torch.Tensor | None,
        keep_pose: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Predict from (b, c, h, w) noisy images, or (b, c, f, h, w) clips.

        Args:
            t: (b,).
            tokens: (b, l).
            skeleton: (b, 3, H, W) in 0..1; ``None`` switches the pose off.
            keep_pose: (b,) 1 or 0.
        """
        text = self.text_encoder(tokens)[0]
        features = None
        if skeleton is not None:
            features = [level * keep_pose[:, None, None, None] for level in self.pose_encoder(skeleton)]
        if isinstance(self.unet, PoseVideoUNet):
            return self.unet(noisy, t, text, features).sample
        return self.unet(noisy, t, text, down_intrablock_additional_residuals=features).sample


class DiffusionStage:
    """A stage that trains parts of a pipeline by denoising."""

    uses_video = False
    uses_pose = False

    def __init__(self, config: TrainConfig) -> None:
        self.config = config
        self.pipeline = self.open_pipeline()
        self.pipeline.set_progress_bar_config(disable=True)
        parts = self.pipeline
        unet = parts.unet if self.uses_video else image_unet(parts.unet)
        self.network = Denoiser(parts.text_encoder, parts.pose_encoder, unet).float()
        self.network.requires_grad_(False)
        for parameter in self.learning():
            parameter.requires_grad_(True)
        if config.gradient_checkpointing:
            unet.enable_gradient_checkpointing()
        cache = LatentCache.open(parts.vae, config.train_data)
        self.data = LatentDataset(
            cache,
            config.train_data.size,
            config.seed,
            self.tokenize,
            whole_clips=self.uses_video,
            text_dropout=config.text_dropout,
        )
        self.noise = DDIMScheduler.from_config(parts.scheduler.config)

    def open_pipeline(self) -> FollowYourPosePipeline:
        """The pipeline of the stage before."""
        return FollowYourPosePipeline.from_pretrained(existing_folder(self.config))

    def learning(self) -> list[nn.Parameter]:
        """The parameters that this stage changes."""
        raise NotImplementedError

    def tokenize(self, text: str) -> torch.Tensor:
        tokenizer = self.pipeline.tokenizer
        length = tokenizer.model_max_length
        return tokenizer(
            text, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        ).input_ids[0]

    def loss(self, network: nn.Module, batch: dict[str, Any], generator: torch.Generator) -> torch.Tensor:
        latents, skeleton = batch["latents"], batch["skeleton"]
        device, count = latents.device, len(latents)
        t = self._draw_timesteps(count, generator, device)
        noise = self._draw_noise(latents, generator)
        noisy = self.noise.add_noise(latents, noise, t)
        keep_pose = (
            torch.rand(count, generator=generator, device=device) >= self.config.pose_dropout
        ).float()
        prediction = network(noisy, t, batch["tokens"], skeleton if self.uses_pose else None, keep_pose)
        error = (prediction.float() - self._target(latents, noise, t)).square()
        if self.config.skeleton_weight:
            error = error * (1 + self.config.skeleton_weight * near_skeleton(skeleton, latents))
        return error.mean()

    def _draw_timesteps(self, count: int, generator: torch.Generator, device: torch.device) -> torch.Tensor:
        u = torch.rand(count, generator=generator, device=device)
        if self.config.high_noise_bias:
            u = 1 - u.square()
        steps = self.noise.config.num_train_timesteps
        return (u * steps).long().clamp(max=steps - 1)

    def _draw_noise(self, latents: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        if latents.ndim == 4:
            return torch.randn(latents.shape, generator=generator, device=latents.device)
        return draw_noise(tuple(latents.shape), generator, self.config.noise_share).to(latents.device)

    def _target(self, latents: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        if self.noise.config.prediction_type == "v_prediction":
            return self.noise.get_velocity(latents, noise, t)
        return noise

    def preview(self, path: Path) -> None:
        pipeline = self.trained_pipeline()
        rows = []
        for seed in range(2):
            skeletons = sample_clip(
                np.random.default_rng(seed), 8, self.config.train_data.size, motion="freestyle", stride=4
            ).skeletons()
            frames = skeletons if self.uses_video else skeletons[:1]
            prompts = list(_PREVIEW_PROMPTS[seed::4] if self.uses_video else _PREVIEW_PROMPTS)
            videos = pipeline(
                prompts,
                frames,
                pose_scale=float(self.config.stage != "text_to_image"),
                generator=torch.Generator().manual_seed(seed),
            ).frames
            pictures = (videos * 255).round().astype(np.uint8)
            shown = frames if self.uses_video else np.repeat(frames, len(prompts), axis=0)
            rows += [shown, *pictures] if self.uses_video else [shown, pictures[:, 0]]
        save_sheet(path, rows)

    def trained_pipeline(self) -> FollowYourPosePipeline:
        """The pipeline with what has been learnt so far."""
        if not self.uses_video:
            self.pipeline.unet.load_state_dict(self.network.unet.state_dict(), strict=False)
        return self.pipeline

    def export(self, folder: Path) -> None:
        self.network.eval()
        pipeline = self.trained_pipeline()
        pipeline.register_to_config(**self.config.pipeline)
        pipeline.save_pretrained(folder)


class TextToImageStage(DiffusionStage):
    """Text encoder and image UNet from scratch, on pictures with captions."""

    def open_pipeline(self) -> FollowYourPosePipeline:
        torch.manual_seed(self.config.seed)
        vae = AutoencoderKL.from_pretrained(existing_folder(self.config) / "vae")
        tokenizer = word_tokenizer(vocabulary())
        sizes = self.config.model
        text = CLIPTextConfig(
            vocab_size=len(tokenizer),
            max_position_embeddings=tokenizer.model_max_length,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            **sizes["text_encoder"],
        )
        channels = sizes["unet"]["block_out_channels"]
        size = self.config.train_data.size
        return FollowYourPosePipeline(
            vae=vae,
            text_encoder=CLIPTextModel(text),
            tokenizer=tokenizer,
            unet=PoseVideoUNet(
                sample_size=size // 8,
                in_channels=vae.config.latent_channels,
                out_channels=vae.config.latent_channels,
                **sizes["unet"],
            ),
            pose_encoder=PoseEncoder(channels=tuple(channels), zero_gain=True),
            scheduler=DDIMScheduler(**sizes["scheduler"]),
            default_height=size,
            default_width=size,
            **self.config.pipeline,
        )

    def learning(self) -> list[nn.Parameter]:
        return [*self.network.text_encoder.parameters(), *self.network.unet.parameters()]


class PoseStage(DiffusionStage):
    """Stage 1 of the paper: the pose encoder alone, on image-pose pairs."""

    uses_pose = True

    def learning(self) -> list[nn.Parameter]:
        return list(self.network.pose_encoder.parameters())


class JointPoseStage(PoseStage):
    """The pose encoder together with the image model: not in the paper; helps where the base is small."""

    def learning(self) -> list[nn.Parameter]:
        return list(self.network.parameters())


class TemporalStage(DiffusionStage):
    """Stage 2 of the paper: temporal layers and query projections, on video without poses."""

    uses_video = True

    def learning(self) -> list[nn.Parameter]:
        names = set(stage2_parameter_names(self.network.unet))
        return [p for name, p in self.network.unet.named_parameters() if name in names]


def image_unet(unet: PoseVideoUNet) -> UNet2DConditionModel:
    """The image network inside a video network: the same weights without the temporal layers."""
    image = UNet2DConditionModel.from_config(unet.config)
    state = unet.state_dict()
    image.load_state_dict({name: state[name] for name in image.state_dict()})
    return image


def near_skeleton(skeleton: torch.Tensor, latents: torch.Tensor) -> torch.Tensor:
    """1 at the latent locations around a skeleton's lines, 0 elsewhere, to weight an error on ``latents``.

    Args:
        skeleton: (b, 3, H, W), or (b, f, 3, H, W) for latents (b, c, f, h, w).

    Returns:
        (b, 1, h, w), or (b, 1, f, h, w).
    """
    lit = skeleton.amax(-3)
    frames = lit.reshape(-1, 1, *lit.shape[-2:])
    mask = (F.adaptive_max_pool2d(frames, latents.shape[-2:]) > 0.2).float()
    mask = F.max_pool2d(mask, _MASK_REACH, 1, _MASK_REACH // 2)
    return mask.reshape(len(latents), 1, *latents.shape[2:])
