"""LoRA files: which one acts how strongly, and putting them onto a model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from diffusers.loaders import StableDiffusionLoraLoaderMixin

from fyp_core.weights.tensors import read_state_dict
from fyp_media.errors import InputError, as_input_error


@dataclass(frozen=True)
class Lora:
    """A LoRA file and how strongly it acts; ``str(lora)`` is what :meth:`parse` reads."""

    file: Path
    weight: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """The LoRA that ``FILE[:WEIGHT]`` names.

        Raises:
            InputError: there is no such file, or the weight is not finite.
        """
        name, separator, weight = text.rpartition(":")
        try:
            lora = cls(Path(name), float(weight)) if separator else cls(Path(text))
        except ValueError:  # a colon in the file's name
            lora = cls(Path(text))
        lora.check()
        return lora

    def check(self) -> None:
        """Raise InputError where there is no such file or the weight is not finite."""
        if not self.file.is_file():
            raise InputError(f"There is no LoRA file {self.file}; check the path.")
        if not math.isfinite(self.weight):
            raise InputError(
                f"The weight of the LoRA {self.file} is {self.weight}, but must be a finite number."
            )

    def __str__(self) -> str:
        return f"{self.file}:{self.weight:g}"


def set_loras(pipeline: StableDiffusionLoraLoaderMixin, loras: tuple[Lora, ...]) -> None:
    """Let exactly these act on the network and the text encoder; those that acted before are removed.

    Raises:
        InputError: a file is damaged, is no LoRA or is one for another kind of model; then none acts.
    """
    pipeline.unload_lora_weights()
    names = [f"lora_{index}" for index in range(len(loras))]
    try:
        for name, lora in zip(names, loras, strict=True):
            with as_input_error(f"{lora.file} is no LoRA for this model"):
                _add_lora(pipeline, name, lora.file)
    except InputError:
        pipeline.unload_lora_weights()
        raise
    if loras:
        pipeline.set_adapters(names, [lora.weight for lora in loras])


def _add_lora(pipeline: StableDiffusionLoraLoaderMixin, name: str, file: Path) -> None:
    state = _with_scale_folded_in(read_state_dict(file))
    pipeline.load_lora_weights(state, adapter_name=name, unet_config=pipeline.unet.config)
    if not any(name in adapters for adapters in pipeline.get_list_adapters().values()):
        raise InputError("none of its layers is in the network")


def _with_scale_folded_in(lora: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """kohya's files give the product of a layer's two matrices the weight alpha / rank; here the matrix has it.

    diffusers keeps the alphas beside the matrices, but loses those of text encoder layers that differ.
    """
    for name in [name for name in lora if name.endswith(".alpha")]:
        stem = name.removesuffix(".alpha")
        up, down = f"{stem}.lora_up.weight", f"{stem}.lora_down.weight"
        if up in lora and down in lora:
            lora[up] = lora[up] * (lora.pop(name).item() / len(lora[down]))
    return lora
