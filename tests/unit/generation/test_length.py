"""Length in seconds and frames a second, as frames of the input."""

from pathlib import Path

import numpy as np
import pytest

from fyp_core.generation.length import sample, sample_input
from fyp_media.decoding.video import Sampling, frame_number, frame_numbers
from fyp_media.errors import InputError
from fyp_media.write_video import write_video


@pytest.fixture
def video(tmp_path: Path) -> Path:
    write_video(tmp_path / "v.mp4", np.zeros((50, 32, 32, 3), np.uint8), 25)
    return tmp_path / "v.mp4"


def test_seconds_and_rate_choose_frames() -> None:
    assert sample(24, 240, 0, 2, 12) == Sampling(24, 2, 0)
    assert sample(60, 240, 60, 10, 12) == Sampling(36, 5, 60)  # as far as it goes


@pytest.mark.parametrize("fps", [25, 30, 60, 30000 / 1001])
def test_any_rate_is_kept_exactly(fps: float) -> None:
    count = round(10 * fps)
    used = sample(fps, count, 0, 10, 12)
    assert fps / used.stride == pytest.approx(12)
    assert used.count == 120
    times = np.array(frame_numbers(used.count, used.stride, 0)) / fps
    assert np.abs(times - np.arange(120) / 12).max() <= 0.5001 / fps
    assert frame_number(120, used.stride, 0) >= count


def test_a_rate_above_the_inputs_own_takes_every_frame_once() -> None:
    assert sample(24, 240, 0, 2, 50) == Sampling(48, 1, 0)


def test_by_default_the_whole_input_is_used_at_twelve_frames_a_second(video: Path) -> None:
    assert sample_input(video, rate=25) == Sampling(50, 1, 0)
    assert sample_input(video, 10) == Sampling(19, 25 / 12, 10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"seconds": 0}, "seconds is 0"), ({"rate": -1}, "a second is -1"), ({"start": 50}, "from 0 to 49")],
)
def test_a_length_that_cannot_work_is_one_sentence(
    video: Path, settings: dict[str, float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        sample_input(video, **settings)
