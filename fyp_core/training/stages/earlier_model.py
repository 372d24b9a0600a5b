"""New networks initialised from a model of other pictures, latents or words."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import nn

from fyp_core.latent_size import fold
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.weights.sources import resolve_model

_EMBEDDING = "embeddings.token_embedding.weight"
_FIRST_OF_POSE = "adapter.conv_in.weight"


@torch.no_grad()
def begin_with(pipeline: FollowYourPosePipeline, name: str) -> None:
    """Copy what fits from a model: text encoder, UNet and pose encoder.

    Embeddings are taken word by word. What has another shape, as the layers beside the latents have with another
    autoencoder, stays new; the first layer of the pose encoder is spread over its larger blocks of pixels.

    Args:
        pipeline: the new model; its weights change.
        name: the earlier model, as ``pretrained_model_path`` names one.

    Raises:
        InputError: it is not there, or no such model.
    """
    earlier = FollowYourPosePipeline.from_source(resolve_model(name))
    words = _word_embeddings(pipeline, earlier)
    pose = _spread_pose_input(pipeline.pose_encoder, earlier.pose_encoder)
    for new, old, given in (
        (pipeline.text_encoder, earlier.text_encoder, words),
        (pipeline.unet, earlier.unet, {}),
        (pipeline.pose_encoder, earlier.pose_encoder, pose),
    ):
        _copy_fitting(new, {**old.state_dict(), **given})


@torch.no_grad()
def begin_with_autoencoder(vae: AutoencoderKL, name: str) -> None:
    """Copy what fits from a model's autoencoder.

    One on single pixels becomes the same on blocks of pixels: of a picture it encodes the mean of each block, and
    decodes each block in one colour, until it learns more.

    Args:
        vae: the new autoencoder; its weights change.
        name: the earlier model, as ``pretrained_model_path`` names one.

    Raises:
        InputError: it is not there, or no such model.
    """
    earlier = FollowYourPosePipeline.from_source(resolve_model(name)).vae
    state, ratio = dict(earlier.state_dict()), fold(vae.config) // fold(earlier.config)
    if ratio > 1 and fold(earlier.config) == 1:
        first, last = "encoder.conv_in.weight", "decoder.conv_out"
        state[first] = state[first].repeat_interleave(ratio**2, 1) / ratio**2
        for kind in ("weight", "bias"):
            state[f"{last}.{kind}"] = state[f"{last}.{kind}"].repeat_interleave(ratio**2, 0)
    _copy_fitting(vae, state)


def _copy_fitting(network: nn.Module, state: dict[str, torch.Tensor]) -> None:
    own = network.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and own[name].shape == value.shape}
    network.load_state_dict({**own, **fitting})


def _word_embeddings(new: FollowYourPosePipeline, old: FollowYourPosePipeline) -> dict[str, torch.Tensor]:
    """The new embeddings with the old one's rows for the words that both know."""
    name = next(name for name in new.text_encoder.state_dict() if name.endswith(_EMBEDDING))
    rows, known = new.text_encoder.state_dict()[name].clone(), old.text_encoder.state_dict()[name]
    before = old.tokenizer.get_vocab()
    for word, index in new.tokenizer.get_vocab().items():
        if word in before:
            rows[index] = known[before[word]]
    return {name: rows}


def _spread_pose_input(new: Any, old: Any) -> dict[str, torch.Tensor]:
    """The first layer for blocks of more pixels: the mean over the pixels that replace one of the old model's.

    Blocks are unshuffled into channels: channel (colour, row, column).
    """
    ratio, rest = divmod(new.config.downscale_factor, old.config.downscale_factor)
    weight, side = old.state_dict()[_FIRST_OF_POSE], old.config.downscale_factor
    if rest or ratio < 1:
        return {}
    blocks = weight.unflatten(1, (-1, side, side)).repeat_interleave(ratio, 2).repeat_interleave(ratio, 3)
    return {_FIRST_OF_POSE: (blocks / ratio**2).flatten(1, 3)}
