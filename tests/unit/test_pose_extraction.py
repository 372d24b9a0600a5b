"""A video of a person becomes a skeleton video without gaps or jitter, or one sentence and no file."""

import json
import os
from dataclasses import dataclass, field

import numpy as np
import pytest

from errors import InputError
from pose_extraction import estimator as estimators
from pose_extraction import extract
from pose_extraction.coco import to_coco
from pose_extraction.estimator import FramePoses, create_estimator
from pose_extraction.extract import extract_skeleton_frames, extract_skeleton_video
from pose_extraction.skeleton import KEYPOINT_NAMES, LINKS, draw_skeleton
from pose_extraction.temporal import LONGEST_GAP, fill_gaps, smooth
from video_io import probe, read_frames, write_video

HEIGHT, WIDTH = 64, 96


def person(x: float, y: float = 20, score: float = 0.9) -> FramePoses:
    """Somebody 40 pixels tall around (x, y)."""
    offsets = np.stack([np.linspace(-6, 6, 17), np.linspace(-20, 20, 17)], axis=1)
    return FramePoses(
        (offsets + np.array([x, y]))[None].astype(np.float32), np.full((1, 17), score, np.float32)
    )


def together(*people: FramePoses) -> FramePoses:
    return FramePoses(
        np.concatenate([one.keypoints for one in people]), np.concatenate([one.scores for one in people])
    )


def xs(poses: list[FramePoses]) -> list[float]:
    return [float(frame.keypoints[0, 8, 0]) for frame in poses]


@dataclass
class ScriptedEstimator:
    """Answers with given poses; None stands for a failure in that frame."""

    answers: list[FramePoses | None]
    name: str = "scripted"
    seen: list[tuple[int, ...]] = field(default_factory=list)

    def estimate(self, frames):
        for frame, answer in zip(frames, self.answers, strict=True):
            self.seen.append(frame.shape)
            if answer is None:
                raise RuntimeError("the estimator broke")
            yield answer


@pytest.fixture
def scripted(monkeypatch):
    """Let the package's estimator answer with given poses."""

    def install(answers: list[FramePoses | None]) -> ScriptedEstimator:
        estimator = ScriptedEstimator(answers)
        monkeypatch.setattr(extract, "create_estimator", lambda name: estimator)
        return estimator

    return install


@pytest.fixture
def video(tmp_path):
    """Ten frames at 12.5 a second, in a folder of their own."""
    path = tmp_path / "in" / "person.mp4"
    write_video(path, [np.full((HEIGHT, WIDTH, 3), 90, np.uint8)] * 10, 12.5)
    return path


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_a_person_missing_in_a_few_frames_is_interpolated():
    poses = [person(10), FramePoses.nobody(), FramePoses.nobody(), person(40)]
    assert xs(fill_gaps(poses)) == pytest.approx([10, 20, 30, 40])


def test_a_person_missing_at_either_end_is_held():
    nobody = FramePoses.nobody()
    assert xs(fill_gaps([nobody, person(10), person(20), nobody, nobody])) == pytest.approx(
        [10, 10, 20, 20, 20]
    )


def test_long_absences_stay_empty():
    absent = [FramePoses.nobody()] * (LONGEST_GAP + 1)
    filled = fill_gaps([*absent, person(10), *absent, person(20), *absent])
    assert [len(frame) for frame in filled] == [0] * 6 + [1] + [0] * 6 + [1] + [0] * 6
    assert [len(frame) for frame in fill_gaps(absent)] == [0] * 6
    assert fill_gaps([]) == []


def test_gaps_join_each_person_with_themselves():
    poses = [together(person(10), person(80)), FramePoses.nobody(), together(person(76), person(14))]
    assert fill_gaps(poses)[1].keypoints[:, 8, 0] == pytest.approx([12, 78])


def test_smoothing_calms_jitter():
    rng = np.random.default_rng(0)
    jittery = [
        FramePoses(person(30).keypoints + rng.normal(0, 0.2, (1, 17, 2)), person(30).scores)
        for _ in range(60)
    ]

    def tremble(poses):
        return np.diff([frame.keypoints for frame in poses], 2, axis=0).std()

    assert tremble(smooth(jittery)) < 0.65 * tremble(jittery)


def test_smoothing_neither_delays_nor_dampens_movement():
    steady = [person(10 + 3 * index) for index in range(10)]
    assert xs(smooth(steady)) == pytest.approx(xs(steady), abs=1e-3)
    waving = [person(30 + 20 * (index % 2)) for index in range(10)]
    assert xs(smooth(waving)) == pytest.approx(xs(waving), abs=0.1)
    step = [person(10)] * 5 + [person(40)] * 5
    assert xs(smooth(step)) == pytest.approx(xs(step), abs=0.1)


def test_smoothing_does_not_mix_people():
    poses = [
        together(person(10), person(80)),
        together(person(80), person(10)),
        together(person(10), person(80)),
    ]
    assert smooth(poses)[1].keypoints[:, 8, 0] == pytest.approx([80, 10], abs=1e-3)


def test_a_joint_unsure_for_one_frame_does_not_flicker():
    poses = [person(30, score=score) for score in (0.5, 0.5, 0.2, 0.5, 0.5)]
    assert min(frame.scores.min() for frame in smooth(poses)) > 0.3


def test_sampled_frames_become_skeletons_of_the_same_size(scripted):
    frames = np.zeros((4, HEIGHT, WIDTH, 3), np.uint8)
    scripted([person(20), FramePoses.nobody(), person(40), person(50)])
    progress = []
    skeletons, poses = extract_skeleton_frames(frames, progress=lambda *at: progress.append(at))
    assert skeletons.shape == frames.shape
    assert skeletons.dtype == np.uint8
    assert xs(poses) == pytest.approx([20, 30, 40, 50], abs=0.1)
    for skeleton, pose in zip(skeletons, poses, strict=True):
        assert np.array_equal(skeleton, draw_skeleton(pose.keypoints, pose.scores, HEIGHT, WIDTH))
    assert progress == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_skeleton_video_has_the_sources_size_rate_and_length(scripted, video, out):
    estimator = scripted([person(20 + 5 * index) for index in range(9)] + [FramePoses.nobody()])
    progress = []
    result = extract_skeleton_video(
        video, out / "s.mp4", keypoints=out / "k.json", progress=lambda *at: progress.append(at)
    )
    info = probe(out / "s.mp4")
    assert (info.width, info.height, info.fps, info.frame_count) == (WIDTH, HEIGHT, 12.5, 10)
    assert estimator.seen == [(HEIGHT, WIDTH, 3)] * 10
    assert progress[-1] == (10, 10)
    assert (result.person_share, result.estimator, len(result.poses)) == (0.9, "scripted", 10)
    assert set(result.seconds) == {"decode", "estimate", "write"}
    written = list(read_frames(out / "s.mp4"))
    for frame, pose in zip(written, result.poses, strict=True):
        drawn = draw_skeleton(pose.keypoints, pose.scores, HEIGHT, WIDTH)
        assert np.abs(frame.astype(int) - drawn).mean() < 3
    document = json.loads((out / "k.json").read_text())
    assert document["info"] == {
        "fps": 12.5, "width": WIDTH, "height": HEIGHT, "frames": 10, "estimator": "scripted"
    }  # fmt: skip
    assert len(document["annotations"]) == len(document["images"]) == 10


def test_keypoints_are_written_as_coco_does():
    poses = [together(person(10), person(30)), FramePoses.nobody(), person(20, score=0.5)]
    document = json.loads(json.dumps(to_coco(poses, HEIGHT, WIDTH, 24.0, "scripted")))
    (category,) = document["categories"]
    assert category["keypoints"] == list(KEYPOINT_NAMES)
    assert [[start - 1, end - 1] for start, end in category["skeleton"]] == [list(link) for link in LINKS]
    assert [annotation["image_id"] for annotation in document["annotations"]] == [0, 0, 2]
    last = document["annotations"][-1]
    points = np.array(last["keypoints"]).reshape(17, 3)
    assert points[:, :2] == pytest.approx(poses[2].keypoints[0], abs=0.01)
    assert points[:, 2] == pytest.approx(0.5)
    assert last["score"] == pytest.approx(0.5)


def test_a_video_without_a_person_is_refused_and_leaves_nothing(scripted, video, out):
    scripted([FramePoses.nobody()] * 10)
    with pytest.raises(InputError, match=r"in 0 of 10 frames of person\.mp4"):
        extract_skeleton_video(video, out / "s.mp4", keypoints=out / "k.json")
    assert os.listdir(out) == []
    scripted([FramePoses.nobody()] * 8)
    with pytest.raises(InputError, match="in 0 of 8 frames"):
        extract_skeleton_frames(np.zeros((8, HEIGHT, WIDTH, 3), np.uint8))


def test_a_single_false_find_in_a_long_video_is_not_a_person(scripted):
    scripted([person(20)] + [FramePoses.nobody()] * 20)
    with pytest.raises(InputError, match="in 1 of 21 frames"):
        extract_skeleton_frames(np.zeros((21, HEIGHT, WIDTH, 3), np.uint8))


def test_a_failure_midway_leaves_older_results_alone(scripted, video, out):
    (out / "s.mp4").write_bytes(b"older")
    scripted([person(20)] * 5 + [None] * 5)
    with pytest.raises(RuntimeError, match="the estimator broke"):
        extract_skeleton_video(video, out / "s.mp4", keypoints=out / "k.json")
    assert os.listdir(out) == ["s.mp4"]
    assert (out / "s.mp4").read_bytes() == b"older"


@pytest.mark.parametrize(
    ("target", "keypoints", "sentence"),
    [
        ("s.txt", None, r"end in \.mp4"),
        ("in/person.mp4", None, "overwrite its own source"),
        ("in/person.mp4/s.mp4", None, "Cannot write"),
        ("s.mp4", "in/person.mp4/k.json", "Cannot write"),
    ],
)
def test_impossible_targets_are_refused_before_any_work(
    scripted, video, tmp_path, target, keypoints, sentence
):
    estimator = scripted([person(20)] * 10)
    content = video.read_bytes()
    with pytest.raises(InputError, match=sentence):
        extract_skeleton_video(video, tmp_path / target, keypoints=keypoints and tmp_path / keypoints)
    assert estimator.seen == []
    assert video.read_bytes() == content
    assert os.listdir(tmp_path) == ["in"]


def test_estimators_by_name(monkeypatch):
    def not_installed():
        raise ImportError("No module named 'torchpose'")

    monkeypatch.setattr(estimators, "_ESTIMATORS", {"mediapipe": not_installed})
    for name in ("mediapipe", "auto"):
        with pytest.raises(InputError, match="torchpose"):
            create_estimator(name)
    with pytest.raises(InputError, match="no estimator 'openpose'; choose one of auto, mediapipe"):
        create_estimator("openpose")


def test_auto_takes_the_best_that_is_installed(monkeypatch):
    def not_installed():
        raise ImportError

    second = ScriptedEstimator([])
    monkeypatch.setattr(estimators, "_ESTIMATORS", {"best": not_installed, "second": lambda: second})
    assert create_estimator("auto") is second
