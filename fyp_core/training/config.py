"""The settings of a training run, read from YAML and checked against what exists."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from errors import InputError
from fyp_core.training.stages import STAGES


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
class TrainConfig:
    """One stage of training.

    Stages: ``autoencoder`` and ``text_to_image`` stand in for Stable Diffusion; ``pose`` is the paper's stage 1,
    ``temporal`` its stage 2; ``pose_joint`` trains the pose encoder together with the image model. The ``judge``
    stages train the networks that evaluate the others.
    """

    stage: str = "temporal"
    pretrained_model_path: str | None = None  # what earlier stages made, diffusers layout
    output_dir: str = "output/training"
    train_data: WorldConfig = field(default_factory=WorldConfig)

    max_train_steps: int = 1000
    train_batch_size: int = 32  # images, or clips in the temporal stage
    learning_rate: float = 3e-5
    lr_scheduler: str = "cosine"  # any of diffusers' names
    lr_warmup_steps: int = 50
    weight_decay: float = 1e-2
    max_grad_norm: float = 1.0
    ema_decay: float = 0.0  # 0: no moving average
    gradient_accumulation_steps: int = 1
    gradient_checkpointing: bool = False
    mixed_precision: str = "no"  # no, fp16 or bf16
    seed: int = 33

    text_dropout: float = 0.1  # share of samples trained without their caption, for guidance
    pose_dropout: float = 0.0  # share of samples trained without their skeleton
    high_noise_bias: bool = False  # draw more of the noisy timesteps, where the layout is decided
    skeleton_weight: float = 0.0  # additional weight of the loss near the skeleton
    noise_share: float = 0.0  # variance share of the noise common to a clip's frames
    crop_share: float = 0.0  # autoencoder: share of the steps on crops around a joint

    model: dict[str, Any] = field(
        default_factory=dict
    )  # sizes of what the stage creates, as diffusers names them
    pipeline: dict[str, Any] = field(default_factory=dict)  # defaults saved with the model

    checkpointing_steps: int = 500
    checkpoints_total_limit: int = 2
    resume_from_checkpoint: bool = True
    validation_steps: int = 250  # a sample sheet every so many steps
    report_to: str | None = None  # tensorboard or another of accelerate's trackers


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read a YAML file, apply ``key=value`` overrides and check every key and type.

    A file may name another one beside it as ``base``, whose settings it takes over and overrides.

    Raises:
        InputError: the file is missing or not YAML, a key is unknown (names the closest one) or a value unfit.
    """
    path = Path(path)
    try:
        given = OmegaConf.merge(_read_with_base(path), OmegaConf.from_dotlist(list(overrides)))
        _check_keys(given, TrainConfig())
        config = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(TrainConfig), given))
    except OmegaConfBaseException as error:
        raise InputError(f"{path}: {str(error).splitlines()[0]}") from error
    except ValueError as error:
        raise InputError(f"{path} is not a valid configuration: {str(error).splitlines()[0]}") from error
    if config.stage not in STAGES:
        raise InputError(f"stage must be one of {', '.join(STAGES)}, not {config.stage!r}.")
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


def _check_keys(given: DictConfig, known: Any, prefix: str = "") -> None:
    names = [f.name for f in fields(known)]
    for key in given:
        if key not in names:
            close = difflib.get_close_matches(str(key), names, 1)
            hint = f"; did you mean {prefix}{close[0]}?" if close else ""
            raise InputError(f"Unknown setting {prefix}{key}{hint}")
        if is_dataclass(getattr(known, key)) and isinstance(given[key], DictConfig):
            _check_keys(given[key], getattr(known, key), f"{prefix}{key}.")
