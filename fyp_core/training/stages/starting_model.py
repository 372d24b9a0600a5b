"""The networks a stage begins with: those of the model it continues, or new ones."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers import AutoencoderKL, DDIMScheduler
from transformers import CLIPTextConfig, CLIPTextModel

from fyp_core.autoencoder import autoencoder_class
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.pose_encoder import PoseEncoder
from fyp_core.settings import refuse_unknown_names
from fyp_core.training.config import NewNetworkConfig, TrainConfig
from fyp_core.unet import PoseVideoUNet
from fyp_core.weights.assemble import load_untrained_parts
from fyp_core.weights.checkpoints import bundled
from fyp_core.weights.sources import MODEL_NAMES, find_base, is_our_model, resolve_model
from fyp_media.errors import InputError, as_input_error

T = TypeVar("T")

# Sizes of Stable Diffusion 1.x, for estimates without its files.
_SD_UNET = {"sample_size": 64, "cross_attention_dim": 768}
_SD_VAE = {
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 2,
    "scaling_factor": 0.18215,
}
_SD_TEXT = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "vocab_size": 49408,
    "max_position_embeddings": 77,
}
_SD_SCHEDULER = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def open_trainable(config: TrainConfig) -> FollowYourPosePipeline:
    """Open ``pretrained_model_path``, in full precision.

    It names a model of this project, or Stable Diffusion 1.x: a folder in diffusers layout, a single file or a hub
    id. To the latter are added a pose encoder without effect and temporal layers that are the identity.

    Raises:
        InputError: it is not there, or no such model.
    """
    name = config.pretrained_model_path
    if not name:
        raise InputError(
            f"The {config.stage} stage starts from a model; name it with pretrained_model_path: what the stage"
            " before it made, or Stable Diffusion."
        )
    if is_our_model(name):
        return FollowYourPosePipeline.from_source(resolve_model(name))
    if not Path(name).exists() and "/" not in name.strip("./"):
        raise InputError(
            f"There is no {name}; train the stage before it, or name another pretrained_model_path."
        )
    torch.manual_seed(config.seed)
    return FollowYourPosePipeline(**load_untrained_parts(find_base(name), torch.float32))


def open_autoencoder(config: TrainConfig, *, with_weights: bool = True) -> AutoencoderKL:
    """The autoencoder in ``pretrained_model_path``, made by the autoencoder stage or a later one.

    Raises:
        InputError: it is not there, or cannot be read.
    """
    folder = previous_stage_folder(config, "vae")
    with as_input_error(f"{folder} is no autoencoder"):
        settings = AutoencoderKL.load_config(folder)
        kind = autoencoder_class(settings)
        return kind.from_pretrained(folder) if with_weights else kind.from_config(settings)


def previous_stage_folder(config: TrainConfig, part: str = "") -> Path:
    """The folder of the model that the stage before made, or of a part of it.

    Raises:
        InputError: it is not there.
    """
    root = Path(config.pretrained_model_path or "")
    if not config.pretrained_model_path or not root.is_dir():
        problem = "is not there"
    elif not (root / part).is_dir():
        problem = f"has no folder {part}"
    else:
        return root / part
    raise InputError(
        f"The {config.stage} stage starts from pretrained_model_path={config.pretrained_model_path}, which"
        f" {problem}; train the stage before it, or name another folder."
    )


def open_without_weights(config: TrainConfig) -> FollowYourPosePipeline:
    """The networks of ``pretrained_model_path`` built from their configurations, without reading weights.

    Where they are not on this disk: those of Stable Diffusion 1.x.
    """
    unet = PoseVideoUNet.from_config(_part_config(config, "unet", PoseVideoUNet.load_config, _SD_UNET))
    pose: dict[str, Any] = {"channels": unet.config.block_out_channels}
    vae = _part_config(config, "vae", AutoencoderKL.load_config, _SD_VAE)
    return FollowYourPosePipeline(
        vae=autoencoder_class(vae).from_config(vae),
        text_encoder=CLIPTextModel(
            CLIPTextConfig(**_part_config(config, "text_encoder", _text_config, _SD_TEXT))
        ),
        tokenizer=None,
        unet=unet,
        pose_encoder=PoseEncoder.from_config(
            _part_config(config, "pose_encoder", PoseEncoder.load_config, pose)
        ),
        scheduler=DDIMScheduler.from_config(
            _part_config(config, "scheduler", DDIMScheduler.load_config, _SD_SCHEDULER)
        ),
    )


def _part_config(
    config: TrainConfig, part: str, load: Callable[[Path], dict[str, Any]], otherwise: dict[str, Any]
) -> dict[str, Any]:
    name = config.pretrained_model_path or ""
    root = bundled(name) if name in MODEL_NAMES else Path(name)
    return load(root / part) if (root / part).is_dir() else otherwise


def _text_config(folder: Path) -> dict[str, Any]:
    return CLIPTextConfig.from_pretrained(folder).to_dict()


def build(kind: Callable[..., T], config: NewNetworkConfig, part: str = "", **given: Any) -> T:
    """Make ``kind`` of the sizes under ``model``, or under a part of it.

    Args:
        given: arguments that are not the configuration's to decide.

    Raises:
        InputError: there are no sizes, one of them is unknown (names the closest), or they do not fit together.
    """
    key = f"model.{part}" if part else "model"
    sizes = config.model.get(part) if part else config.model
    if not sizes or not isinstance(sizes, dict):
        raise InputError(
            f"The {config.stage} stage makes a {kind.__name__} and needs its sizes under {key}; give them as in"
            f" configs/mini_{config.stage}.yaml."
        )
    refuse_unknown_names(sizes, [name for name in signature(kind).parameters if name not in given], f"{key}.")
    try:
        return kind(**sizes, **given)
    except Exception as error:  # libraries raise nearly anything for sizes that do not fit
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1].strip()
        raise InputError(f"The sizes under {key} make no {kind.__name__}; change them: {reason}") from error
