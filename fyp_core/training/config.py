"""The settings of a training run, read from YAML and checked against what exists."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.training.data.config import SourceConfig
from fyp_core.training.ranges import check_ranges
from fyp_core.yaml_config import read_yaml, refuse_unknown, reword_booleans
from fyp_media.errors import InputError, first_line

logger = logging.getLogger(__name__)

WORLD = "world"


@dataclass
class WorldConfig:
    """Which clips of the procedural world are trained on."""

    seed: int = 0  # of the clips
    size: int = 128  # pixels a side
    clips: int = 6000  # rendered and encoded once, then drawn from
    n_sample_frames: int = 8
    style_probability: float = 0.0
    styles: list[str] = field(default_factory=list)
    cache: str = "output/mini/latents"


@dataclass
class TrainData(SourceConfig, WorldConfig):
    """What is trained on: the procedural world, or pictures and clips of one's own."""

    width: int = 512  # pixels; the world has its own size
    height: int = 512


@dataclass
class ValidationData:
    """The samples shown during training; None takes the model's own value."""

    prompts: list[str] = field(default_factory=list)  # none: some of the procedural world's
    skeleton_path: str | None = None  # video of the poses; none: poses of the procedural world
    video_length: int = 8
    stride: int = 4  # of the skeleton video's frames
    width: int | None = None
    height: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None


@dataclass
class TrainConfig:
    """One stage of training.

    Stages: ``autoencoder`` and ``text_to_image`` stand in for Stable Diffusion; ``pose`` is the paper's stage 1,
    ``temporal`` its stage 2; ``pose_joint`` trains the pose encoder together with the image model, ``one_stage``
    everything together on video. The ``judge`` stages train the networks that evaluate the others.
    """

    stage: str = "temporal"
    pretrained_model_path: str | None = None  # the model to go on from; Stable Diffusion where a stage can
    output_dir: str = "output/training"
    train_data: TrainData = field(default_factory=TrainData)
    # Parts of parameter names; none: the stage's own.
    trainable_modules: list[str] = field(default_factory=list)

    max_train_steps: int = 1000
    train_batch_size: int = 32  # of each process: images, or clips in the temporal stage
    gradient_accumulation_steps: int = 1  # batches a step
    dataloader_num_workers: int = 0  # processes that prepare batches
    learning_rate: float = 3e-5
    scale_lr: bool = False  # times the samples of a step
    lr_scheduler: str = "cosine"  # any of diffusers' names
    lr_warmup_steps: int = 50
    adam_beta1: float = 0.9
    adam_beta2: float = 0.99
    adam_weight_decay: float = 1e-2
    adam_epsilon: float = 1e-8
    use_8bit_adam: bool = False  # with bitsandbytes
    max_grad_norm: float = 1.0  # 0: gradients are not clipped
    ema_decay: float = 0.0  # 0: no moving average
    gradient_checkpointing: bool = False
    # no, fp16 or bf16, in which frozen layers are kept; where it is not set, as accelerate's launcher was told.
    mixed_precision: str = "no"
    enable_xformers_memory_efficient_attention: bool = False
    seed: int = 33

    text_dropout: float = 0.1  # share of samples trained without their caption, for guidance
    pose_dropout: float = 0.0  # share of samples trained without their skeleton
    high_noise_bias: bool = False  # draw more of the noisy timesteps, where the layout is decided
    snr_gamma: float | None = None  # min-SNR weights of the timesteps; 5 in the paper
    skeleton_weight: float = 0.0  # additional weight of the loss near the skeleton
    noise_share: float = 0.0  # variance share of the noise common to a clip's frames
    crop_share: float = 0.0  # autoencoder: share of the steps on crops around a joint

    model: dict[str, Any] = field(
        default_factory=dict
    )  # sizes of what the stage creates, as diffusers names them
    pipeline: dict[str, Any] = field(default_factory=dict)  # defaults saved with the model

    checkpointing_steps: int = 500
    checkpoints_total_limit: int = 2  # the newest are kept
    resume_from_checkpoint: str | None = "latest"  # latest, a checkpoint's folder, or null to begin anew
    validation_steps: int = 250  # a sample sheet every so many steps
    validation_data: ValidationData = field(default_factory=ValidationData)
    report_to: str | None = None  # tensorboard or another of accelerate's trackers


# The published configurations carry these; nothing follows from them here.
_WITHOUT_USE = (
    "train_data.dataset_set",
    "train_data.prompt",  # captions stand in the table of clips
    "validation_data.dataset_set",
    "validation_data.use_inv_latent",
    "validation_data.num_inv_steps",
)
_VIDEO = ("temporal", "one_stage")
_DIFFUSION = ("text_to_image", "pose", "pose_joint", *_VIDEO)
# The stages in which settings that not every stage has take effect.
_STAGES_OF = {
    "trainable_modules": _DIFFUSION,
    "gradient_checkpointing": _DIFFUSION,
    "validation_data": _DIFFUSION,
    "validation_data.video_length": _VIDEO,
    "validation_data.stride": _VIDEO,
    "pipeline": _DIFFUSION,
    "text_dropout": _DIFFUSION,
    "high_noise_bias": _DIFFUSION,
    "snr_gamma": _DIFFUSION,
    "skeleton_weight": _DIFFUSION,
    "pose_dropout": ("pose", "pose_joint", "one_stage"),
    "noise_share": _VIDEO,
    "crop_share": ("autoencoder",),
    "enable_xformers_memory_efficient_attention": _VIDEO,  # image networks have PyTorch's own
    "model": ("autoencoder", "text_to_image", "judge_pose", "judge_classifier"),  # which make networks
}
_OWN_DATA = ("path", "caption_column", "width", "height")
_CLIPS = ("n_sample_frames", "sample_start_idx", "sample_frame_rate")
# What of train_data takes effect with which of its kinds.
_SETTINGS_OF = {
    WORLD: tuple(f.name for f in fields(WorldConfig)),
    "images": _OWN_DATA,
    "clips": (*_OWN_DATA, *_CLIPS, "path_column"),
    "webdataset": (*_OWN_DATA, *_CLIPS, "shuffle_buffer"),
    "hf": (
        *_OWN_DATA,
        *("split", "image_column", "keypoints_column", "skeleton_column", "streaming", "shuffle_buffer"),
    ),
}


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a YAML file, apply ``key=value`` overrides and check every key, type and range.

    A file may name another one beside it as ``base``, whose settings it takes over and overrides. What stands under
    ``model`` is checked by the stage that makes its networks of it.

    Raises:
        InputError: the file is missing or not YAML, a key is unknown (names the closest one), has no effect with
            the others, or its value is unfit.
    """
    path = Path(path)
    try:
        given = OmegaConf.merge(_read_with_base(path), OmegaConf.from_dotlist(list(overrides)))
        _take_published_names(given)
        _drop_useless(given)
        reword_booleans(given)
        _heed_launcher(given)
        refuse_unknown(given, TrainConfig())
        merged = OmegaConf.merge(OmegaConf.structured(TrainConfig), given)
        _check_pipeline(merged.pipeline)
        config = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        raise InputError(f"{path}: {first_line(error)}") from error
    except (TypeError, yaml.YAMLError) as error:  # of the overrides
        raise InputError(f"{path} is not a valid configuration: {first_line(error)}") from error
    check_ranges(merged)
    _check_effects(config.stage, given)
    _check_data(config, given.get("train_data") or {})
    return config


def existing_folder(config: TrainConfig, part: str = "") -> Path:
    """The folder of what the stage before made, or of a part of it.

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


def _read_with_base(path: Path, above: Sequence[Path] = ()) -> DictConfig:
    if path.resolve() in above:
        raise InputError(f"{path} builds on itself; let its base be a file that does not build on it.")
    given = read_yaml(path)
    base = given.pop("base", None)
    if not base:
        return given
    return OmegaConf.merge(_read_with_base(path.parent / str(base), [*above, path.resolve()]), given)


def _heed_launcher(given: DictConfig) -> None:
    """``accelerate launch --mixed_precision`` decides where the configuration does not."""
    asked = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")  # no: perhaps it was told nothing
    if given.setdefault("mixed_precision", asked) != asked != "no":
        logger.warning(
            "The configuration's mixed_precision=%s holds, not the launcher's %s.",
            given.mixed_precision,
            asked,
        )


def _take_published_names(given: DictConfig) -> None:
    """Settings under the names that the published configurations give them; the names here go before."""
    if "skeleton_path" in given:
        given.setdefault("validation_data", {})
        shown, name = _find(given, "validation_data.skeleton_path")
        shown.setdefault(name, given.pop("skeleton_path"))
        logger.info("skeleton_path is taken as validation_data.skeleton_path.")
    data, name = _find(given, "train_data.video_path")
    if name in data:
        data.setdefault("kind", "clips")
        data.setdefault("path", data.pop(name))
        logger.info("train_data.video_path is taken as train_data.path, a table of path,caption.")


def _drop_useless(given: DictConfig) -> None:
    for key in _WITHOUT_USE:
        section, name = _find(given, key)
        if name in section:
            del section[name]
            logger.info("Without effect: %s.", key)


def _find(given: DictConfig, key: str) -> tuple[DictConfig, str]:
    """The section that a dotted key belongs to, empty where that is not given, and the key's name in it."""
    section, _, name = key.rpartition(".")
    found = given.get(section) if section else given
    return (found if isinstance(found, DictConfig) else OmegaConf.create()), name


def _check_pipeline(given: DictConfig) -> None:
    """Keys and types of the pipeline's own settings: all of its arguments that are no networks."""
    arguments = signature(FollowYourPosePipeline, eval_str=True).parameters.values()
    own = [(a.name, a.annotation, a.default) for a in arguments if a.annotation in (int, float, bool)]
    known = make_dataclass("PipelineSettings", own)()
    refuse_unknown(given, known, "pipeline.")
    OmegaConf.merge(OmegaConf.structured(known), given)


def _check_effects(stage: str, given: DictConfig) -> None:
    for key, stages in _STAGES_OF.items():
        section, name = _find(given, key)
        if name in section and stage not in stages:
            raise InputError(f"{key} has no effect in the {stage} stage; leave it out.")


def _check_data(config: TrainConfig, given: DictConfig) -> None:
    """What the kind of data or the stage does not know is refused."""
    data = config.train_data
    if data.kind not in _SETTINGS_OF:
        raise InputError(f"train_data.kind must be one of {', '.join(_SETTINGS_OF)}, not {data.kind!r}.")
    if useless := sorted(set(given) - {"kind", *_SETTINGS_OF[data.kind]}):
        raise InputError(
            f"train_data.{useless[0]} has no effect with train_data.kind={data.kind}; leave it out."
        )
    if data.kind == WORLD:
        _check_side(data, "size", _halved(config))
        return
    if config.stage not in ("pose", "pose_joint", "temporal"):
        raise InputError(
            f"The {config.stage} stage trains on the procedural world; leave out train_data.kind."
        )
    if config.stage not in _VIDEO and (useless := sorted(set(given).intersection(_CLIPS))):
        raise InputError(f"train_data.{useless[0]} has no effect in the {config.stage} stage; leave it out.")
    if not data.path:
        raise InputError(f"train_data.kind={data.kind} needs train_data.path; say where the data is.")
    for side in ("width", "height"):
        _check_side(data, side, 8)
    if config.stage == "temporal" and config.skeleton_weight:
        raise InputError("skeleton_weight needs skeletons, which captioned video has not; leave it out.")


def _halved(config: TrainConfig) -> int:
    """What the world's pictures are a multiple of, in pixels, so that the stage's network can halve them."""
    if config.stage == "judge_pose":
        return 32  # by HRNet
    crops = config.stage == "autoencoder" and config.crop_share > 0
    return 16 if crops else 8  # by the autoencoder; crops have half the side


def _check_side(data: TrainData, side: str, multiple: int) -> None:
    if getattr(data, side) % multiple:
        raise InputError(f"train_data.{side} is {getattr(data, side)}, but must be a multiple of {multiple}.")
