"""The kind of the input is recognised from its content; its people are chosen, resized and mirrored."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from fyp_core.generation.engine import Engine
from fyp_core.generation.guide import Guide
from fyp_core.generation.job import Job, Progress
from fyp_core.generation.request import GenerationRequest
from fyp_core.synthetic import WorldClip
from fyp_media.errors import InputError
from fyp_media.write_video import write_video
from pose_extraction.keypoint_files import write_motion
from pose_extraction.motion.motion import Motion
from tests.unit.generation.waving import FRAMES, make, waving_clip

SIDE = 128


@pytest.fixture(scope="module")
def clip() -> WorldClip:
    return waving_clip(SIDE)


@pytest.fixture(scope="module")
def two(clip: WorldClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keypoints of two people side by side."""
    keypoints = np.stack([clip.keypoints[:, 0], clip.keypoints[:, 0] + np.float32((SIDE, 0))], axis=1)
    scores = np.repeat(clip.scores, 2, axis=1)
    path = tmp_path_factory.mktemp("keypoints") / "two.json"
    write_motion(Motion(keypoints, scores, SIDE, 2 * SIDE, 6.0), path)
    return path


def heights(guide: Guide) -> np.ndarray:
    """(P,) of the people, in pixels."""
    y = guide.motion.keypoints[..., 1]
    return np.ptp(y, axis=2).mean(axis=0)


def test_the_kind_of_input_is_recognised_from_its_content(clip: WorldClip, two: Path, tmp_path: Path) -> None:
    for name, frames in (
        ("raw", np.repeat(np.repeat(clip.frames, 4, 1), 4, 2)),
        ("skeleton", clip.skeletons()),
    ):
        write_video(tmp_path / f"{name}.mp4", frames, 6.0)
        assert make(tmp_path / f"{name}.mp4").input_type == name
    assert make(tmp_path / "raw.mp4").read_as == "Read as a video of one person."
    assert make(tmp_path / "skeleton.mp4").read_as == "Read as a skeleton video in the model's own style."
    assert make(two).input_type == "keypoints"
    assert make(two).read_as == "Read as keypoints of 2 people."


def test_one_of_the_people_is_followed(two: Path) -> None:
    everybody, first, both = make(two), make(two, people="1"), make(two, people="2,1")
    assert [guide.motion.keypoints.shape[1] for guide in (everybody, first, both)] == [2, 1, 2]
    assert first.motion.keypoints[..., 0].max() < SIDE
    with pytest.raises(InputError, match="no person '3'"):
        make(two, people="3")


def test_people_are_made_smaller_where_they_stand(two: Path) -> None:
    usual, small = make(two), make(two, pose_scale=0.5)
    np.testing.assert_allclose(heights(small), heights(usual) / 2, rtol=0.01)
    lowest = [guide.motion.keypoints[..., 1].max(axis=(0, 2)) for guide in (usual, small)]
    np.testing.assert_allclose(*lowest, atol=0.5)


def test_a_child_makes_the_same_moves(two: Path) -> None:
    assert (heights(make(two, retarget="child")) < 0.8 * heights(make(two))).all()
    with pytest.raises(InputError, match="'dwarf'"):
        make(two, retarget="dwarf")


def test_left_becomes_right(two: Path) -> None:
    usual, mirrored = make(two, people="1").motion, make(two, people="1", mirror=True).motion
    left_wrist, right_wrist = 9, 10
    np.testing.assert_allclose(
        mirrored.keypoints[..., right_wrist, 0], 2 * SIDE - 1 - usual.keypoints[..., left_wrist, 0], atol=0.01
    )


def test_keypoints_are_sampled_and_cropped_as_videos_are(two: Path) -> None:
    guide = make(two, frames=2, stride=2, start=1, crop=(10, 0, 5, 0))
    everything = make(two).motion
    assert guide.fps == 3
    assert guide.shown == (SIDE - 5, 2 * SIDE - 10)
    np.testing.assert_allclose(guide.motion.keypoints, everything.keypoints[1::2] - (10, 5), atol=0.01)
    with pytest.raises(InputError, match=r"two.json has 4 frames, too few for 4 with stride 2"):
        make(two, stride=2)


def test_a_skeleton_video_has_no_joints_to_change(clip: WorldClip, tmp_path: Path) -> None:
    write_video(tmp_path / "skeleton.mp4", clip.skeletons(), 6.0)
    with pytest.raises(InputError, match="skeleton video, in which people and mirror cannot be changed"):
        make(tmp_path / "skeleton.mp4", people="1", mirror=True)


def test_people_are_found_once_for_a_part_of_a_video(clip: WorldClip, tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", np.repeat(np.repeat(clip.frames, 2, 1), 2, 2), 6.0)
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(tmp_path / "v.mp4", copy := tmp_path / "elsewhere" / "copy.mp4")
    engine = Engine("mini")

    def is_found_anew(path: Path, **settings: object) -> bool:
        values = {"frames": FRAMES, "stride": 1, "input_type": "raw", **settings}
        looked: list[Progress] = []
        engine.prepare(GenerationRequest(input=path, prompt="a robot", **values), Job(looked.append))
        return any(progress.phase == "pose" for progress in looked)

    assert is_found_anew(tmp_path / "v.mp4")
    for change in (
        {"mirror": True},
        {"pose_scale": 0.5, "smoothing": 2},
        {"fit": "contain", "aspect": "16:9"},
    ):
        assert not is_found_anew(copy, **change)
    assert is_found_anew(copy, frames=2)
    write_video(tmp_path / "v.mp4", np.repeat(np.repeat(clip.frames[::-1], 2, 1), 2, 2), 6.0)
    assert is_found_anew(tmp_path / "v.mp4"), "the file has another content"


def test_people_that_another_program_found_are_not_looked_for_again(
    clip: WorldClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FYP_POSE_CACHE", str(tmp_path / "cache"))
    write_video(tmp_path / "v.mp4", np.repeat(np.repeat(clip.frames, 2, 1), 2, 2), 6.0)
    first, second = (
        make(tmp_path / "v.mp4", input_type="raw") for _ in range(2)
    )  # each with a cache of its own
    assert first.seconds["pose"] > 0
    assert second.seconds["pose"] == 0
    np.testing.assert_array_equal(second.skeletons, first.skeletons)
