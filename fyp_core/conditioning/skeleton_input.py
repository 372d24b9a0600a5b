"""The skeleton video as the pose encoder takes it: checked, fitted to the model's size, RGB in 0..1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from fyp_core.conditioning.compressed_frames import CompressedFrames
from fyp_media.errors import InputError
from fyp_media.fit import PictureWindow, cover

Skeleton = np.ndarray | torch.Tensor | Sequence[Image.Image] | CompressedFrames
CheckedSkeleton = torch.Tensor | CompressedFrames


def check_skeleton(skeleton: Skeleton) -> CheckedSkeleton:
    """Skeleton frames as a tensor, or still compressed.

    Args:
        skeleton: (F, H, W, 3) uint8 RGB, compressed or not, a list of PIL images, or a tensor (F, 3, H, W) in 0..1; of
            several videos an array or a tensor with one dimension more in front.

    Returns:
        (F, 3, H, W), uint8 or floats in 0..1, without a copy of a large array; of several videos (B, F, 3, H, W).
        Compressed frames as they are.

    Raises:
        InputError: no frames, or a wrong type, shape or range.
    """
    if isinstance(skeleton, CompressedFrames):
        return skeleton
    frames = _frames_to_tensor(skeleton)
    if frames.ndim not in (4, 5) or frames.shape[-3] != 3 or 0 in frames.shape:
        shape = tuple(getattr(skeleton, "shape", frames.shape))
        raise InputError(
            f"The skeleton video has shape {shape}; give at least one RGB frame, as uint8"
            " (F, H, W, 3) or as a tensor (F, 3, H, W)."
        )
    # written so that NaN fails as well
    if frames.is_floating_point() and not (frames.amin() >= 0 and frames.amax() <= 1):
        raise InputError("The skeleton tensor holds values outside 0..1; divide 8-bit values by 255.")
    return frames


def take_frames(skeleton: CheckedSkeleton, first: int = 0, stop: int | None = None) -> torch.Tensor:
    """Some of checked frames: (f, 3, H, W), of several videos (B, f, 3, H, W)."""
    if isinstance(skeleton, CompressedFrames):
        return _frames_to_tensor(skeleton[first:stop])
    return skeleton[..., first:stop, :, :, :]


def skeleton_to_tensor(skeleton: Skeleton, height: int, width: int) -> torch.Tensor:
    """:func:`check_skeleton` and :func:`fit_skeleton` in one; of several videos (B, F, 3, height, width)."""
    frames = take_frames(check_skeleton(skeleton))
    return fit_skeleton(frames.flatten(0, -4), height, width).unflatten(0, frames.shape[:-3])


def fit_skeleton(frames: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Fit checked frames (F, 3, H, W) to a size: shorter side resized, centre cropped; float32 in 0..1."""
    window = cover((frames.shape[-2], frames.shape[-1]), (height, width))
    # One after the other: as floats, frames of a large video take more memory than a computer has.
    return torch.stack([_fit(_as_floats(frame), window) for frame in frames])


def _frames_to_tensor(skeleton: np.ndarray | torch.Tensor | Sequence[Image.Image]) -> torch.Tensor:
    if isinstance(skeleton, torch.Tensor):
        if not skeleton.is_floating_point():
            raise InputError(
                f"The skeleton tensor is {skeleton.dtype}; give floats in 0..1, or a uint8 NumPy array."
            )
        return skeleton
    if not isinstance(skeleton, np.ndarray):
        skeleton = _stack_images(skeleton)
    if skeleton.dtype != np.uint8:
        raise InputError(f"The skeleton array is {skeleton.dtype}; give uint8 RGB frames, (F, H, W, 3).")
    if not skeleton.flags.writeable or any(stride < 0 for stride in skeleton.strides):
        skeleton = skeleton.copy()  # no tensor can be a view of those
    frames = torch.from_numpy(skeleton)
    return frames.movedim(-1, -3) if frames.ndim >= 4 else frames


def _as_floats(frames: torch.Tensor) -> torch.Tensor:
    return frames.float() if frames.is_floating_point() else frames.float() / 255


def _stack_images(images: Sequence[Image.Image]) -> np.ndarray:
    if not images or not all(isinstance(image, Image.Image) for image in images):
        raise InputError("The skeleton video must be an array, a tensor or a list of at least one PIL image.")
    if len({image.size for image in images}) > 1:
        raise InputError("The skeleton pictures differ in size; give frames of one video.")
    return np.stack([np.asarray(image.convert("RGB")) for image in images])


def _fit(frame: torch.Tensor, window: PictureWindow) -> torch.Tensor:
    """(3, H, W) to the window's size."""
    if frame.shape[1:] == window.size:
        return frame
    shown = window.cut(frame.movedim(0, -1).cpu().numpy())
    return torch.from_numpy(shown).movedim(-1, 0).to(frame.device)
