"""Fixtures shared by all tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from fyp_core.generation.engine import loading_threads
from fyp_media.write_video import write_video
from pose_extraction.pose_cache import VARIABLE as POSE_CACHE


@pytest.fixture(scope="session", autouse=True)
def no_poses_found_before() -> Iterator[None]:
    """The poses of a video are found anew in each test, and none are left in the user's cache."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(POSE_CACHE, "")
        yield


@pytest.fixture(autouse=True)
def no_model_is_being_loaded() -> Iterator[None]:
    """A test ends with its loading: libraries may not be imported by two threads, nor a process end meanwhile."""
    yield
    for thread in loading_threads():
        thread.join(60)


@pytest.fixture(scope="session")
def tiny_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a whole model at toy width: random weights, 32×32 pixels, two steps."""
    from tests.tiny_model import build_pipeline

    folder = tmp_path_factory.mktemp("models") / "tiny"
    build_pipeline().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def make_video(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a small video of a moving square: ``make_video(frames=40, fps=24, size=(64, 48))``."""

    def make(frames: int = 40, fps: float = 24, size: tuple[int, int] = (64, 48)) -> Path:
        width, height = size
        video = np.zeros((frames, height, width, 3), np.uint8)
        for index, frame in enumerate(video):
            left = index % (width // 2)
            frame[height // 4 : height // 2, left : left + width // 4] = 255, 153, 51
        path = tmp_path_factory.mktemp("videos") / "square.mp4"
        write_video(path, video, fps)
        return path

    return make
