"""Weights of words, ``"a (red:1.3) robot"``, and prompts longer than the text encoder reads at once, through compel."""

from __future__ import annotations

import math
import re
from typing import Any

import torch

from fyp_media.errors import InputError

_WEIGHTED = re.compile(r"(?<!\\)\(([^()]+):\s*(\d+(?:\.\d+)?|\.\d+)\s*\)")
_MOST_PARTS = 64  # of the text encoder's length, to which prompts of different lengths are brought
_MOST_WEIGHTS = 50  # of a prompt: without each word of a lower weight it is encoded once more
_LORA_TAG = re.compile(r"<(?:lora|lyco):[^<>]+>", re.IGNORECASE)


def split_weights(prompt: str) -> list[tuple[str, float]]:
    """Pieces of a prompt and their weights: ``(words:WEIGHT)`` in parentheses, 1 elsewhere."""
    pieces, end = [], 0
    for match in _WEIGHTED.finditer(prompt):
        pieces += [(prompt[end : match.start()], 1.0), (match[1], float(match[2]))]
        end = match.end()
    pieces.append((prompt[end:], 1.0))
    return [(text, weight) for text, weight in pieces if text.strip()]


def lora_tags(prompt: str) -> list[str]:
    """LoRAs that a prompt names as the web UI does, such as ``<lora:pixel_art:0.8>``; they have no effect here."""
    return _LORA_TAG.findall(prompt)


def without_weights(prompt: str) -> str:
    """The words of a prompt alone."""
    return _WEIGHTED.sub(r"\1", prompt)


def is_plain(prompt: str, tokenizer: Any) -> bool:
    """Whether a prompt has no weights and fits into the text encoder, so that one plain pass encodes it."""
    return not is_long(prompt, tokenizer) and all(weight == 1 for _, weight in split_weights(prompt))


def is_long(prompt: str, tokenizer: Any) -> bool:
    """Whether the text encoder cannot read a prompt at once."""
    tokens = tokenizer(without_weights(prompt), verbose=False).input_ids
    return len(tokens) > tokenizer.model_max_length


def encode_weighted(
    prompts: list[str], tokenizer: Any, text_encoder: torch.nn.Module, device: torch.device
) -> torch.Tensor:
    """Embeddings of prompts of any length, with weights, on the text encoder's device.

    A weight above 1 moves a word's embedding away from the empty prompt's; one below 1 blends with the prompt
    without the word. A long prompt is encoded in parts, at the ends of sentences where it has some.

    Returns:
        (N, L, D), with L a multiple of the text encoder's length, the same for all prompts.

    Raises:
        InputError: their lengths are too different, or one has too many weights.
    """
    # Imports models of all of compel's text encoders, which takes seconds.
    from compel.embeddings_provider import EmbeddingsProvider

    provider = EmbeddingsProvider(
        tokenizer,
        text_encoder,
        truncate=False,
        device=device,
        dtype_for_device_getter=lambda _: torch.float32,
    )
    encoded = []
    for prompt in prompts:
        texts, weights = zip(*split_weights(prompt) or [("", 1.0)], strict=True)
        if (count := sum(weight != 1 for weight in weights)) > _MOST_WEIGHTS:
            raise InputError(f"A prompt has {count} weights; take at most {_MOST_WEIGHTS}.")
        encoded.append(
            provider.get_embeddings_for_weighted_prompt_fragments(
                [list(texts)], [list(weights)], device=device
            )
        )
    # Repeating all keys equally often does not change attention, so no prompt depends on the length of the others.
    lengths = [embeds.shape[1] for embeds in encoded]
    length = math.lcm(*lengths)
    if length > max(*lengths, _MOST_PARTS * tokenizer.model_max_length):
        raise InputError(
            "The prompts are long and of very different lengths; shorten them, the negative one as well."
        )
    return torch.cat([embeds.repeat(1, length // embeds.shape[1], 1) for embeds in encoded])
