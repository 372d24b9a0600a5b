"""Textual inversion (Gal et al. 2022, arXiv 2208.01618): new words for the text encoder, read from files."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers.loaders import TextualInversionLoaderMixin

from fyp_core.weights.tensors import read_state_dict
from fyp_media.errors import InputError, as_input_error

_UNNAMED = ("*", "emb_params")  # the web UI's tensors, whose word is the file's name


def add_embeddings(pipeline: TextualInversionLoaderMixin, files: tuple[Path, ...]) -> None:
    """Add the words of these files, each by the token its file names, or else by the file's name.

    Raises:
        InputError: a file is damaged, is no textual inversion or is one for another text encoder.
    """
    for file in files:
        with as_input_error(f"{file} is no embedding for this model"):
            token, vectors = _read_embedding(file)
            pipeline.load_textual_inversion(vectors, token=token)


def _read_embedding(file: Path) -> tuple[str, torch.Tensor]:
    """Token and vectors, of diffusers' format (one tensor, named by its token) or the web UI's."""
    tensors = read_state_dict(file)
    if len(tensors) != 1:
        raise InputError("it holds more than one tensor")
    ((name, vectors),) = tensors.items()
    return (file.stem if name in _UNNAMED else name), vectors
