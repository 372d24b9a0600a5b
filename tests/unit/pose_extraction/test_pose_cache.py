"""Poses are estimated once for what decides them, and a cache that is damaged or full is no obstacle."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from pose_extraction.pose_cache import EstimatedPoses, PoseCache
from pose_extraction.poses import FramePoses

CHOSEN: Mapping[str, object] = {"frames": 2, "crop": (0, 0, 0, 0)}


def found(place: float = 20, people: tuple[int, ...] = (2, 0, 1)) -> EstimatedPoses:
    """Frames with as many people; one joint is unknown."""
    frames = [
        FramePoses(np.full((count, 17, 2), place, np.float32), np.full((count, 17), 0.9, np.float32))
        for count in people
    ]
    for poses in frames:
        poses.keypoints[:, 3], poses.scores[:, 3] = np.nan, 0
    return EstimatedPoses(frames, 48, 64, "somebody", "it was asked for")


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"a video")
    return path


@pytest.fixture
def is_estimated(video: Path) -> Callable[..., bool]:
    """Whether poses are not in a cache."""

    def ask(
        cache: PoseCache,
        source: Path = video,
        chosen: Mapping[str, object] = CHOSEN,
        weights: str | None = None,
    ) -> bool:
        asked: list[str] = []

        def estimate() -> EstimatedPoses:
            asked.append("")
            return found()

        cache.get(source, chosen, "mediapipe", weights, estimate)
        return bool(asked)

    return ask


def test_poses_come_back_from_disk_as_they_were(video: Path, tmp_path: Path) -> None:
    answers = [
        PoseCache(tmp_path / "cache").get(video, CHOSEN, "mediapipe", None, estimate)
        for estimate in (found, lambda: pytest.fail("estimated again"))
    ]
    first, second = answers
    assert [len(poses) for poses in second.frames] == [2, 0, 1]
    for one, other in zip(first.frames, second.frames, strict=True):
        np.testing.assert_array_equal(other.keypoints, one.keypoints)
        np.testing.assert_array_equal(other.scores, one.scores)
    assert (second.height, second.width, second.estimator, second.why) == (
        48, 64, "somebody", "it was asked for",
    )  # fmt: skip


def test_poses_are_known_by_all_that_decides_them(
    is_estimated: Callable[..., bool], video: Path, tmp_path: Path
) -> None:
    cache, weights = PoseCache(tmp_path / "cache"), tmp_path / "weights.onnx"
    weights.write_bytes(b"one")
    copy = tmp_path / "copy.mov"
    copy.write_bytes(video.read_bytes())
    assert is_estimated(cache)
    assert not is_estimated(cache, copy), "the content is the same"
    assert is_estimated(cache, video, {"frames": 3, "crop": (0, 0, 0, 0)})
    assert is_estimated(cache, video, CHOSEN, str(weights))
    weights.write_bytes(b"other")
    assert is_estimated(cache, video, CHOSEN, str(weights))
    video.write_bytes(b"another video")
    assert is_estimated(cache)


def test_a_cache_that_cannot_be_read_or_written_is_no_obstacle(
    is_estimated: Callable[..., bool], tmp_path: Path
) -> None:
    assert is_estimated(PoseCache(tmp_path / "cache"))
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(file.read_bytes()[:-40])
    assert is_estimated(PoseCache(tmp_path / "cache")), "it was damaged"
    assert not is_estimated(PoseCache(tmp_path / "cache")), "it was written again"
    (tmp_path / "a_file").write_bytes(b"")
    impossible = PoseCache(tmp_path / "a_file")
    assert is_estimated(impossible)
    assert not is_estimated(impossible), "they are in memory"


def test_those_not_used_for_the_longest_time_are_deleted(
    is_estimated: Callable[..., bool], video: Path, tmp_path: Path
) -> None:
    assert is_estimated(PoseCache(tmp_path / "cache"))
    (file,) = (tmp_path / "cache").iterdir()
    small = PoseCache(tmp_path / "cache", most_bytes=2.5 * file.stat().st_size)
    for number in range(4):
        assert is_estimated(small, video, {"frames": number})
    assert len(list((tmp_path / "cache").iterdir())) == 2
    assert not is_estimated(PoseCache(tmp_path / "cache"), video, {"frames": 3})


def test_the_folder_is_the_users_unless_a_variable_names_another(
    is_estimated: Callable[..., bool], tmp_path: Path
) -> None:
    assert is_estimated(PoseCache.of_user({"FYP_POSE_CACHE": str(tmp_path / "named")}))
    assert not is_estimated(PoseCache(tmp_path / "named"))
    assert is_estimated(PoseCache.of_user({"FYP_POSE_CACHE": ""}))


def test_long_videos_are_forgotten_sooner(tmp_path: Path) -> None:
    videos = [tmp_path / f"{number}.mp4" for number in range(3)]
    for number, video in enumerate(videos):
        video.write_bytes(bytes([number]))
    cache, asked = PoseCache(), []

    def ask(video: Path) -> None:
        def estimate() -> EstimatedPoses:
            asked.append(video)
            return found(people=(0,) * 12_000)

        cache.get(video, CHOSEN, "mediapipe", None, estimate)

    for video in (*videos, videos[1], videos[0]):
        ask(video)
    assert asked == [*videos, videos[0]]
