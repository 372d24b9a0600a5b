"""Decoding in a process of its own gives the same frames; what goes wrong there costs one sentence."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from fyp_media.decoding.isolated_video import DecodingLimits, IsolatedVideo, isolate_decoding
from fyp_media.decoding.video import Sampling
from fyp_media.decoding.video_file import VideoFile
from fyp_media.errors import InputError
from fyp_media.read_video import open_video, open_videos_with, probe
from tests.sounding_video import film

LIMITS = DecodingLimits()


@pytest.fixture
def isolated() -> Iterator[None]:
    isolate_decoding(LIMITS)
    yield
    open_videos_with(VideoFile)


@pytest.mark.usefixtures("isolated")
def test_frames_are_the_same(make_video: Callable[..., Path]) -> None:
    path = make_video(frames=12)
    with VideoFile(path) as here, open_video(path) as there:
        assert isinstance(there, IsolatedVideo)
        assert there.info == here.info == probe(path)
        assert np.array_equal(list(there.frames()), list(here.frames()))
        taken = Sampling(4, stride=2, start=1, crop=(2, 4, 6, 8), longest_side=30)
        assert np.array_equal(list(there.sampled(taken)), list(here.sampled(taken)))
        assert np.array_equal(there.sample(Sampling(3)), here.sample(Sampling(3)))
        next(there.frames())  # left half-way
        assert len(list(there.frames(fps=2))) == len(list(here.frames(fps=2)))


def test_sound_is_the_same_and_is_decoded_there(tmp_path: Path) -> None:
    path = film(tmp_path / "sounding.mp4", seconds=3, tone_from=1, tone_to=2)
    with VideoFile(path) as here, IsolatedVideo(path, LIMITS) as there:
        expected = np.concatenate(list(here.sound(0.5, 2)), axis=1)
        assert (len(expected), expected.dtype, expected.any()) == (2, np.float32, True)
        assert np.array_equal(np.concatenate(list(there.sound(0.5, 2)), axis=1), expected)
        heard = there.sound(0.5, 2)
        next(heard)
        for process in multiprocessing.active_children():
            process.kill()
        with pytest.raises(InputError, match="makes the video decoder crash"):
            list(heard)


def test_errors_are_the_same_and_come_at_once(make_video: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("This is no video.")
    with pytest.raises(InputError, match=r"text\.mp4 is not a video"):
        IsolatedVideo(tmp_path / "text.mp4", LIMITS)
    with IsolatedVideo(make_video(frames=12), LIMITS) as video:
        start = time.monotonic()
        with pytest.raises(InputError, match="start at frame 11 or earlier"):
            video.sampled(Sampling(2, start=10**8))
        assert time.monotonic() - start < 1
        assert len(list(video.sampled(Sampling(2)))) == 2


def test_reading_ends_where_its_job_is_cancelled(make_video: Callable[..., Path]) -> None:
    class CancelledError(Exception):
        pass

    def cancel() -> None:
        raise CancelledError

    with IsolatedVideo(make_video(frames=12), LIMITS) as video:
        with pytest.raises(CancelledError):
            next(video.sampled(Sampling(2), on_decoded=cancel))
        assert len(list(video.frames())) == 12


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (DecodingLimits(memory=20_000_000), "memory|damaged|decoded"),
        (DecodingLimits(answer_seconds=1e-6), "takes too long to decode"),
    ],
)
def test_a_limit_that_is_reached_costs_one_sentence(
    limits: DecodingLimits, sentence: str, tmp_path: Path
) -> None:
    path = large_video(tmp_path / "large.mp4", 3840, 2160)
    with pytest.raises(InputError, match=sentence) as caught:
        list(IsolatedVideo(path, limits).frames())
    assert "\n" not in str(caught.value)


def test_a_crash_costs_one_sentence(make_video: Callable[..., Path]) -> None:
    video = IsolatedVideo(make_video(frames=120), LIMITS)  # more than the pipe between the processes holds
    frames = video.frames()
    next(frames)
    for process in multiprocessing.active_children():
        process.kill()
    with pytest.raises(InputError, match="makes the video decoder crash"):
        list(frames)
    assert len(list(video.frames())) == 120, "the next reading starts anew"
    video.close()


def large_video(path: Path, width: int, height: int) -> Path:
    """One black frame; a few kilobytes on the disk."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in range(2):
            frame = av.VideoFrame(width, height, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def test_a_picture_of_8k_is_read_within_the_memory_limit(tmp_path: Path) -> None:
    with IsolatedVideo(large_video(tmp_path / "a.mp4", 7680, 4320), LIMITS) as video:
        assert next(video.sampled(Sampling(1, longest_side=100))).shape == (56, 100, 3)
