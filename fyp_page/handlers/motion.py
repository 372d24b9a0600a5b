"""The frames of the part of a video that visitors choose in seconds."""

from __future__ import annotations

from fyp_core.generation import length
from fyp_core.generation.result_size import ModelSize
from fyp_media.decoding.video import Sampling, VideoInfo
from fyp_media.errors import InputError
from fyp_media.read_video import probe

MOST_FRAMES = 512
DEFAULT_SECONDS, DEFAULT_RATE = 1.6, 4.8  # 8 frames, 5 apart at 24 a second: as the model was published


def default_length(model: ModelSize) -> tuple[float, float]:
    """Seconds of a video that are used by default, and frames a second."""
    return model.seconds or DEFAULT_SECONDS, model.fps or DEFAULT_RATE


def part_of(video: str, model: ModelSize) -> tuple[float, float]:
    """Start and end in seconds of the part of a new video that is used at first.

    Raises:
        InputError: it is no video.
    """
    seconds, _ = default_length(model)
    return 0.0, round(min(seconds, probe(video).duration), 2)


def sample(info: VideoInfo, start: float, end: float, rate: float) -> Sampling:
    """The frames at that rate, as far as the video goes; at the video's own where that is lower.

    Args:
        start, end: seconds, of the part of the video that is used.
        rate: frames a second of the result.

    Raises:
        InputError: there is no such part, or it is longer than the page makes.
    """
    if rate <= 0 or start < 0:
        raise InputError("The number of frames a second must be above 0, and the start at least 0.")
    if end <= start:
        raise InputError(f"The end, {end:g} s, must be after the start, {start:g} s.")
    first = round(start * info.fps)
    if first >= info.frame_count:
        raise InputError(f"The video lasts {info.duration:.1f} s; start earlier.")
    used = length.sample(info.fps, info.frame_count, first, end - start, rate)
    if used.count > MOST_FRAMES:
        longest = MOST_FRAMES * used.stride / info.fps
        raise InputError(
            f"That makes {used.count} frames, but at most {MOST_FRAMES} are possible here;"
            f" take {longest:.1f} s, or fewer frames a second."
        )
    return used


def describe(video: str | None, start: float | None, end: float | None, rate: float | None) -> str:
    """Length, size and rate of an uploaded video, and the part of it that is used."""
    if not video or start is None or end is None or rate is None:
        return ""
    try:
        info = probe(video)
        used = sample(info, start, end, rate)
    except InputError as error:
        return f"⚠ {error}"
    made_rate = info.fps / used.stride
    shown = f"{used.count} {'frame' if used.count == 1 else 'frames'}"
    return (
        f"{info.duration:.1f} s, {info.width}×{info.height}, {info.fps:.4g} frames a second. Used: {shown},"
        f" {used.count / made_rate:.1f} s at {made_rate:.3g} a second."
    )
