"""What the pictures of the documents share: results for the examples, strips of moving pictures, small files."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from PIL import Image

from fyp_core.generation.engine import Engine, GenerationResult
from fyp_core.generation.guide import fine_skeletons
from fyp_core.generation.request import GenerationRequest
from fyp_media.exports.captions import caption_bar
from fyp_media.files import replacing
from fyp_media.read_video import sample_frames

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES_FOLDER = ROOT / "pose_example"
USUAL: dict[str, Any] = {"frames": 16, "stride": 4, "seed": 0}  # two thirds of a second are 4 frames
PORTRAIT, WIDE = {"aspect": "9:16"}, {"aspect": "16:9"}
FIRST_SECONDS = {"frames": 13}  # of the jumping man: later his hands are outside and MediaPipe misreads a leg
_QUALITIES = range(20, 91, 5)  # of WebP
_FONT_SIZE = 13  # pixels


def kind_of_example(name: str) -> Literal["raw", "skeleton"]:
    """Of a video in ``pose_example``, by its name."""
    return "raw" if name.startswith("raw_") else "skeleton"


def generate(engine: Engine, name: str, prompt: str, settings: dict[str, Any]) -> GenerationResult:
    """The result for an example.

    Args:
        name: of a video in ``pose_example``, without its suffix.
        settings: of :class:`GenerationRequest`.
    """
    path, kind = EXAMPLES_FOLDER / f"{name}.mp4", kind_of_example(name)
    return engine.generate(GenerationRequest(input=path, prompt=prompt, input_type=kind, **settings))


def guides(result: GenerationResult) -> list[np.ndarray]:
    """What a result follows: of a raw video its frames, then the skeletons, (F, H, W, 3) uint8 RGB each."""
    request = result.request
    skeletons = np.stack(list(fine_skeletons(request, result.guide)))
    if request.input_type != "raw":
        return [skeletons]
    return [
        sample_frames(request.input, len(skeletons), stride=request.stride, start=request.start),
        skeletons,
    ]


def moving_strip(
    followed: Sequence[np.ndarray], results: Mapping[str, np.ndarray], height: int
) -> np.ndarray:
    """Small on the left what is followed, one above the other; then the results with their captions under them.

    Args:
        followed: videos, (F, H, W, 3) uint8 RGB, at most two.
        results: caption and video, as long.
        height: of the results in pixels.

    Returns:
        (F, H, W, 3) uint8 RGB.
    """
    columns = [_captioned(_of_height(video, height), caption) for caption, video in results.items()]
    total = columns[0].shape[1]
    small = np.concatenate([_of_height(video, total // 2) for video in followed], axis=1)
    missing = total - small.shape[1]
    small = np.pad(small, ((0, 0), (missing // 2, missing - missing // 2), (0, 0), (0, 0)))
    return np.concatenate([small, *columns], axis=2)


def _captioned(video: np.ndarray, caption: str) -> np.ndarray:
    bar = caption_bar(caption, video.shape[2], _FONT_SIZE)
    return np.concatenate([video, np.repeat(bar[None], len(video), axis=0)], axis=1)


def _of_height(video: np.ndarray, height: int) -> np.ndarray:
    width = round(video.shape[2] * height / video.shape[1])
    return resized(video, height, width)


def resized(video: np.ndarray, height: int, width: int) -> np.ndarray:
    """(F, H, W, 3) uint8 RGB to (F, height, width, 3): averaged, or enlarged as browsers do."""
    shrinks = video.shape[1] > height
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.stack([cv2.resize(frame, (width, height), interpolation=interpolation) for frame in video])


def save_webp(
    path: Path, pictures: Sequence[np.ndarray] | np.ndarray, largest_file: int, fps: float = 1
) -> int:
    """Write a picture, or several that are shown in turn without end, as good as the size of the file allows.

    Args:
        pictures: (H, W, 3) uint8 RGB each.
        largest_file: bytes; may be exceeded where the lowest quality takes more.

    Returns:
        The file's bytes.
    """
    first, *others = map(Image.fromarray, pictures)
    moving = {"save_all": True, "append_images": others, "duration": round(1000 / fps), "loop": 0}

    @cache
    def encoded(quality: int) -> bytes:
        data = BytesIO()
        first.save(data, "WEBP", quality=quality, method=6, **(moving if others else {}))
        return data.getvalue()

    fitting = bisect_right(_QUALITIES, largest_file, key=lambda quality: len(encoded(quality)))
    content = encoded(_QUALITIES[max(fitting - 1, 0)])
    with replacing(path) as scratch:
        Path(scratch).write_bytes(content)
    return len(content)
