"""The prompts of a call as embeddings: plain ones, weighted and long ones, and those that change during the video."""

from __future__ import annotations

import logging
from typing import Any, Protocol

import torch

from fyp_core.conditioning.prompt_travel import PromptTravel, blend_embeddings, parse_prompt
from fyp_core.conditioning.prompt_weights import encode_weighted, is_plain
from fyp_media.errors import InputError

logger = logging.getLogger(__name__)


class PromptPipeline(Protocol):
    """The part of :class:`fyp_core.pipeline.FollowYourPosePipeline` that encodes prompts."""

    tokenizer: Any
    text_encoder: Any
    unet: Any

    @property
    def _execution_device(self) -> torch.device: ...

    @property
    def do_classifier_free_guidance(self) -> bool: ...

    def encode_prompt(self, *args: Any, **kwargs: Any) -> Any: ...

    def maybe_convert_prompt(self, prompt: Any, tokenizer: Any) -> Any: ...

    def unknown_words(self, prompt: str) -> list[str]: ...


def embed_prompts(
    pipeline: PromptPipeline,
    prompts: list[str] | None,
    negative_prompt: str | list[str] | None,
    prompt_embeds: torch.Tensor | None,
    negative_prompt_embeds: torch.Tensor | None,
    frames: int,
) -> torch.Tensor:
    """Text embeddings of all passes of the network: with guidance, unconditional ones first (P = 2).

    Args:
        pipeline: whose tokenizer and text encoder are used.
        prompts: of the B videos; ``None`` where ``prompt_embeds`` are given.
        negative_prompt: one for all videos, or one each.
        prompt_embeds: (B, L, D) in place of ``prompts``.
        negative_prompt_embeds: (B, L, D) in place of ``negative_prompt``.
        frames: F, of a video.

    Returns:
        (P B, L, D); where a prompt changes during the video (P B, F, L, D).

    Raises:
        InputError: there are more or fewer negative prompts than videos.
    """
    asked = prompt_embeds if prompts is None else prompts
    videos = 0 if asked is None else len(asked)
    negatives = _one_each(negative_prompt, videos)
    guided = pipeline.do_classifier_free_guidance
    _warn_of_unknown_words(pipeline, [*(prompts or []), *((guided and negatives) or [])])
    travels = [parse_prompt(prompt) for prompt in prompts or []]
    if travels and negative_prompt_embeds is None:
        texts = [text for travel in travels for text in travel.prompts]
        unguided = (negatives or [""] * videos) if guided else []
        texts = list(pipeline.maybe_convert_prompt([*texts, *unguided], pipeline.tokenizer))
        if not all(is_plain(text, pipeline.tokenizer) for text in texts):
            return _embed_weighted(pipeline, travels, texts, frames).to(pipeline.unet.dtype)
    embeds, negative_embeds = pipeline.encode_prompt(
        [travel.prompts[0] for travel in travels] or None,
        pipeline._execution_device,
        1,
        guided,
        negatives,
        prompt_embeds=prompt_embeds,
        negative_prompt_embeds=negative_prompt_embeds,
    )
    if any(len(travel.prompts) > 1 for travel in travels):
        embeds = torch.stack([_embed_travel(pipeline, travel, frames) for travel in travels])
        if guided:
            negative_embeds = negative_embeds[:, None].expand_as(embeds)
    return torch.cat([negative_embeds, embeds] if guided else [embeds]).to(pipeline.unet.dtype)


def _one_each(negative_prompt: str | list[str] | None, videos: int) -> list[str] | None:
    negatives = [negative_prompt] * videos if isinstance(negative_prompt, str) else negative_prompt
    if negatives is not None and len(negatives) != videos:
        raise InputError(
            f"There are {len(negatives)} negative prompts for {videos} prompts; give one, or one each."
        )
    return negatives


def _warn_of_unknown_words(pipeline: PromptPipeline, prompts: list[str]) -> None:
    for prompt in prompts:
        if unknown := pipeline.unknown_words(prompt):
            logger.warning("The model does not know these words of the prompt: %s", ", ".join(unknown))


def _embed_weighted(
    pipeline: PromptPipeline, travels: list[PromptTravel], texts: list[str], frames: int
) -> torch.Tensor:
    """:func:`embed_prompts` of texts with weights or of any length.

    Args:
        texts: all prompts of the travels, followed by the negative prompts where there is guidance.
    """
    embeds = encode_weighted(texts, pipeline.tokenizer, pipeline.text_encoder, pipeline._execution_device)
    counts = [len(travel.prompts) for travel in travels]
    *stops, negative = embeds.split([*counts, len(texts) - sum(counts)])
    if max(counts) == 1:
        return torch.cat([negative, *stops])
    blended = [
        blend_embeddings(prompts, travel.frames, frames)
        for travel, prompts in zip(travels, stops, strict=True)
    ]
    negative = negative[:, None].expand(-1, frames, -1, -1)
    return torch.cat([negative, torch.stack(blended)])


def _embed_travel(pipeline: PromptPipeline, travel: PromptTravel, frames: int) -> torch.Tensor:
    """(F, L, D) embeddings."""
    embeds, _ = pipeline.encode_prompt(list(travel.prompts), pipeline._execution_device, 1, False)
    return blend_embeddings(embeds, travel.frames, frames)
