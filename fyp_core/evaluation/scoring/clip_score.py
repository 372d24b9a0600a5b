"""Text alignment of any prompt: CLIPScore (Hessel et al. 2021, arXiv 2104.08718) through torchmetrics."""

from __future__ import annotations

import os

import numpy as np
import torch
from torch import nn
from torchmetrics.functional.multimodal import clip_score
from transformers import CLIPModel, CLIPProcessor

from fyp_media.errors import InputError, first_line


class ClipJudge:
    """Scores frames with a CLIP model."""

    def __init__(self, model: CLIPModel, processor: CLIPProcessor) -> None:
        self._model, self._processor = _PlainFeatures(model.eval()), processor

    @classmethod
    def load(cls, name: str | os.PathLike[str]) -> ClipJudge:
        """Read a CLIP in the layout of transformers.

        Args:
            name: a folder or hub id.

        Raises:
            InputError: it is not there, or is no CLIP.
        """
        try:
            return cls(CLIPModel.from_pretrained(name), CLIPProcessor.from_pretrained(name))
        except (OSError, ValueError, RuntimeError, TypeError) as error:
            raise InputError(
                f"There is no CLIP {os.fspath(name)} that can be loaded ({first_line(error)});"
                " give a folder or a hub id such as openai/clip-vit-base-patch16."
            ) from error

    @torch.inference_mode()
    def score(self, frames: np.ndarray, prompt: str) -> float:
        """100 times the cosine similarity of (F, H, W, 3) uint8 RGB frames and a sentence, their mean, at least 0."""
        pictures = list(torch.from_numpy(frames).permute(0, 3, 1, 2))
        return clip_score(pictures, [prompt] * len(pictures), lambda: (self._model, self._processor)).item()

    @torch.inference_mode()
    def features(self, frames: np.ndarray) -> np.ndarray:
        """(F, D) of (F, H, W, 3) uint8 RGB frames."""
        pictures = self._processor(images=list(frames), return_tensors="pt")["pixel_values"]
        return self._model.get_image_features(pictures).numpy()


class _PlainFeatures(nn.Module):
    """A CLIP whose features are plain tensors, as torchmetrics takes them; transformers 5 wraps them."""

    def __init__(self, model: CLIPModel) -> None:
        super().__init__()
        self.model, self.config = model, model.config

    def get_image_features(self, pixel_values: torch.Tensor) -> torch.Tensor:
        return self.model.get_image_features(pixel_values=pixel_values).pooler_output

    def get_text_features(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.model.get_text_features(input_ids=input_ids, attention_mask=attention_mask).pooler_output
