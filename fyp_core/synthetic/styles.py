"""Styles applied to a finished clip. All are static in time: a still background stays still."""

from collections.abc import Callable

import cv2
import numpy as np


def _sunset(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Warm light from above, violet shadows below."""
    height, width = frames.shape[1:3]
    down = np.linspace(0, 1, height)[:, None, None]
    tint = (1 - down) * np.array([1.12, 0.72, 0.5]) + down * np.array([0.86, 0.58, 0.66])
    glow = (1 - down) * np.array([40.0, 18, 8]) + down * np.array([18.0, 4, 22])
    scale, offset = (np.round(128 * part).astype(np.uint16) for part in (tint, glow))  # 7 binary places
    scale, offset = (np.ascontiguousarray(np.repeat(part, width, axis=1)) for part in (scale, offset))
    out = np.empty_like(frames)
    for frame, lit in zip(frames, out):
        light = frame * scale
        light += offset
        light >>= 7
        np.minimum(light, 255, out=light)
        lit[:] = light
    return out


_CARTOON_LEVELS = np.minimum(np.arange(256) // 48 * 48 + 24, 255).astype(np.uint8)
_VIVID = 1.5 * np.eye(3) - 0.5 / 3  # away from the grey of the same brightness


def _cartoon(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Few, strong colours inside dark outlines."""
    side = max(2, round(min(frames.shape[1:3]) / 128))
    kernel = np.ones((side, side), np.uint8)
    out = np.empty_like(frames)
    for frame, drawn in zip(frames, out):
        red, green, blue = cv2.split(cv2.morphologyEx(frame, cv2.MORPH_GRADIENT, kernel))
        steep = cv2.max(cv2.max(red, green), blue)
        flat = cv2.LUT(cv2.transform(frame, _VIVID), _CARTOON_LEVELS)
        outline = cv2.threshold(steep, 48, 255, cv2.THRESH_BINARY)[1]
        cv2.subtract(flat, cv2.merge([outline] * 3), dst=drawn)
        cv2.max(drawn, (20, 20, 20, 0), dst=drawn)
    return out


_BLUE, _YELLOW = np.array([24.0, 62, 150]), np.array([252.0, 214, 84])
# Dark parts turn blue, light ones yellow: (3, 4), linear in red, green, blue and 1.
_TONED = np.hstack(
    [0.58 * np.eye(3) + 0.42 / (3 * 255) * (_YELLOW - _BLUE)[:, None], 0.42 * _BLUE[:, None]],
)
_STROKE_LENGTH = 0.05  # picture heights
_STROKE_STEPS = 8


def _van_gogh(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Swirled short strokes in blue and yellow: noise drawn out along a field of directions."""
    height, width = frames.shape[1:3]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    a, b = rng.uniform(0, 2 * np.pi, 2).astype(np.float32)
    u, v = 7 / height * x, 6 / height * y
    direction = 1.5 * np.sin(u + 2 * np.sin(0.8 * v + a)) + 1.5 * np.cos(v + 2 * np.sin(0.85 * u + b))
    along_x, along_y = np.cos(direction), np.sin(direction)

    noise = cv2.GaussianBlur(rng.random((height, width), dtype=np.float32), (0, 0), max(0.5, height / 256))
    strokes = np.zeros_like(noise)
    for reach in np.linspace(-0.5, 0.5, _STROKE_STEPS) * _STROKE_LENGTH * height:
        at_x, at_y = x + np.float32(reach) * along_x, y + np.float32(reach) * along_y
        strokes += cv2.remap(noise, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    strokes = (strokes - strokes.mean()) / strokes.std()

    shift = 0.0045 * height * strokes  # colours run along the strokes, edges become ragged
    maps = cv2.convertMaps(x + shift * along_x, y + shift * along_y, cv2.CV_16SC2)
    gain = cv2.merge([np.clip(1 + 0.16 * strokes, 0.6, 1.4)] * 3)
    out = np.empty_like(frames)
    for frame, painted in zip(frames, out):
        bent = cv2.remap(frame, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        cv2.multiply(cv2.transform(bent, _TONED), gain, dst=painted, dtype=cv2.CV_8U)
    return out


_BLOCKS = 32  # to the shorter side


def _minecraft(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blocks."""
    height, width = frames.shape[1:3]
    block = max(2, min(height, width) // _BLOCKS)
    out = np.empty_like(frames)
    for frame, built in zip(frames, out):
        small = cv2.resize(frame, (-(-width // block), -(-height // block)), interpolation=cv2.INTER_AREA)
        cv2.resize(small // 24 * 24 + 12, (width, height), dst=built, interpolation=cv2.INTER_NEAREST)
    return out


_STYLES: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "at sunset": _sunset, "cartoon": _cartoon, "van gogh": _van_gogh, "minecraft": _minecraft,
}  # fmt: skip
STYLES = tuple(_STYLES)


def apply_style(frames: np.ndarray, style: str, rng: np.random.Generator) -> np.ndarray:
    """(F, H, W, 3) uint8 RGB to the same; KeyError for an unknown name."""
    return _STYLES[style](frames, rng)
