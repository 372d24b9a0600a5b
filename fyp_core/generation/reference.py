"""The reference picture of a request, read where the request is made; a model in another process gets its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fyp_core.generation.request import GenerationRequest
from fyp_media.files import file_hash
from fyp_media.read_video import read_picture

_LONGEST_SIDE = 1024  # pixels; the image encoder sees 224


@dataclass(frozen=True)
class ReferencePicture:
    """A picture whose character, face or style the result shows.

    pixels: (H, W, 3) uint8 RGB.
    hash: SHA-256 of its file.
    """

    pixels: np.ndarray
    hash: str


def read_reference(request: GenerationRequest) -> ReferencePicture | None:
    """The reference picture; None where there is none or it has no strength.

    Raises:
        InputError: it cannot be read.
    """
    path = request.reference_picture
    if path is None or request.reference_strength == 0:
        return None
    return ReferencePicture(read_picture(path, _LONGEST_SIDE), file_hash(path))
