"""A video of a person becomes a skeleton video without gaps or jitter, or one sentence and no file."""

import json
import os
from dataclasses import dataclass, field
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from fyp_media.errors import InputError
from fyp_media.read_video import probe, read_frames
from fyp_media.write_video import write_video
from pose_extraction import extract
from pose_extraction.extract import extract_skeleton_video, find_people
from pose_extraction.motion.motion import Motion
from pose_extraction.poses import FramePoses
from pose_extraction.skeleton import draw_skeleton

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


def xs(motion: Motion) -> list[float]:
    return motion.keypoints[:, 0, 8, 0].tolist()


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

    def install(answers):
        estimator = ScriptedEstimator(answers) if isinstance(answers, list) else answers
        monkeypatch.setattr(extract, "choose_estimator", lambda *_: (estimator, "it was asked for"))
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


def test_sampled_frames_become_skeletons_of_the_same_size(scripted):
    frames = np.zeros((4, HEIGHT, WIDTH, 3), np.uint8)
    scripted([person(20), FramePoses.nobody(), person(40), person(50)])
    progress = []
    result = find_people(iter(frames), 4, progress=lambda *at: progress.append(at))
    motion = result.followed()
    drawn = np.stack(list(motion.draw()))
    assert drawn.shape == frames.shape
    assert drawn.dtype == np.uint8
    assert (result.estimator, result.why) == ("scripted", "it was asked for")
    assert xs(motion) == pytest.approx([20, 30, 40, 50], abs=1)
    for skeleton, *pose in zip(drawn, motion.keypoints, motion.scores, strict=True):
        assert np.array_equal(skeleton, draw_skeleton(*pose, HEIGHT, WIDTH))
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
    assert (result.person_share, result.estimator, len(result.motion)) == (0.9, "scripted", 10)
    assert set(result.seconds) == {"decode", "estimate", "write"}
    written = list(read_frames(out / "s.mp4"))
    for frame, drawn in zip(written, result.motion.draw(), strict=True):
        assert np.abs(frame.astype(int) - drawn).mean() < 3
    document = json.loads((out / "k.json").read_text())
    assert document["info"] == {
        "fps": 12.5, "width": WIDTH, "height": HEIGHT, "frames": 10, "estimator": "scripted"
    }  # fmt: skip
    assert len(document["annotations"]) == len(document["images"]) == 10


def test_the_overlay_shows_the_skeleton_over_the_source(scripted, video, out):
    scripted([person(20 + 5 * index) for index in range(10)])
    result = extract_skeleton_video(video, out / "s.mp4", overlay=out / "o.mp4")
    assert probe(out / "o.mp4").fps == 12.5
    for shown, skeleton in zip(read_frames(out / "o.mp4"), result.motion.draw(), strict=True):
        lines = skeleton.max(axis=-1)
        assert np.abs(shown[cv2.dilate(lines, np.ones((9, 9))) == 0] - 90.0).mean() < 3
        brightest = lines > 200
        assert brightest.any()
        assert np.abs(shown[brightest].mean(axis=0) - skeleton[brightest].mean(axis=0)).max() < 40
    with pytest.raises(InputError, match="another result"):
        extract_skeleton_video(video, out / "s.mp4", overlay=out / "s.mp4")


def test_a_video_seen_before_needs_no_estimator(scripted, video, out, monkeypatch):
    monkeypatch.setenv("FYP_POSE_CACHE", str(out / "cache"))
    scripted([person(20)] * 10)
    first = extract_skeleton_video(video, out / "s.mp4")
    monkeypatch.setattr(extract, "choose_estimator", lambda *_: pytest.fail("it was loaded"))
    second = extract_skeleton_video(video, out / "t.mp4", keypoints=out / "k.json")
    np.testing.assert_array_equal(second.motion.keypoints, first.motion.keypoints)
    assert (second.estimator, second.why, second.person_share) == ("scripted", "it was asked for", 1)
    assert json.loads((out / "k.json").read_text())["info"]["estimator"] == "scripted"


def test_a_target_rate_is_kept_in_time(scripted, video, out):
    """Ten frames at 12.5 a second last 0.8 s: five at 6.25."""
    scripted([person(20 + 5 * index) for index in range(5)])
    result = extract_skeleton_video(video, out / "s.mp4", fps=6.25)
    assert (len(result.motion), result.motion.fps) == (5, 6.25)
    assert probe(out / "s.mp4").duration == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("fps", [float("nan"), float("inf"), -1, 0])
def test_impossible_rates_are_refused_before_an_estimator_is_loaded(monkeypatch, video, out, fps):
    monkeypatch.setattr(extract, "choose_estimator", lambda *_: pytest.fail("it was loaded"))
    with pytest.raises(InputError, match=f"The frame rate is {fps:g}"):
        extract_skeleton_video(video, out / "s.mp4", fps=fps)


def test_unequally_long_frames_keep_their_time(scripted, tmp_path, out):
    """Ten frames in the first half second, ten in the second and a half after it."""
    times = np.concatenate([np.arange(10) * 0.05, 0.5 + np.arange(10) * 0.15])
    with av.open(str(tmp_path / "v.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for index, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(np.full((HEIGHT, WIDTH, 3), 10 * index, np.uint8), "rgb24")
            frame.pts, frame.time_base = round(1000 * time), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())

    class Brightness:
        name = "brightness"

        def estimate(self, frames):
            for frame in frames:
                yield person(round(frame.mean() / 10))

    scripted(Brightness())
    result = extract_skeleton_video(tmp_path / "v.mkv", out / "s.mp4", smoothing=0)
    assert probe(out / "s.mp4").duration == pytest.approx(1.9, abs=0.1)
    shown = result.motion.keypoints[:, 0].mean(axis=1)[:, 0].round()
    expected = np.searchsorted(times, np.arange(len(shown)) / result.motion.fps, side="right") - 1
    assert np.abs(shown - expected).max() <= 1


def test_one_of_several_people_is_drawn_on_request(scripted, video, out):
    scripted([together(person(10), person(80))] * 10)
    result = extract_skeleton_video(video, out / "s.mp4", people="2")
    assert result.people == 2
    assert xs(result.motion) == pytest.approx([80] * 10, abs=1)
    with pytest.raises(InputError, match="number from 1 to 2"):
        extract_skeleton_video(video, out / "none.mp4", people="3")
    assert os.listdir(out) == ["s.mp4"]


def test_a_video_without_a_person_is_refused_and_leaves_nothing(scripted, video, out):
    scripted([FramePoses.nobody()] * 10)
    with pytest.raises(InputError, match=r"in 0 of 10 frames of person\.mp4"):
        extract_skeleton_video(video, out / "s.mp4", keypoints=out / "k.json")
    assert os.listdir(out) == []
    scripted([FramePoses.nobody()] * 8)
    with pytest.raises(InputError, match="in 0 of 8 frames"):
        find_people(np.zeros((8, HEIGHT, WIDTH, 3), np.uint8), 8)


def test_a_single_false_find_in_a_long_video_is_not_a_person(scripted):
    scripted([person(20)] + [FramePoses.nobody()] * 20)
    with pytest.raises(InputError, match="in 1 of 21 frames"):
        find_people(np.zeros((21, HEIGHT, WIDTH, 3), np.uint8), 21)


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
        ("s.mp4", "k.txt", r"end in \.json"),
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
