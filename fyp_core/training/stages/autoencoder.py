"""A small autoencoder in place of Stable Diffusion's, trained on the procedural world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from diffusers.models.resnet import ResnetBlock2D
from torch import nn
from torch.utils.data import Dataset

from fyp_core.autoencoder import autoencoder_class
from fyp_core.latent_size import latent_factor
from fyp_core.synthetic import WorldClip
from fyp_core.training.config import AutoencoderConfig, WorldData
from fyp_core.training.data.samples import ENDLESS
from fyp_core.training.data.world import sample_world
from fyp_core.training.stage import Draws
from fyp_core.training.stages.earlier_model import begin_with_autoencoder
from fyp_core.training.stages.starting_model import build, open_autoencoder
from fyp_media.contact_sheet import save_sheet, to_pictures

_KL_WEIGHT = 3e-4
_GRADIENT_WEIGHT = 0.5
_FIGURE_WEIGHT = 2.0
_INITIAL_MIXING = 0.3  # of channels, in addition to the identity
_INITIAL_LOG_VARIANCE = -4.0
_FIGURE_WIDTH = 0.09  # of the picture; covers limbs and trunk around the skeleton's lines


class WorldImages(Dataset):
    """Single pictures of the world; picture i is always the same.

    Each holds ``picture`` (3, H, W) uint8, ``mask`` (1, H, W) uint8, 255 about where the figures are, and ``joint``
    (2,), one of their joints.
    """

    def __init__(self, config: WorldData, seed: int) -> None:
        self.config, self.seed = config, seed

    def __len__(self) -> int:
        return ENDLESS

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        rng = np.random.default_rng((self.seed, index))
        clip = sample_world(rng, self.config, num_frames=1)
        mask = figure_mask(clip)
        joint = clip.keypoints[0, rng.integers(len(clip.characters)), rng.integers(17)]
        picture = torch.from_numpy(clip.frames[0]).permute(2, 0, 1)
        return {"picture": picture, "mask": mask[None], "joint": torch.from_numpy(joint)}


def figure_mask(clip: WorldClip) -> torch.Tensor:
    """(H, W) uint8, 255 about where the figure of the first frame is."""
    lit = clip.skeletons()[0].max(-1)
    width = max(3, round(_FIGURE_WIDTH * len(lit)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    return torch.from_numpy(cv2.dilate(lit, kernel))


def to_network(pictures: torch.Tensor) -> torch.Tensor:
    """uint8 to -1..1."""
    return pictures / 127.5 - 1


class Reconstructor(nn.Module):
    """Encodes and decodes in one forward pass, as distributed training needs it."""

    def __init__(self, vae: AutoencoderKL) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, picture: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The picture (b, 3, H, W) decoded from a sample of its posterior, and the mean KL a latent value."""
        posterior = self.vae.encode(picture).latent_dist
        decoded = self.vae.decode(posterior.mean + posterior.std * noise).sample
        return decoded, posterior.kl().mean() / posterior.mean[0].numel()


class AutoencoderStage:
    """Learns to compress pictures: L1 (more on the figure), L1 of gradients for edges, a little KL.

    Continues with the autoencoder in ``pretrained_model_path`` where one is given; with ``decoder_only`` its latents
    stay the same.
    """

    def __init__(self, config: AutoencoderConfig) -> None:
        self.config = config
        torch.manual_seed(config.seed)
        self.vae = _initial_autoencoder(config)
        config.check_sizes(latent_factor(self.vae.config))
        if config.decoder_only:
            self.vae.encoder.requires_grad_(False)
            self.vae.quant_conv.requires_grad_(False)
        self.network: nn.Module = Reconstructor(self.vae)
        self.data = WorldImages(config.train_data, config.seed)

    def loss(self, network: nn.Module, batch: dict[str, Any], draws: Draws) -> torch.Tensor:
        picture, mask = to_network(batch["picture"]), batch["mask"] / 255
        if draws.uniform()[0] < self.config.crop_share:
            both = torch.cat([picture, mask], 1)
            picture, mask = crop_assemble(both, batch["joint"], self.config.train_data.size // 2).split(
                [3, 1], 1
            )
        else:
            quarter = max(1, len(picture) // 4)  # four times the pixels a picture
            picture, mask = picture[:quarter], mask[:quarter]
        side = picture.shape[-1] // latent_factor(self.vae.config)
        noise = draws.normal(self.vae.config.latent_channels, side, side)[: len(picture)]
        decoded, kl = network(picture, noise)
        error = ((decoded - picture).abs() * (1 + _FIGURE_WEIGHT * mask)).mean()
        return error + _GRADIENT_WEIGHT * gradient_error(decoded, picture) + _KL_WEIGHT * kl

    def preview(self, path: Path) -> None:
        items = [WorldImages(self.config.train_data, self.config.seed + 1)[i]["picture"] for i in range(16)]
        pictures = to_network(torch.stack(items).to(self.vae.device))
        decoded = self.vae(pictures).sample
        psnr = -10 * torch.log10(F.mse_loss(decoded.clamp(-1, 1), pictures) / 4)
        save_sheet(path, [to_pictures(pictures), to_pictures(decoded)], [f"{psnr:.1f} dB"])

    def export(self, folder: Path, learnt: dict[str, torch.Tensor]) -> None:
        self.network.load_state_dict(learnt, strict=False)
        if not self.config.decoder_only:
            standardise_latents(self.vae, self.data)
        self.vae.save_pretrained(folder / "vae")


def _initial_autoencoder(config: AutoencoderConfig) -> AutoencoderKL:
    """That of ``pretrained_model_path``, or a new one."""
    if config.pretrained_model_path:
        return open_autoencoder(config).float()
    vae = build(autoencoder_class(config.model), config, scaling_factor=1.0)
    initialise_near_identity(vae)
    if config.initial_model:
        begin_with_autoencoder(vae, config.initial_model)
    return vae


@torch.no_grad()
def initialise_near_identity(vae: AutoencoderKL) -> None:
    """Initialise for colours from the first step: identity on the main path, residual branches at zero, little noise.

    From the default initialisation so small a network makes grey pictures for the first thousands of samples.
    """
    for module in vae.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            module.weight.mul_(_INITIAL_MIXING).add_(nn.init.dirac_(torch.empty_like(module.weight)))
    for module in vae.modules():
        if isinstance(module, ResnetBlock2D):
            nn.init.zeros_(module.conv2.weight)
    log_variance = slice(vae.config.latent_channels, None)
    vae.quant_conv.weight[log_variance] *= 0.1
    vae.quant_conv.bias[log_variance] = _INITIAL_LOG_VARIANCE


def crop_assemble(images: torch.Tensor, centers: torch.Tensor, side: int) -> torch.Tensor:
    """Crop (b, c, H, W) to squares of ``side`` pixels around (b, 2) points, moved inside the picture."""
    limit = images.shape[-1] - side
    corners = (centers - side / 2).round().clamp(0, limit).long().tolist()
    return torch.stack(
        [image[:, y : y + side, x : x + side] for image, (x, y) in zip(images, corners, strict=True)]
    )


def gradient_error(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of horizontal and vertical differences, which penalises blurred edges."""
    difference = a - b
    return difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()


@torch.no_grad()
def standardise_latents(vae: AutoencoderKL, data: Dataset, pictures: int = 256) -> None:
    """Fold the mean and scale of every latent channel into the outer convolutions.

    Latents then have zero mean and unit variance, as the noise schedule expects, at a scaling factor of 1.
    """
    vae.eval()
    batches = to_network(
        torch.stack([data[ENDLESS - 1 - i]["picture"] for i in range(pictures)]).to(vae.device)
    ).split(32)
    means = torch.cat([vae.encode(batch).latent_dist.mean for batch in batches]).transpose(0, 1).flatten(1)
    mean, std = means.mean(1), means.std(1)
    into, out = vae.quant_conv, vae.post_quant_conv
    channels = len(mean)
    into.weight[:channels] /= std[:, None, None, None]
    into.bias[:channels] = (into.bias[:channels] - mean) / std
    into.bias[channels:] -= 2 * std.log()
    out.bias += out.weight[:, :, 0, 0] @ mean
    out.weight *= std[None, :, None, None]
