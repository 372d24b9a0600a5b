"""Frames fitted to a size."""

import cv2
import numpy as np


def fitted_size(shown: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Height and width to which a picture is resized before its middle, of the wanted size, is cut out."""
    scale = max(wanted / length for wanted, length in zip(size, shown))
    height, width = (max(wanted, round(length * scale)) for wanted, length in zip(size, shown))
    return height, width


def fit_frames(frames: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize so that the picture just covers height x width, and cut its centre out.

    Args:
        frames: (F, H, W, 3) uint8.

    Returns:
        (F, height, width, 3) uint8.
    """
    source_height, source_width = frames.shape[1:3]
    scale = max(height / source_height, width / source_width)
    resized = max(width, round(source_width * scale)), max(height, round(source_height * scale))
    left, top = (resized[0] - width) // 2, (resized[1] - height) // 2
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted = np.empty((len(frames), height, width, 3), np.uint8)
    for target, frame in zip(fitted, frames):
        covering = cv2.resize(frame, resized, interpolation=interpolation)
        target[:] = covering[top : top + height, left : left + width]
    return fitted
