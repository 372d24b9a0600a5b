"""LoRAs distilled for few steps, which the preset ``turbo`` applies to a model automatically.

They have their own way of sampling: few steps of the scheduler they were distilled for, without guidance, which they
have learnt. A model's own LoRA, made by the training stage ``turbo``, lies in the model's folder and says in its
file's metadata how it is sampled. LoRAs for Stable Diffusion 1.x are known by their files' names: LCM-LoRA (Luo et
al. 2023, arXiv 2311.05556), TCD (Zheng et al. 2024, arXiv 2402.19159) and Hyper-SD's unified LoRA (Ren et al. 2024,
arXiv 2404.13686), which is sampled as TCD.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError

from fyp_core.schedulers import SCHEDULER_NAMES
from fyp_core.settings import Settings
from fyp_core.weights.hub_download import HubPart, find_hub_part
from fyp_media.errors import InputError

DEFAULT = HubPart("latent-consistency/lcm-lora-sdv1-5", "main", ("pytorch_lora_weights.safetensors",))
_TEXT_WIDTH = 768  # of Stable Diffusion 1.x
OWN_FOLDER = "turbo"  # in a model's folder
_OWN_FILE = "turbo.safetensors"
_SAMPLING = "sampling"  # in a file's metadata: a FewSteps as JSON
if TYPE_CHECKING:
    import torch

    SchedulerName = str
else:
    SchedulerName = Literal[SCHEDULER_NAMES]


class FewSteps(Settings):
    """How a model with such a LoRA is sampled."""

    scheduler: SchedulerName
    steps: int = Field(4, ge=1, description="denoising steps")
    guidance: float = Field(1.0, allow_inf_nan=False, description="classifier-free guidance scale; 1 is off")


DEFAULT_SAMPLING = FewSteps(scheduler="lcm")  # of the default LoRA
_BY_NAME = {
    "lcm": DEFAULT_SAMPLING,
    "tcd": FewSteps(scheduler="tcd"),
    "hyper-sd": FewSteps(scheduler="tcd"),
}


def few_steps_of(files: Iterable[Path]) -> FewSteps | None:
    """The sampling that the first such LoRA among the files was distilled for; ``None`` where there is none."""
    return next((sampling for file in files if (sampling := _stated(file) or _by_name(file))), None)


def _stated(file: Path) -> FewSteps | None:
    """By the metadata that :func:`save_own_few_step_lora` writes."""
    from safetensors import SafetensorError, safe_open

    from fyp_core.weights.tensors import is_safetensors

    if not file.is_file() or not is_safetensors(file):
        return None
    try:
        with safe_open(file, "pt") as content:
            return FewSteps.model_validate_json((content.metadata() or {})[_SAMPLING])
    except (KeyError, SafetensorError, ValidationError):  # loading the file reports what is wrong with it
        return None


def _by_name(file: Path) -> FewSteps | None:
    """By the name of the file, or of its repository in the hub's cache."""
    names = [part.lower() for part in file.parts if part.startswith("models--")] + [file.name.lower()]
    return next(
        (sampling for kind, sampling in _BY_NAME.items() if any(kind in name for name in names)), None
    )


def own_few_step_lora(model: Path | None) -> Path | None:
    """The LoRA that lies in a model's folder; ``None`` where there is none."""
    file = model / OWN_FOLDER / _OWN_FILE if model else None
    return file if file and file.is_file() else None


def save_own_few_step_lora(model: Path, learnt: Mapping[str, torch.Tensor], sampling: FewSteps) -> None:
    """Write a model's own LoRA, in half precision, into the model's folder.

    Args:
        learnt: matrices by the names that PEFT gives them in ``unet``; their product is not scaled.
    """
    from safetensors.torch import save_file

    (model / OWN_FOLDER).mkdir()
    tensors = {name.replace(".default.", "."): tensor.half().contiguous() for name, tensor in learnt.items()}
    save_file(tensors, model / OWN_FOLDER / _OWN_FILE, {_SAMPLING: sampling.model_dump_json()})


def takes_few_step_lora(unet_config: Mapping[str, Any], betas: Mapping[str, Any]) -> bool:
    """Whether a model is one of Stable Diffusion 1.x, for which these LoRAs are.

    Args:
        unet_config: of the network.
        betas: the configuration of the model's own scheduler.
    """
    is_family = unet_config.get("cross_attention_dim") == _TEXT_WIDTH
    return is_family and betas.get("prediction_type", "epsilon") == "epsilon"


def find_few_step_lora() -> Path | None:
    """The default LoRA's file, from the hub's cache or downloaded; ``None`` where neither works."""
    return _find(local_files_only=True) or _downloaded()


@functools.cache  # an unreachable hub is not asked again for every video
def _downloaded() -> Path | None:
    return _find(local_files_only=False)


def _find(*, local_files_only: bool) -> Path | None:
    try:
        return find_hub_part(DEFAULT, local_files_only=local_files_only) / DEFAULT.files[0]
    except (OSError, ValueError, InputError):  # the base classes of the hub's own errors
        return None
