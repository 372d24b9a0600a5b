"""The source's sound in a generated video: the right stretch, in sync."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from fyp_media.sound import Sound
from fyp_media.write_video import write_video
from tests.sounding_video import film, tone

FRAMES = [np.full((32, 32, 3), 40, np.uint8)] * 20


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
