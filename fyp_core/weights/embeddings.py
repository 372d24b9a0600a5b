"""Textual inversion (Gal et al. 2022, arXiv 2208.01618): new words for the text encoder, read from files."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders import TextualInversionLoaderMixin

from fyp_core.weights.identify import PLACES, identify, width_family
from fyp_core.weights.tensors import StoredTensor, Tensors, check_file_size, list_tensors, read_tensor
from fyp_media.errors import InputError, as_input_error

_MOST_VECTORS = 75  # of a word, as many as a chunk of the prompt has places
_MOST_WORDS = 200  # of a file
_UNNAMED = ("*", "emb_params")  # the web UI's tensors, whose word is the file's name
_BUNDLE = "bundle_emb."  # the prefix of embeddings in a LoRA file: bundle_emb.WORD.TENSOR


def add_embeddings(pipeline: TextualInversionLoaderMixin, files: Iterable[Path]) -> None:
    """Add the words of these files, each by the token its file names, or else by the file's name.

    Raises:
        InputError: a file is damaged, is no textual inversion or is one for another text encoder.
    """
    for file in files:
        with as_input_error(f"{file} is no embedding for this model"):
            check_file_size(file)
            tensors = list_tensors(file)
            kind = identify(tensors)
            if kind.role != "embedding":
                raise InputError(f"it is {kind}{PLACES.get(kind.role, '')}")
            _check_count(tensors)
            for name, tensor in tensors.items():
                _add_word(pipeline, file.stem if name in _UNNAMED else name, tensor)


def split_bundled_embeddings(tensors: Tensors) -> tuple[dict[str, Tensors], Tensors]:
    """Words in a LoRA file, each with its tensors, and the tensors of the LoRA itself."""
    words: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, tensor in tensors.items():
        if name.startswith(_BUNDLE):
            word, _, part = name.removeprefix(_BUNDLE).partition(".")
            words[word][part] = tensor
    _check_count(words)
    return dict(words), {name: t for name, t in tensors.items() if not name.startswith(_BUNDLE)}


def add_bundled_embedding(pipeline: TextualInversionLoaderMixin, word: str, tensors: Tensors) -> None:
    """Add a word of a LoRA file.

    Raises:
        InputError: it is for another text encoder, or there is such a word already.
    """
    if len(tensors) > 1:
        raise InputError(f"its embedding {word} is for a model with several text encoders, such as SDXL")
    (vectors,) = tensors.values()
    _add_word(pipeline, word, vectors)


def remove_embeddings(pipeline: TextualInversionLoaderMixin, words: Iterable[str]) -> None:
    """Remove words with all their vectors."""
    vectors = vectors_of_words(pipeline.tokenizer)
    tokens = [token for word in words for token in vectors[word]]
    if tokens:
        pipeline.unload_textual_inversion(tokens)


def vectors_of_words(tokenizer: Any) -> dict[str, list[str]]:
    """The tokens of each added word: the word itself, then ``WORD_1``, ``WORD_2``, ... for its further vectors."""
    added = {token.content for token in tokenizer.added_tokens_decoder.values() if not token.special}
    words = {}
    for word in added:
        stem, _, number = word.rpartition("_")
        if stem in added and number.isdecimal():
            continue  # a further vector
        words[word] = [word]
        while (further := f"{word}_{len(words[word])}") in added:
            words[word].append(further)
    return words


def spell_out_words(prompt: str, tokenizer: Any) -> str:
    """A prompt in which each added word, in upper or lower case, is followed by the tokens of its further vectors."""
    words = {word.lower(): tokens for word, tokens in vectors_of_words(tokenizer).items()}
    if not words:
        return prompt
    longest_first = sorted(words, key=len, reverse=True)
    pattern = "|".join(map(_whole_word, longest_first))
    return re.sub(pattern, lambda match: " ".join(words[match[0].lower()]), prompt, flags=re.IGNORECASE)


def _whole_word(word: str) -> str:
    """A pattern that does not match inside of a longer word."""
    start = r"(?<!\w)" if re.match(r"\w", word) else ""
    end = r"(?!\w)" if re.search(r"\w$", word) else ""
    return start + re.escape(word) + end


def _check_count(words: Collection[str]) -> None:
    if len(words) > _MOST_WORDS:
        raise InputError(f"it has {len(words)} words, but at most {_MOST_WORDS} can be read")


def _add_word(pipeline: TextualInversionLoaderMixin, word: str, vectors: torch.Tensor | StoredTensor) -> None:
    width = pipeline.text_encoder.config.hidden_size
    if vectors.shape[-1] != width:
        family = width_family(vectors.shape[-1])
        made_for = f" ({family})" if family else ""
        raise InputError(f"its vectors have {vectors.shape[-1]} values{made_for}, this model's {width}")
    if (count := math.prod(vectors.shape[:-1])) > _MOST_VECTORS:
        raise InputError(f"a word has {count} vectors, but at most {_MOST_VECTORS} fit into a prompt")
    if word in pipeline.tokenizer.get_vocab():
        raise InputError(f"the model knows a word {word!r} already; rename the file")
    pipeline.load_textual_inversion(read_tensor(vectors), token=word)
