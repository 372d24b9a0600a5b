"""What identifies the weights of a model: hashes of its files and commits of its repositories."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fyp_core.weights.hub_download import hub_revisions
from fyp_core.weights.sources import DIFFUSERS_WEIGHTS, ModelSource, weight_file
from fyp_media.files import file_hash


def model_revisions(source: ModelSource) -> list[str]:
    """:func:`hub_revisions` of a model's parts."""
    places = (source.layout, source.base, source.unet, source.pose_encoder, source.vae)
    return hub_revisions(filter(None, places))


def model_hash(source: ModelSource) -> str:
    """SHA-256 over all weights of a model as it is loaded, without embeddings: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for file in _weight_files(source):
        digest.update(file_hash(file).encode())
    return digest.hexdigest()[:16]


def _weight_files(source: ModelSource) -> list[Path]:
    bases = [source.base]
    if source.base.is_dir():
        parts = {"vae": DIFFUSERS_WEIGHTS, "text_encoder": "model", "unet": DIFFUSERS_WEIGHTS}
        if source.base == source.layout or (source.layout is None and not source.motion_only):
            parts.pop("unet")  # not the base's, but the model's own is used
        if source.vae:
            parts.pop("vae")
        bases = [weight_file(source.base / part, stem) for part, stem in parts.items()]
    others = [source.unet, source.pose_encoder, *([source.vae] if source.vae else [])]
    return [*bases, *map(weight_file, others)]
