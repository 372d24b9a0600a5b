"""Whole videos through MediaPipe, tracking and cleaning: neither size nor side of a dance changes its poses."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fyp_media.read_video import read_frames
from fyp_media.write_video import write_video
from pose_extraction.extract import extract_skeleton_video
from pose_extraction.motion import edit
from pose_extraction.motion.motion import Motion, body_size
from pose_extraction.skeleton import SCORE_THRESHOLD

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[3] / "pose_example"
FPS = 12.0


@pytest.fixture(params=["raw_man_jumping_jacks", "raw_woman_dancing"])
def frames(request) -> list[np.ndarray]:
    return list(read_frames(EXAMPLES / f"{request.param}.mp4", fps=FPS))


@pytest.fixture
def extract(tmp_path) -> Callable[[list[np.ndarray]], Motion]:
    """Frames to a video to its motion."""

    def extract_motion(frames: list[np.ndarray]) -> Motion:
        write_video(tmp_path / "raw.mp4", frames, FPS)
        return extract_skeleton_video(
            tmp_path / "raw.mp4", tmp_path / "skeleton.mp4", estimator="mediapipe"
        ).motion

    return extract_motion


def assert_same_dance(one: Motion, other: Motion) -> None:
    assert one.keypoints.shape == other.keypoints.shape == (len(one), 1, 17, 2)
    sure, also_sure = one.scores >= SCORE_THRESHOLD, other.scores >= SCORE_THRESHOLD
    assert (sure == also_sure).mean() > 0.9
    distance = np.linalg.norm(one.keypoints - other.keypoints, axis=-1) / body_size(one.keypoints)[..., None]
    in_sight = distance[sure & also_sure]
    assert in_sight.mean() < 0.02
    assert (in_sight < 0.05).mean() > 0.95


def test_neither_size_nor_side_changes_the_dance(frames, extract):
    plain = extract(frames)
    moved = np.nanmax(plain.keypoints, axis=0) - np.nanmin(plain.keypoints, axis=0)
    assert moved.max() > 0.1 * plain.height, "somebody moves"

    assert_same_dance(plain, edit.mirror(extract([frame[:, ::-1] for frame in frames])))

    twice = extract([cv2.resize(frame, None, fx=2, fy=2) for frame in frames])
    assert_same_dance(plain, replace(twice, keypoints=(twice.keypoints - 0.5) / 2))

    # Half the size in a picture of the same size: the person is farther away.
    height, width = plain.height, plain.width
    edges = height // 4, height // 4, width // 4, width // 4
    far = extract(
        [
            cv2.copyMakeBorder(
                cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
                *edges,
                cv2.BORDER_REPLICATE,
            )
            for frame in frames
        ]
    )
    near = 2 * (far.keypoints - (width // 4, height // 4)) + 0.5
    assert_same_dance(plain, replace(far, keypoints=near))
