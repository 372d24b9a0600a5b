"""The source's sound in a generated video: the right stretch, in sync."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from fyp_media.sound import Sound
from fyp_media.write_video import write_video

RATE = 44_100
FRAMES = [np.full((32, 32, 3), 40, np.uint8)] * 20


def film(path: Path, seconds: float, tone_from: float, tone_to: float, sound_delay: float = 0.0) -> Path:
    """A video of 10 frames a second, silent but for a tone."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=10)
        pictures.width = pictures.height = 32
        pictures.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        for _ in range(round(seconds * 10)):
            container.mux(pictures.encode(av.VideoFrame.from_ndarray(FRAMES[0], "rgb24")))
        container.mux(pictures.encode())
        time = np.arange(round(seconds * RATE)) / RATE + sound_delay
        wave = np.sin(2 * np.pi * 880 * time) * ((time >= tone_from) & (time < tone_to)) * 0.8
        frame = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None], "fltp", "mono")
        frame.sample_rate, frame.pts = RATE, round(sound_delay * RATE)
        container.mux(audio.encode(frame))
        container.mux(audio.encode())
    return path


def tone(path: Path) -> tuple[float, float]:
    """When the tone of a video starts and ends, in seconds."""
    with av.open(str(path)) as container:
        heard = [(frame.time, frame.to_ndarray()[0]) for frame in container.decode(audio=0)]
    loudness = np.concatenate([wave for _, wave in heard])
    loud = np.flatnonzero(np.abs(loudness) > 0.3) / 48_000 + heard[0][0]
    return float(loud[0]), float(loud[-1])


@pytest.mark.parametrize(("start", "expected"), [(0.0, (2.5, 3.0)), (2.0, (0.5, 1.0)), (2.7, (0.0, 0.3))])
def test_the_stretch_of_the_source_is_heard_in_sync(
    tmp_path: Path, start: float, expected: tuple[float, float]
) -> None:
    source = film(tmp_path / "source.mp4", seconds=6, tone_from=2.5, tone_to=3.0)
    result = tmp_path / "result.mp4"
    write_video(result, FRAMES * 2, 10, sound=Sound(source, start, duration=4.0))
    assert tone(result) == pytest.approx(expected, abs=0.06)


def test_sound_that_begins_after_the_picture_stays_where_it_was(tmp_path: Path) -> None:
    source = film(tmp_path / "source.mkv", seconds=3, tone_from=1.5, tone_to=2.0, sound_delay=1.0)
    result = tmp_path / "result.mp4"
    write_video(result, FRAMES, 10, sound=Sound(source, 0.5, duration=2.0))
    assert tone(result) == pytest.approx((1.0, 1.5), abs=0.06)


def test_it_is_as_long_as_asked_for(tmp_path: Path) -> None:
    source = film(tmp_path / "source.mp4", seconds=6, tone_from=0, tone_to=6)
    result = tmp_path / "result.mp4"
    write_video(result, FRAMES, 10, sound=Sound(source, 1.0, duration=2.0))
    with av.open(str(result)) as container:
        audio, pictures = container.streams.audio[0], container.streams.video[0]
        assert float(audio.duration * audio.time_base) == pytest.approx(2.0, abs=0.05)
        assert pictures.frames == len(FRAMES)


def test_a_silent_source_gives_a_silent_video(tmp_path: Path) -> None:
    source, result = tmp_path / "source.mp4", tmp_path / "result.mp4"
    write_video(source, FRAMES, 10)
    write_video(result, FRAMES, 10, sound=Sound(source, 0, 2))
    with av.open(str(result)) as container:
        assert not container.streams.audio
