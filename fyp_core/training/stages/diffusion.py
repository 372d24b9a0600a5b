"""The diffusion stages: what each of them learns, most of them on one loss.

``text_to_image`` replaces Stable Diffusion's training. ``pose`` and ``temporal`` are the two stages of Follow
Your Pose (arXiv 2304.01186, section 3): first the pose encoder alone on image-pose pairs, then the temporal layers
and the query projections on pose-free video. ``turbo``, in a module of its own, distils what these have made.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from accelerate import PartialState
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.training_utils import compute_snr
from torch import nn
from torch.utils.data import Dataset
from transformers import CLIPTextModel

from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.pose_encoder import PoseEncoder
from fyp_core.training.config import (
    DenoisingConfig,
    DiffusionConfig,
    ImageValidation,
    OwnClips,
    PosedConfig,
    VideoDenoisingConfig,
    WorldData,
)
from fyp_core.training.data import BadFiles, open_dataset
from fyp_core.training.data.samples import TokenizedDataset
from fyp_core.training.data.world import LatentCache, LatentDataset
from fyp_core.training.stage import Draws
from fyp_core.training.stages.sample_sheet import SampleSheet
from fyp_core.training.stages.starting_model import open_trainable, open_without_weights
from fyp_core.training.trainable import cast_frozen_layers, set_trainable
from fyp_core.unet import STAGE2_LAYERS, PoseVideoUNet
from fyp_media.contact_sheet import save_sheet

_MASK_REACH = 3  # latent locations around the skeleton's lines that count as the figure
_ENCODED_AT_ONCE = 8  # frames


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
        self._no_split_modules = unet._repeated_blocks  # FSDP's units by default

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
            skeleton: (b, 3, H, W) or (b, f, 3, H, W) in 0..1; ``None`` switches the pose off.
            keep_pose: (b,) 1 or 0; ``None`` keeps all.
        """
        features = None if skeleton is None else self.encode_pose(skeleton, keep_pose)
        return self.predict(noisy, t, self.text_encoder(tokens)[0], features)

    def encode_pose(
        self, skeleton: torch.Tensor, keep_pose: torch.Tensor | None = None
    ) -> list[torch.Tensor]:
        """Pose features of skeletons, one level a down block: (b, c, h, w), or ((b f), c, h, w)."""
        frames = self._castable(skeleton).flatten(0, -4)
        features = self.pose_encoder(frames)
        if keep_pose is None:
            return features
        kept = self._castable(keep_pose).repeat_interleave(len(frames) // len(skeleton))[:, None, None, None]
        return [level * kept for level in features]

    def predict(
        self, noisy: torch.Tensor, t: torch.Tensor, text: torch.Tensor, features: list[torch.Tensor] | None
    ) -> torch.Tensor:
        """As :meth:`forward`, from encoded text (b, l, d) and pose."""
        noisy = self._castable(noisy)
        if isinstance(self.unet, PoseVideoUNet):
            return self.unet(noisy, t, text, features).sample
        return self.unet(noisy, t, text, down_intrablock_additional_residuals=features).sample

    def _castable(self, x: torch.Tensor) -> torch.Tensor:
        """Inputs in the network's format where autocast does not convert them: DeepSpeed casts the whole network."""
        return x if torch.is_autocast_enabled(x.device.type) else x.to(self.unet.dtype)


class DiffusionStage:
    """A stage that trains parts of a pipeline; what it learns from is the subclass's :meth:`loss`."""

    uses_video: ClassVar[bool] = False
    uses_pose: ClassVar[bool] = False
    learns: ClassVar[tuple[str, ...]]
    """What of the network learns, as parts of parameter names; none: everything."""
    network_class: ClassVar[type[Denoiser]] = Denoiser

    def __init__(self, config: DiffusionConfig, *, with_weights: bool = True) -> None:
        self.config = config
        self.pipeline = self.open_pipeline() if with_weights else self.open_pipeline_without_weights()
        config.check_sizes(self.pipeline.vae_scale_factor)
        self.pipeline.set_progress_bar_config(disable=True)
        self.pipeline.register_to_config(**self._pipeline_settings)  # sample sheets use them as well
        parts = self.pipeline
        unet = parts.unet if self.uses_video else image_unet(parts.unet)
        self.network: Denoiser = self.network_class(parts.text_encoder, parts.pose_encoder, unet)
        set_trainable(self.network, self.trained_modules)
        cast_frozen_layers(self.network, config.mixed_precision)
        parts.vae.requires_grad_(False)
        if not isinstance(config.train_data, WorldData):  # whose clips are encoded beforehand
            cast_frozen_layers(parts.vae, config.mixed_precision)
        if config.gradient_checkpointing:
            unet.enable_gradient_checkpointing()
        if with_weights:  # before training: settings that cannot be shown are refused now
            self._sheet = SampleSheet(parts, self._validation, posed=self._shows_pose)
        self.bad_files = BadFiles()

    @property
    def trained_modules(self) -> Sequence[str]:
        """:attr:`learns`, or what the configuration names instead."""
        return self.learns

    @property
    def _validation(self) -> ImageValidation:
        return self.config.validation_data

    def open_pipeline(self) -> FollowYourPosePipeline:
        """The model to continue from, in full precision."""
        return open_trainable(self.config)

    def open_pipeline_without_weights(self) -> FollowYourPosePipeline:
        """Networks of the same sizes, without weights: for estimates."""
        return open_without_weights(self.config)

    @cached_property
    def data(self) -> Dataset:
        """The procedural world as latents, or one's own pictures or clips."""
        config = self.config
        if isinstance(config.train_data, WorldData):
            vae = self.pipeline.vae.to(next(self.network.parameters()).device)
            return LatentDataset(
                LatentCache.open(vae, config.train_data, config.dataloader_num_workers),
                config.seed,
                self.tokenize,
                whole_clips=self.uses_video,
                batch=config.train_batch_size,
                text_dropout=config.text_dropout,
                with_skeletons=self._needs_skeletons,
            )
        self.bad_files = self._new_bad_files()
        data = open_dataset(
            config.train_data, with_skeleton=self.uses_pose, seed=config.seed, bad_files=self.bad_files
        )
        return TokenizedDataset(data, self.tokenize, config.text_dropout, config.seed)

    def _new_bad_files(self) -> BadFiles:
        """A new list in place of an earlier run's, whose files may have been repaired since."""
        report = Path(self.config.output_dir) / "bad_files.jsonl"
        if PartialState().is_main_process:  # it opens the data before the others
            report.unlink(missing_ok=True)
        return BadFiles(report)

    @property
    def _needs_skeletons(self) -> bool:
        return self.uses_pose or self.config.skeleton_weight > 0

    @property
    def _size(self) -> tuple[int, int]:
        """Height and width of what is trained on, in pixels."""
        data = self.config.train_data
        return (data.size, data.size) if isinstance(data, WorldData) else (data.height, data.width)

    @property
    def _frames(self) -> int:
        """Of a clip that is trained on."""
        data = self.config.train_data
        assert isinstance(data, WorldData | OwnClips), "video stages train on clips"
        return data.n_sample_frames

    @property
    def _pipeline_settings(self) -> dict[str, Any]:
        """What is saved with the model: what it is trained on, unless the configuration says otherwise."""
        height, width = self._size
        trained_on = {"default_height": height, "default_width": width}
        if self.uses_video:
            trained_on["clip_length"] = self._frames
        return trained_on | self.config.pipeline

    def tokenize(self, text: str) -> torch.Tensor:
        tokenizer = self.pipeline.tokenizer
        length = tokenizer.model_max_length
        return tokenizer(
            text, padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        ).input_ids[0]

    def example(self, count: int) -> dict[str, torch.Tensor]:
        """A batch of the shapes that :meth:`loss` gets, of any content."""
        height, width = self._size
        frames = (self._frames,) if self.uses_video else ()
        tokens = self.pipeline.text_encoder.config.max_position_embeddings
        batch = {"tokens": torch.zeros(count, tokens, dtype=torch.long)}
        if self._needs_skeletons:
            batch["skeleton"] = torch.zeros(count, *frames, 3, height, width)
        if isinstance(self.config.train_data, WorldData):
            factor, channels = self.pipeline.vae_scale_factor, self.pipeline.vae.config.latent_channels
            return batch | {
                "latents": torch.zeros(count, channels, *frames, height // factor, width // factor)
            }
        return batch | {"pixels": torch.zeros(count, 3, *frames, height, width)}

    def loss(self, network: nn.Module, batch: dict[str, Any], draws: Draws) -> torch.Tensor:
        """Scalar loss of a batch like :meth:`example`'s."""
        raise NotImplementedError

    @staticmethod
    def _skeleton(batch: dict[str, Any]) -> torch.Tensor | None:
        """(b, 3, H, W) or (b, f, 3, H, W) in 0..1."""
        skeleton = batch.get("skeleton")
        return skeleton / 255 if skeleton is not None and skeleton.dtype == torch.uint8 else skeleton

    @torch.no_grad()
    def encode(self, pixels: torch.Tensor, draws: Draws) -> torch.Tensor:
        """(b, 3, H, W) or (b, 3, f, H, W) in -1..1 to latents (b, c, h, w) or (b, c, f, h, w)."""
        vae = self.pipeline.vae
        if vae.device != pixels.device:
            vae.to(pixels.device)
        is_clip = pixels.ndim == 5
        frames = pixels.transpose(1, 2).flatten(0, 1) if is_clip else pixels
        is_whole = vae.dtype == torch.float32
        with nullcontext() if is_whole else torch.autocast(pixels.device.type, vae.dtype):
            moments = [vae.encode(chunk).latent_dist for chunk in frames.split(_ENCODED_AT_ONCE)]
        mean, std = (torch.cat([getattr(m, name).float() for m in moments]) for name in ("mean", "std"))
        if is_clip:
            mean, std = (x.unflatten(0, (len(pixels), -1)).transpose(1, 2) for x in (mean, std))
        latents = mean + std * draws.normal(*mean.shape[1:])
        return (latents - (getattr(vae.config, "shift_factor", None) or 0.0)) * vae.config.scaling_factor

    def preview(self, path: Path) -> None:
        save_sheet(path, *self._sheet.draw(self.trained_pipeline()))

    @property
    def _shows_pose(self) -> bool:
        return self.config.stage != "text_to_image"

    def trained_pipeline(self) -> FollowYourPosePipeline:
        """The pipeline with what has been learnt so far, sharing its weights with the network."""
        if not self.uses_video:
            state = self.network.unet.state_dict()
            self.pipeline.unet.load_state_dict(state, strict=False, assign=True)
        return self.pipeline.to(next(self.network.parameters()).device)

    def export(self, folder: Path, learnt: dict[str, torch.Tensor]) -> None:
        pipeline = (
            self.open_pipeline()
        )  # complete and in full precision, without what was changed for training
        for name in ("text_encoder", "pose_encoder", "unet"):
            prefix = f"{name}."
            part = {
                key.removeprefix(prefix): value for key, value in learnt.items() if key.startswith(prefix)
            }
            getattr(pipeline, name).load_state_dict(part, strict=False)
        pipeline.register_to_config(**self._pipeline_settings)
        pipeline.save_pretrained(folder)


class DenoisingStage(DiffusionStage):
    """A stage that learns to denoise pictures or clips."""

    config: DenoisingConfig

    def __init__(self, config: DenoisingConfig, *, with_weights: bool = True) -> None:
        super().__init__(config, with_weights=with_weights)
        self.noise = DDIMScheduler.from_config(self.pipeline.scheduler.config)
        self._pose_dropout = config.pose_dropout if isinstance(config, PosedConfig) else 0.0
        self._noise_share = config.noise_share if isinstance(config, VideoDenoisingConfig) else 0.0

    @property
    def trained_modules(self) -> Sequence[str]:
        return self.config.trainable_modules or self.learns

    def loss(self, network: nn.Module, batch: dict[str, Any], draws: Draws) -> torch.Tensor:
        """Error of the prediction of a batch like :meth:`example`'s."""
        latents = batch["latents"] if "latents" in batch else self.encode(batch["pixels"], draws)
        skeleton = self._skeleton(batch)
        t = self._draw_timesteps(draws)
        noise = self._draw_noise(latents, draws)
        noisy = self.noise.add_noise(latents, noise, t)
        keep_pose = (draws.uniform() >= self._pose_dropout).float()
        prediction = network(noisy, t, batch["tokens"], skeleton if self.uses_pose else None, keep_pose)
        error = (prediction.float() - self._target(latents, noise, t)).square()
        if skeleton is not None and self.config.skeleton_weight:
            error = error * (1 + self.config.skeleton_weight * near_skeleton(skeleton, latents))
        return (error.flatten(1).mean(1) * self.timestep_weights(t)).mean()

    def _draw_timesteps(self, draws: Draws) -> torch.Tensor:
        u = draws.uniform()
        if self.config.high_noise_bias:
            u = 1 - u.square()
        steps = self.noise.config.num_train_timesteps
        return (u * steps).long().clamp(max=steps - 1)

    def _draw_noise(self, latents: torch.Tensor, draws: Draws) -> torch.Tensor:
        if latents.ndim == 4:
            return draws.normal(*latents.shape[1:])
        return draws.clip_noise(*latents.shape[1:], share=self._noise_share)

    def _target(self, latents: torch.Tensor, noise: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        if self.noise.config.prediction_type == "v_prediction":
            return self.noise.get_velocity(latents, noise, t)
        return noise

    def timestep_weights(self, t: torch.Tensor) -> torch.Tensor:
        """Min-SNR weights (Hang et al. 2023, arXiv 2303.09556), (b,); 1 without ``snr_gamma``."""
        if self.config.snr_gamma is None:
            return torch.ones_like(t, dtype=torch.float32)
        snr = compute_snr(self.noise, t)
        clipped = snr.clamp(max=self.config.snr_gamma)
        if self.noise.config.prediction_type == "v_prediction":
            return clipped / (snr + 1)
        return torch.where(snr > 0, clipped / snr, 1.0)


class PoseStage(DenoisingStage):
    """Stage 1 of the paper: the pose encoder alone, on image-pose pairs."""

    uses_pose = True
    learns: ClassVar[tuple[str, ...]] = ("pose_encoder",)


class JointPoseStage(PoseStage):
    """The pose encoder together with the image model: not in the paper; helps where the base is small."""

    learns = ()  # everything


class TemporalStage(DenoisingStage):
    """Stage 2 of the paper: temporal layers and query projections, on video without poses."""

    uses_video = True
    learns = STAGE2_LAYERS


class OneStage(DenoisingStage):
    """Everything together on video with poses: what the paper's two stages avoid, to compare with."""

    uses_video = True
    uses_pose = True
    learns = ()  # everything


def image_unet(unet: PoseVideoUNet) -> UNet2DConditionModel:
    """The image network inside a video network: the same weights, not copied, without the temporal layers."""
    with torch.device("meta"):
        settings = {key: value for key, value in unet.config.items() if key != "temporal_padding"}
        image = UNet2DConditionModel.from_config(settings)
    state = unet.state_dict()
    image.load_state_dict({name: state[name] for name in image.state_dict()}, assign=True)
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
