"""Stable Diffusion's and the published model's formats and shapes, with random weights."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from fyp_core.pose_encoder import PoseEncoder
from fyp_core.unet import PoseVideoUNet

FULL_WIDTH = 320  # of Stable Diffusion's first level
SCHEDULER = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def random_parts(width: int) -> dict[str, Any]:
    """Networks of the published model's shape with random weights, ``width / 320`` as wide, and its scheduler.

    Under ``torch.device(...)`` the networks are made there.
    """
    widths = tuple(width * multiple for multiple in (1, 2, 4, 4))
    heads = max(1, 12 * width // FULL_WIDTH)
    text = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=64 * heads,
        intermediate_size=256 * heads,
        num_hidden_layers=12,
        num_attention_heads=heads,
        max_position_embeddings=77,
    )
    groups = 32
    vae_width = max(groups, 128 * width // FULL_WIDTH // groups * groups)
    levels = tuple(vae_width * multiple for multiple in (1, 2, 4, 4))
    with torch.device("cpu"):  # where schedulers compute
        scheduler = DDIMScheduler(**SCHEDULER, clip_sample=False, steps_offset=1)
    return {
        "text_encoder": CLIPTextModel(text),
        "vae": AutoencoderKL(
            block_out_channels=levels,
            down_block_types=("DownEncoderBlock2D",) * len(levels),
            up_block_types=("UpDecoderBlock2D",) * len(levels),
            layers_per_block=2,
            sample_size=512,
        ),
        "pose_encoder": PoseEncoder(channels=widths),
        "unet": PoseVideoUNet(
            sample_size=64, cross_attention_dim=text.hidden_size, block_out_channels=widths
        ),
        "scheduler": scheduler,
    }


def clip_tokenizer(directory: Path) -> CLIPTokenizer:
    """Stable Diffusion's kind of tokenizer with a vocabulary of letters."""
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (directory / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (directory / "merges.txt").write_text("#version: 0.2\n")
    (directory / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 40}))
    return CLIPTokenizer.from_pretrained(directory)


def published_names(pose_encoder: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Our pose encoder's tensors as ``pose_encoder.pth`` names them."""
    state = {}
    for name, tensor in pose_encoder.items():
        if name == "gain":
            continue
        name = name.removeprefix("adapter.")
        if match := re.match(r"body\.(\d+)\.(?:resnets\.(\d+)\.)?(.+)", name):
            level, block, rest = int(match[1]), int(match[2] or 0), match[3]
            name = f"body.{2 * level + block}.{rest}"
        state[name] = tensor
    return state
