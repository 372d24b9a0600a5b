"""Styles applied to a finished clip. All are static in time: a still background stays still."""

from collections.abc import Callable

import cv2
import numpy as np


def _sunset(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Warm light from above, violet shadows below."""
    height = frames.shape[1]
    down = np.linspace(0, 1, height)[:, None, None]
    tint = (1 - down) * np.array([1.12, 0.72, 0.5]) + down * np.array([0.86, 0.58, 0.66])
    glow = (1 - down) * np.array([40.0, 18, 8]) + down * np.array([18.0, 4, 22])
    return np.clip(frames * tint.astype(np.float32) + glow.astype(np.float32), 0, 255).astype(np.uint8)


def _cartoon(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Few, strong colours inside dark outlines."""
    kernel = np.ones((2, 2), np.uint8)
    out = np.empty_like(frames)
    for frame, drawn in zip(frames, out):
        steep = cv2.morphologyEx(frame, cv2.MORPH_GRADIENT, kernel).max(axis=2)
        gray = frame.mean(axis=2, dtype=np.float32)[..., None]
        vivid = np.clip(gray + 1.5 * (frame - gray), 0, 255)
        flat = np.minimum(np.floor(vivid / 48) * 48 + 24, 255)
        drawn[:] = np.where(steep[..., None] > 44, 20, flat)
    return out


def _van_gogh(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Swirled short strokes in blue and yellow."""
    size = frames.shape[1]
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    a, b = rng.uniform(0, 2 * np.pi, 2).astype(np.float32)
    field = 2.2 * np.sin(7 * x + 3 * np.sin(5 * y + a)) + 2.2 * np.cos(6 * y + 3 * np.sin(6 * x + b))
    strokes = np.sin(3.2 * field + 14 * y)[..., None]
    wobble = 0.009 * size
    at_x, at_y = x * size + wobble * np.sin(4 * field), y * size + wobble * np.cos(4 * field)
    out = np.empty_like(frames)
    blue, yellow = np.array([24, 62, 150], np.float32), np.array([252, 214, 84], np.float32)
    for frame, painted in zip(frames, out):
        bent = cv2.remap(frame, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(
            np.float32
        )
        light = bent.mean(axis=2, keepdims=True) / 255
        toned = 0.58 * bent + 0.42 * ((1 - light) * blue + light * yellow)
        painted[:] = np.clip(toned * (1 + 0.2 * strokes), 0, 255)
    return out


def _minecraft(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blocks."""
    size = frames.shape[1]
    blocks = (size // 4, size // 4)
    out = np.empty_like(frames)
    for frame, built in zip(frames, out):
        small = cv2.resize(frame, blocks, interpolation=cv2.INTER_AREA)
        built[:] = cv2.resize(small // 24 * 24 + 12, (size, size), interpolation=cv2.INTER_NEAREST)
    return out


_STYLES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "at sunset": _sunset, "cartoon": _cartoon, "van gogh": _van_gogh, "minecraft": _minecraft,
}  # fmt: skip
STYLES = tuple(_STYLES)


def apply_style(frames: np.ndarray, style: str, rng: np.random.Generator) -> np.ndarray:
    """(F, H, W, 3) uint8 RGB to the same; KeyError for an unknown name."""
    return _STYLES[style](frames, rng)
