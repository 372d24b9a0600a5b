"""How a video was generated: what is stored in its metadata and shown to the user."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fyp_core.generation.guide import Guide
from fyp_core.generation.request import GenerationRequest


@dataclass(frozen=True, kw_only=True)
class GenerationReport:
    """How a video was generated; it can be pickled.

    request: with the values that were used in place of ``None`` and ``auto``.
    size: frames, height and width of the video.
    fps: frames a second.
    input_hash: SHA-256 of the input's file.
    estimator: of the poses of a raw video, else None.
    model: what it was made with: name, additions, hashes, device, number format, software.
    model_name: the name by which another engine finds the model.
    seconds: spent on each phase.
    memory: bytes; the ``estimated`` and the measured ``peak``.
    notices: sentences the user should read, for example words of the prompt the model does not know.
    """

    request: GenerationRequest
    size: tuple[int, int, int]
    fps: float
    input_hash: str
    estimator: str | None
    model: dict[str, Any]
    model_name: str = ""
    seconds: dict[str, float]
    memory: dict[str, int]
    notices: list[str] = field(default_factory=list)

    def settings(self, *, with_paths: bool = False) -> dict[str, Any]:
        """What is needed to make this video again, and its measurements; plain values for JSON.

        Args:
            with_paths: give the full paths of the input, the model and its additions; otherwise only the files'
                names.
        """
        frames, height, width = self.size
        settings = {
            **self.request.model_dump(exclude={"loras", "additions"}),
            "input": self.request.input.name,
            "input_hash": self.input_hash,
            "frames": frames,
            "crop": list(self.request.crop),
            "reference_picture": _written(self.request.reference_picture, with_paths),
            "ip_adapter": _written(self.request.ip_adapter, with_paths),
            "estimator": self.estimator,
            "width": width,
            "height": height,
            "fps": round(self.fps, 3),
            **self.model,
        }
        if with_paths:
            return settings | {
                "input": os.fspath(self.request.input),
                "loras": list(map(str, self.request.loras)),
                "model": self.model_name,
            }
        return settings | {
            **{name: os.path.basename(path) for name in ("base", "vae") if (path := self.model.get(name))},
            "embeddings": [os.path.basename(file) for file in self.model.get("embeddings", ())],
        }


def _written(path: str | os.PathLike[str] | None, with_path: bool) -> str | None:
    if path is None:
        return None
    return os.fspath(path) if with_path else os.path.basename(path)


@dataclass(frozen=True, kw_only=True)
class GenerationResult(GenerationReport):
    """A generated video in memory and how it was generated.

    frames: (F, H, W, 3) uint8 RGB.
    guide: the frames it follows.
    """

    frames: np.ndarray
    guide: Guide
