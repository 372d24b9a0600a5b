"""LoRAs distilled for few steps, which the preset ``turbo`` puts on a model of Stable Diffusion 1.x by itself.

They bring their own way of sampling: 4 steps of the scheduler they were distilled for, without guidance, which they
have learnt. Known by their files' names: LCM-LoRA (Luo et al. 2023, arXiv 2311.05556), TCD (Zheng et al. 2024,
arXiv 2402.19159) and Hyper-SD's unified LoRA (Ren et al. 2024, arXiv 2404.13686), which is sampled as TCD.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fyp_core.weights.hub_download import HubPart, find_hub_part
from fyp_media.errors import InputError

DEFAULT = HubPart("latent-consistency/lcm-lora-sdv1-5", "main", ("pytorch_lora_weights.safetensors",))
_TEXT_WIDTH = 768  # of Stable Diffusion 1.x


@dataclass(frozen=True)
class FewSteps:
    """How a model with such a LoRA is sampled.

    scheduler: one of :data:`fyp_core.schedulers.SCHEDULER_NAMES`.
    steps: denoising steps.
    guidance: classifier-free guidance scale; 1 is off.
    """

    scheduler: str
    steps: int = 4
    guidance: float = 1.0


_BY_NAME = {"lcm": FewSteps("lcm"), "tcd": FewSteps("tcd"), "hyper-sd": FewSteps("tcd")}


def few_steps_of(files: Iterable[Path]) -> FewSteps | None:
    """The sampling that the first such LoRA among the files was distilled for; ``None`` where there is none.

    The file's name, or that of its repository in the hub's cache, tells the kind.
    """
    for file in files:
        names = [part.lower() for part in file.parts if part.startswith("models--")] + [file.name.lower()]
        for kind, sampling in _BY_NAME.items():
            if any(kind in name for name in names):
                return sampling
    return None


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


@functools.cache  # a hub that cannot be reached is not asked again for every video
def _downloaded() -> Path | None:
    return _find(local_files_only=False)


def _find(*, local_files_only: bool) -> Path | None:
    try:
        return find_hub_part(DEFAULT, local_files_only=local_files_only) / DEFAULT.files[0]
    except (OSError, ValueError, InputError):  # the base classes of the hub's own errors
        return None
