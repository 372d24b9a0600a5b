"""The settings of a training run, read from YAML and checked against what exists."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml
from diffusers.optimization import SchedulerType
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from errors import InputError
from fyp_core.settings import refuse_unknown
from fyp_core.training.data.config import SourceConfig
from fyp_core.training.stages import STAGES

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
    max_grad_norm: float = 1.0
    ema_decay: float = 0.0  # 0: no moving average
    gradient_checkpointing: bool = False
    mixed_precision: str = "no"  # no, fp16 or bf16; frozen layers are kept in it
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
    "validation_data.dataset_set",
    "validation_data.use_inv_latent",
    "validation_data.num_inv_steps",
)
_CHOICES: dict[str, Sequence[str]] = {
    "stage": tuple(STAGES),
    "mixed_precision": ("no", "fp16", "bf16"),
    "lr_scheduler": tuple(kind.value for kind in SchedulerType),
}
_LEAST: dict[str, float] = {
    "train_data.n_sample_frames": 1,
    "train_data.size": 8,
    "train_data.clips": 1,
    "train_data.width": 8,
    "train_data.height": 8,
    "train_data.sample_start_idx": 0,
    "train_data.sample_frame_rate": 1,
    "validation_data.video_length": 1,
    "validation_data.stride": 1,
    "max_train_steps": 1,
    "train_batch_size": 1,
    "gradient_accumulation_steps": 1,
    "dataloader_num_workers": 0,
    "learning_rate": 0,
    "lr_warmup_steps": 0,
    "max_grad_norm": 0,
    "checkpointing_steps": 1,
    "checkpoints_total_limit": 1,
    "validation_steps": 1,
}
_SHARES = (
    "ema_decay",
    "text_dropout",
    "pose_dropout",
    "noise_share",
    "crop_share",
    "adam_beta1",
    "adam_beta2",
)


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a YAML file, apply ``key=value`` overrides and check every key, type and range.

    A file may name another one beside it as ``base``, whose settings it takes over and overrides.

    Raises:
        InputError: the file is missing or not YAML, a key is unknown (names the closest one), has no effect with
            the others, or its value is unfit.
    """
    path = Path(path)
    try:
        given = OmegaConf.merge(_read_with_base(path), OmegaConf.from_dotlist(list(overrides)))
        _drop_useless(given)
        _reword_booleans(given)
        refuse_unknown(given, TrainConfig())
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(TrainConfig), given))
    except OmegaConfBaseException as error:
        raise InputError(f"{path}: {str(error).splitlines()[0]}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise InputError(f"{path} is not a valid configuration: {str(error).splitlines()[0]}") from error
    _check_values(OmegaConf.structured(config))
    _check_data(config, given.get("train_data") or {})
    return config


def existing_folder(config: TrainConfig) -> Path:
    """The folder of the stage before.

    Raises:
        InputError: it is not there.
    """
    folder = Path(config.pretrained_model_path or "")
    if not config.pretrained_model_path or not folder.is_dir():
        raise InputError(
            f"The {config.stage} stage starts from pretrained_model_path={config.pretrained_model_path}, which is"
            " not there; train the stage before it, or name another folder."
        )
    return folder


def _read_with_base(path: Path) -> DictConfig:
    if not path.is_file():
        raise InputError(f"There is no configuration {path}; give the path of a YAML file.")
    given = OmegaConf.load(path)
    if not isinstance(given, DictConfig):
        raise InputError(f"{path} holds no settings; each is a line of the form key: value.")
    base = given.pop("base", None)
    return OmegaConf.merge(_read_with_base(path.parent / base), given) if base else given


def _drop_useless(given: DictConfig) -> None:
    for key in _WITHOUT_USE:
        section, _, name = key.rpartition(".")
        if isinstance(given.get(section), DictConfig) and name in given[section]:
            del given[section][name]
            logger.info("Without effect: %s.", key)


def _reword_booleans(given: DictConfig) -> None:
    """YAML reads a bare ``no`` as false, and people write true where ``latest`` is meant."""
    for key, words in (
        ("mixed_precision", {False: "no"}),
        ("resume_from_checkpoint", {True: "latest", False: None}),
    ):
        if isinstance(given.get(key), bool) and given[key] in words:
            given[key] = words[given[key]]


def _check_values(config: DictConfig) -> None:
    for key, choices in _CHOICES.items():
        if (value := OmegaConf.select(config, key)) not in choices:
            raise InputError(f"{key} must be one of {', '.join(choices)}, not {value!r}.")
    for key, least in _LEAST.items():
        value = OmegaConf.select(config, key)
        if value is not None and value < least:
            raise InputError(f"{key} is {value}, but must be at least {least}.")
    for key in _SHARES:
        if not 0 <= config[key] <= 1:
            raise InputError(f"{key} is {config[key]}, but must be within 0 and 1.")


def _check_data(config: TrainConfig, given: DictConfig) -> None:
    """The world's settings say nothing of one's own data, and the other way round."""
    data = config.train_data
    shared = {"n_sample_frames", "seed"}
    of_world = {f.name for f in fields(WorldConfig)} - shared
    foreign = set(_own_data_settings()) if data.kind == WORLD else of_world
    if useless := sorted(foreign.intersection(given)):
        raise InputError(
            f"train_data.{useless[0]} has no effect with train_data.kind={data.kind}; leave it out."
        )
    if data.kind == WORLD:
        return
    if config.stage not in ("pose", "pose_joint", "temporal"):
        raise InputError(
            f"The {config.stage} stage trains on the procedural world; leave out train_data.kind."
        )
    if not data.path:
        raise InputError(f"train_data.kind={data.kind} needs train_data.path; say where the data is.")
    for side in ("width", "height"):
        if getattr(data, side) % 8:
            raise InputError(f"train_data.{side} is {getattr(data, side)}, but must be a multiple of 8.")
    if config.stage == "temporal" and config.skeleton_weight:
        raise InputError("skeleton_weight needs skeletons, which captioned video has not; leave it out.")


def _own_data_settings() -> Iterator[str]:
    """Those of pictures and clips, not of the world."""
    world = {f.name for f in fields(WorldConfig)}
    return (f.name for f in fields(TrainData) if f.name not in world and f.name != "kind")
