"""Decodes the files of a sample to pixels, caption and skeleton."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps

from fyp_core.conditioning.skeleton_input import skeleton_to_tensor
from fyp_core.training.data.samples import Sample
from fyp_media.errors import InputError
from fyp_media.fit import fit_frames
from pose_extraction.keypoint_files.coco import from_coco
from pose_extraction.skeleton import draw_skeleton

IMAGE_EXTENSIONS = ("jpg", "jpeg", "png", "webp")
SKELETON_EXTENSION = "skeleton.png"
_ASPECT_TOLERANCE = 0.02


def image_sample(
    files: Mapping[str, bytes], size: tuple[int, int], caption_key: str, *, with_skeleton: bool
) -> Sample:
    """A sample of stage 1 from the files that share a name.

    Args:
        files: contents by extension: a picture (jpg, jpeg, png or webp), its caption (txt, or json under
            ``caption_key``), keypoints (json, in COCO's format) or else the skeleton (skeleton.png).
        size: height and width wanted: shorter side resized, centre cropped.

    Returns:
        ``pixels`` (3, H, W) float32 in -1..1, ``caption``, and on request ``skeleton`` (3, H, W) RGB in 0..1.

    Raises:
        InputError: a part is missing or unreadable.
    """
    content = picture_content(files)
    document = document_of(files)
    text = caption(files, document, caption_key)
    picture = read_picture(content)
    sample: Sample = {"pixels": to_pixels(picture[None], *size)[:, 0], "caption": text}
    if with_skeleton:
        drawing = files.get(SKELETON_EXTENSION)
        sample["skeleton"] = to_skeleton(
            picture.shape[:2], size, document, read_picture(drawing) if drawing else None
        )
    return sample


def caption(files: Mapping[str, bytes], document: Mapping[str, Any], key: str) -> str:
    """The text beside a picture or clip: of its ``.txt``, else of its ``.json``.

    Raises:
        InputError: there is none.
    """
    text = files["txt"].decode("utf-8", "replace") if "txt" in files else document.get(key)
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"it has no caption; put it beside it as .txt, or as {key!r} into its .json")
    return text.strip()


def picture_content(files: Mapping[str, bytes]) -> bytes:
    """The picture among files that share a name, undecoded; raises InputError where there is none."""
    return files[extension_of(files, IMAGE_EXTENSIONS, "picture")]


def extension_of(files: Mapping[str, bytes], extensions: Sequence[str], kind: str) -> str:
    """The first of ``extensions`` among files that share a name; raises InputError where there is none."""
    for extension in extensions:
        if extension in files:
            return extension
    raise InputError(f"there is no {kind} ({', '.join(extensions)})")


def document_of(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The JSON among files that share a name, {} without one; raises InputError where it is no JSON object."""
    return read_json(files["json"]) if "json" in files else {}


def read_json(content: bytes) -> dict[str, Any]:
    """Raises InputError unless it is a JSON object."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError("its .json cannot be read; write it again") from error
    if not isinstance(document, dict):
        raise InputError("its .json holds no object")
    return document


def read_picture(content: bytes) -> np.ndarray:
    """Decode a picture: (H, W, 3) uint8 RGB, upright, alpha composited over black.

    Raises:
        InputError: it is damaged or no picture.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            return to_rgb(image)
    except Exception as error:  # Pillow raises exceptions of many kinds, mostly for damaged EXIF
        raise InputError("the picture is damaged, or none; save it again") from error


def to_rgb(image: Image.Image) -> np.ndarray:
    """(H, W, 3) uint8 RGB, upright, alpha composited over black."""
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        rgba = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba)
    return np.array(upright.convert("RGB"))


def to_pixels(frames: np.ndarray, height: int, width: int) -> torch.Tensor:
    """(F, H, W, 3) uint8 to (3, F, height, width) float32 in -1..1: shorter side resized, centre cropped."""
    return torch.from_numpy(fit_frames(frames, height, width)).permute(3, 0, 1, 2) / 127.5 - 1


def to_skeleton(
    picture_size: tuple[int, int],
    size: tuple[int, int],
    document: Mapping[str, Any],
    drawing: np.ndarray | None,
) -> torch.Tensor:
    """Draw the keypoints of a COCO document, or take a drawing, and fit it as the picture is fitted.

    Args:
        picture_size: height and width of the picture it belongs to.
        drawing: (H, W, 3) uint8 RGB.

    Returns:
        (3, height, width) float32 RGB in 0..1.

    Raises:
        InputError: there is neither, or it belongs to a picture of other proportions.
    """
    if "annotations" in document:
        motion = from_coco(document)
        drawing = draw_skeleton(motion.keypoints[0], motion.scores[0], motion.height, motion.width)
    if drawing is None:
        raise InputError(
            "it has neither keypoints nor a skeleton; make them with python -m fyp_core prepare-data,"
            " and train on what that writes"
        )
    aspects = [width / height for height, width in (picture_size, drawing.shape[:2])]
    if abs(aspects[0] / aspects[1] - 1) > _ASPECT_TOLERANCE:
        raise InputError("its skeleton has other proportions; run python -m fyp_core prepare-data again")
    return skeleton_to_tensor(drawing[None], *size)[0]
