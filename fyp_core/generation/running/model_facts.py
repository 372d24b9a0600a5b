"""Facts about a loaded model for programs in other processes: its name, default size and sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fyp_core.generation.result_size import ModelSize

if TYPE_CHECKING:
    from fyp_core.generation.loaded_model import LoadedModel


@dataclass(frozen=True)
class ModelFacts:
    """Facts of a loaded model; they can be pickled.

    note: one sentence for the user on why this model was chosen.
    size: default size and length.
    steps, guidance: by default.
    text_width: of the text embeddings, 768 for Stable Diffusion 1.x; LoRAs and embeddings must have the same.
    """

    name: str
    note: str
    size: ModelSize
    steps: int
    guidance: float
    text_width: int

    @classmethod
    def of(cls, model: LoadedModel) -> ModelFacts:
        """The facts of a model that is loaded in this process."""
        config = model.pipeline.config
        return cls(
            model.source.name,
            model.source.note,
            ModelSize.of(model.source),
            config.default_num_inference_steps,
            config.default_guidance_scale,
            model.pipeline.unet.config.cross_attention_dim,
        )
