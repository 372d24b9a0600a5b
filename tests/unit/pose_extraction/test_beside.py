"""MediaPipe in a process of its own."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import psutil
import pytest

from fyp_media.errors import InputError
from fyp_media.read_video import read_frames
from pose_extraction.beside import ProcessEstimator, create
from pose_extraction.estimators.factory import choose_estimator
from pose_extraction.poses import FramePoses

ROOT = Path(__file__).resolve().parents[3]
VIDEO = min((ROOT / "pose_example").glob("raw*.mp4"))


@pytest.fixture(scope="module")
def estimator() -> Iterator[ProcessEstimator]:
    before = set(psutil.Process().children())
    yield ProcessEstimator()
    for process in set(psutil.Process().children()) - before:
        process.kill()


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    return list(islice(read_frames(VIDEO), 3))


def assert_same(found: list[FramePoses], expected: list[FramePoses]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours.keypoints, theirs.keypoints)
        np.testing.assert_array_equal(ours.scores, theirs.scores)


def test_poses_are_those_of_this_process_also_of_two_videos_in_turn(
    estimator: ProcessEstimator, frames: list[np.ndarray]
) -> None:
    expected = list(choose_estimator("mediapipe")[0].estimate(frames))
    assert all(map(len, expected))
    assert_same(list(estimator.estimate(frames)), expected)
    backwards = list(choose_estimator("mediapipe")[0].estimate(frames[::-1]))
    first, second = zip(*zip(estimator.estimate(frames), estimator.estimate(frames[::-1])))
    assert_same(list(first), expected)
    assert_same(list(second), backwards)


def test_a_video_that_is_left_in_the_middle_does_not_disturb_the_next(
    estimator: ProcessEstimator, frames: list[np.ndarray]
) -> None:
    next(estimator.estimate(frames))
    assert len(list(estimator.estimate(frames))) == len(frames)


def test_a_process_that_dies_is_reported_and_started_again(frames: list[np.ndarray]) -> None:
    before = set(psutil.Process().children())
    estimator = ProcessEstimator()
    poses = estimator.estimate(frames)
    next(poses)
    (process,) = set(psutil.Process().children()) - before
    process.kill()
    with pytest.raises(InputError, match="The process that finds poses has ended"):
        list(poses)
    assert len(list(estimator.estimate(frames[:1]))) == 1
    for process in set(psutil.Process().children()) - before:
        process.kill()


def test_pictures_are_examined_in_this_process_and_other_weights_are_refused() -> None:
    assert not isinstance(create(None, True), ProcessEstimator)
    with pytest.raises(InputError, match="brings its own weights"):
        create("w.task", False)
