"""The reference picture applied to a loaded model: for a request, and as long as the next ones have the same."""

from __future__ import annotations

from typing import Any

import torch

from fyp_core.generation.reference import ReferencePicture
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.weights.ip_adapter.files import DEFAULT_KIND, find_ip_adapter
from fyp_core.weights.ip_adapter.loading import (
    check_takes_ip_adapters,
    load_ip_adapter,
    remove_ip_adapter,
)
from fyp_media.files import file_hash


class AppliedReference:
    """At most one picture is applied to a pipeline.

    Args:
        pipeline: of the model.
        name: of the model.
        device: computes the picture's features.
    """

    def __init__(self, pipeline: FollowYourPosePipeline, name: str, device: str) -> None:
        self._pipeline = pipeline
        self._name = name
        self._device = device
        self._hashes: tuple[str, str] | None = None  # of the picture and the IP-Adapter
        self._features: list[torch.Tensor] = []

    def apply(self, reference: ReferencePicture, adapter: str | None, strength: float) -> None:
        """Apply this picture; its features are computed unless it is applied already.

        Args:
            adapter: see :func:`find_ip_adapter`; None is :data:`DEFAULT_KIND`.
            strength: 0..1.

        Raises:
            InputError: the model takes none, or the IP-Adapter cannot be had or is not for it; then none is applied.
        """
        check_takes_ip_adapters(self._name, self._pipeline.unet.config)
        files = find_ip_adapter(adapter or DEFAULT_KIND)
        hashes = reference.hash, file_hash(files.adapter)
        if hashes != self._hashes:
            self.remove()
            self._features = load_ip_adapter(self._pipeline, files, reference.pixels, self._device)
            self._hashes = hashes
        self._pipeline.set_ip_adapter_scale(strength)

    def remove(self) -> None:
        """Remove the picture, where there is one."""
        self._features, self._hashes = [], None
        remove_ip_adapter(self._pipeline)

    def arguments(self, guided: bool) -> dict[str, Any]:
        """Arguments of the pipeline's calls, with and without guidance."""
        if not self._features:
            return {}
        return {"ip_adapter_image_embeds": [each if guided else each[1:] for each in self._features]}

    def describe(self) -> dict[str, Any]:
        """For :meth:`LoadedModel.describe`."""
        return {
            "reference_hash": self._hashes and self._hashes[0],
            "ip_adapter_hash": self._hashes and self._hashes[1],
        }
