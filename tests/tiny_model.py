"""A whole model at toy width with random weights: loads and runs like a real one in a fraction of a second."""

from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast

from benchmarks.random_model import SCHEDULER
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.pose_encoder import PoseEncoder
from fyp_core.unet import PoseVideoUNet

WORDS = ["a", "knight", "robot", "dances", "jumps", "on", "the", "beach", "moon"]
SIZE, STEPS = 32, 2
ZERO_SNR = {
    **SCHEDULER,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
}


def word_tokenizer() -> PreTrainedTokenizerFast:
    special = ["<pad>", "<unk>", "<start>", "<end>"]
    vocabulary = {word: i for i, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 2), ("<end>", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=12,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<start>",
        eos_token="<end>",
    )


def build_pipeline(
    tokenizer: Any = None, scheduler: Any = None, text_width: int = 16, **config: Any
) -> FollowYourPosePipeline:
    torch.manual_seed(0)
    tokenizer = tokenizer or word_tokenizer()
    channels = (8, 16)
    text = CLIPTextConfig(
        vocab_size=len(tokenizer) + 4,
        hidden_size=text_width,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    unet = PoseVideoUNet(
        block_out_channels=channels,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=text_width,
        attention_head_dim=2,
        norm_num_groups=4,
    )
    # the temporal layers start at zero; here they must count
    for name, parameter in unet.named_parameters():
        if "conv_temporal.up" in name or "attn_temp.to_out" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    blocks = 4  # an autoencoder of factor 8
    vae = AutoencoderKL(
        block_out_channels=(4,) * blocks,
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        norm_num_groups=2,
    )
    defaults = {
        "default_height": SIZE,
        "default_width": SIZE,
        "default_num_inference_steps": STEPS,
        "default_guidance_scale": 3.0,
    }
    pipeline = FollowYourPosePipeline(
        vae=vae.eval(),
        text_encoder=CLIPTextModel(text).eval(),
        tokenizer=tokenizer,
        unet=unet.eval(),
        pose_encoder=PoseEncoder(channels=channels).eval(),
        scheduler=scheduler or DDIMScheduler(**ZERO_SNR, clip_sample=False),
        **{**defaults, **config},
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def make_video(
    pipeline: FollowYourPosePipeline, prompt: str = "a robot", negative_prompt: str | None = None
) -> np.ndarray:
    """Two frames of random skeletons, (1, F, H, W, 3) in 0..1."""
    pipeline.set_progress_bar_config(disable=True)
    skeleton = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), np.uint8)
    return pipeline(
        prompt,
        skeleton,
        height=SIZE,
        width=SIZE,
        num_inference_steps=STEPS,
        guidance_scale=3.0,
        negative_prompt=negative_prompt,
        generator=torch.Generator().manual_seed(0),
    ).frames
