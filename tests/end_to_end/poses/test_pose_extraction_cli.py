"""``python -m pose_extraction`` as a user runs it, with MediaPipe on a rendered person."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest

from fyp_core.synthetic import WorldClip, sample_clip
from fyp_media.read_video import probe
from fyp_media.write_video import write_video
from pose_extraction.estimators.factory import choose_estimator
from pose_extraction.keypoint_files.files import write_motion
from pose_extraction.motion.motion import Motion
from pose_extraction.skeleton import KEYPOINT_NAMES

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[3]
SIZE, FRAMES = 256, 12


def start(*arguments: object, stderr: int = subprocess.PIPE, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pose_extraction", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=REPOSITORY, text=True, stdout=subprocess.PIPE, stderr=stderr, preexec_fn=_heed_interrupts,
        env=os.environ | variables,
    )  # fmt: skip


def _heed_interrupts() -> None:
    """A shell's background jobs, and what they start, ignore Ctrl-C: the tests may be one."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def run(*arguments: object) -> tuple[int, str, str]:
    process = start(*arguments)
    stdout, stderr = process.communicate(timeout=120)
    return process.returncode, stdout, stderr


@pytest.fixture(scope="module")
def clip() -> WorldClip:
    return sample_clip(
        np.random.default_rng(4),  # of a figure that MediaPipe sees well
        FRAMES,
        SIZE,
        split="all",
        character="man",
        scene="park",
        motion="wave",
        style="",
        height_share=(0.7, 0.9),
    )


@pytest.fixture(scope="module")
def video(clip, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("raw") / "man waving.mp4"
    write_video(path, clip.frames, 12)
    return path


def test_a_person_is_followed_and_drawn(clip, video, tmp_path):
    status, stdout, stderr = run(
        video,
        "-o",
        tmp_path / "s.mp4",
        "--keypoints",
        tmp_path / "k.json",
        "--estimator",
        "mediapipe",
        "--json",
    )
    assert (status, stderr) == (0, "")
    result = json.loads(stdout.splitlines()[-1])
    assert result["output"] == str(tmp_path / "s.mp4")
    assert (result["frames"], result["width"], result["height"], result["fps"]) == (FRAMES, SIZE, SIZE, 12)
    assert (result["estimator"], result["estimator_why"]) == ("mediapipe", "it was asked for")
    assert result["person_share"] > 0.8
    assert (result["people"], result["people_found"]) == (1, 1)
    assert set(result["seconds"]) == {"decode", "estimate", "write"}
    info = probe(tmp_path / "s.mp4")
    assert (info.frame_count, info.width, info.height, info.fps) == (FRAMES, SIZE, SIZE, 12)

    annotations = json.loads((tmp_path / "k.json").read_text())["annotations"]
    found = np.array([annotation["keypoints"] for annotation in annotations]).reshape(FRAMES, 17, 3)[..., :2]
    height = np.ptp(clip.keypoints[..., 1])
    limbs = slice(5, 17)
    near = np.linalg.norm(found - clip.keypoints[:, 0], axis=-1)[:, limbs] < 0.1 * height
    assert near[clip.scores[:, 0, limbs] > 0.5].mean() > 0.85, "left and right must not be swapped either"


def test_without_json_one_readable_line_is_printed(video, tmp_path):
    status, stdout, stderr = run(video, "-o", tmp_path / "s.mp4")
    assert (status, stderr) == (0, "")
    assert f"{FRAMES} frames of {SIZE}x{SIZE} at 12 a second" in stdout
    assert re.search(r"found by \w+ \(it .*\)", stdout), "who found them, and why that one"
    assert stdout.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "There is no file"), (b"", "is empty"), (b"plain text " * 99, "is not a video")],
    ids=["missing", "empty", "text"],
)
def test_unreadable_input_is_one_sentence_and_status_2(tmp_path, content, sentence):
    source = tmp_path / "v.mp4"
    if content is not None:
        source.write_bytes(content)
    before = os.listdir(tmp_path)
    status, stdout, stderr = run(source, "-o", tmp_path / "s.mp4", "--json")
    assert (status, stdout) == (2, "")
    assert sentence in stderr
    assert stderr.count("\n") == 1
    assert os.listdir(tmp_path) == before


def test_a_video_without_a_person_is_one_sentence_and_status_2(tmp_path):
    landscape = np.zeros((64, 96, 3), np.uint8)
    landscape[32:] = (40, 120, 40)
    write_video(tmp_path / "empty field.mp4", [landscape] * 4, 10)
    status, stdout, stderr = run(tmp_path / "empty field.mp4", "-o", tmp_path / "s.mp4", "--json")
    assert (status, stdout) == (2, "")
    assert "A person is seen in 0 of 4 frames of empty field.mp4" in stderr
    assert stderr.count("\n") == 1
    assert os.listdir(tmp_path) == ["empty field.mp4"]


def test_ctrl_c_in_a_terminal_leaves_nothing(clip, tmp_path):
    write_video(tmp_path / "long.mp4", np.tile(clip.frames, (50, 1, 1, 1)), 24)
    screen, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 100))
    process = start(tmp_path / "long.mp4", "-o", tmp_path / "out" / "s.mp4", stderr=terminal)
    os.close(terminal)
    shown = b""
    while not re.search(rb"\b[1-9]\d*/600\b", shown):
        shown += os.read(screen, 4096)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert b"Traceback" not in shown
    assert os.listdir(tmp_path) == ["long.mp4"]


def test_mirrored_views_of_frames_swap_the_sides(clip):
    """Cropped and flipped arrays are no copies; an editor's mirror effect makes left right."""
    estimator = choose_estimator("mediapipe")[0]
    (plain,) = estimator.estimate(clip.frames[:1])
    (mirrored,) = estimator.estimate(clip.frames[:1, :, ::-1])
    left, right = KEYPOINT_NAMES.index("left_wrist"), KEYPOINT_NAMES.index("right_wrist")
    expected = plain.keypoints[0, left] * (-1, 1) + (SIZE - 1, 0)
    assert np.linalg.norm(mirrored.keypoints[0, right] - expected) < 0.08 * SIZE


def test_a_person_twice_the_size_has_the_same_pose(clip):
    estimator = choose_estimator("mediapipe")[0]
    (plain,) = estimator.estimate(clip.frames[:1])
    (large,) = estimator.estimate(clip.frames[:1].repeat(2, axis=1).repeat(2, axis=2))
    difference = np.linalg.norm(large.keypoints - (2 * plain.keypoints + 0.5), axis=-1)
    assert difference.max() < 0.03 * 2 * SIZE


def test_keypoints_are_edited_and_drawn(clip, tmp_path):
    frames = clip.keypoints, clip.scores
    write_motion(Motion(*frames, SIZE, SIZE, 12.0), tmp_path / "k.json")
    target = tmp_path / "child.mp4"
    status, stdout, stderr = run(
        "edit", tmp_path / "k.json", "-o", target, "--retarget", "child", "--speed", "0.5"
    )
    assert (status, stderr) == (0, "")
    assert f"{2 * FRAMES} frames" in stdout
    assert probe(target).frame_count == 2 * FRAMES
    status, stdout, stderr = run("edit", tmp_path / "k.json", "-o", target, "--retarget", "tail=2")
    assert (status, stdout) == (2, "")
    assert "no limb 'tail'" in stderr


def test_a_cut_to_another_place_loses_no_frame(clip):
    wide = np.zeros((6, SIZE, 3 * SIZE, 3), np.uint8)
    wide[:3, :, :SIZE] = clip.frames[:3]
    wide[3:, :, 2 * SIZE :] = clip.frames[3:6]
    poses = list(choose_estimator("mediapipe")[0].estimate(wide))
    assert [len(frame) for frame in poses] == [1] * 6
    assert poses[2].keypoints[..., 0].max() < SIZE
    assert poses[3].keypoints[..., 0].min() > 2 * SIZE - 20


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_any_terminal_shows_names_in_any_script(clip, tmp_path, encoding):
    frames = clip.keypoints, clip.scores
    write_motion(Motion(*frames, SIZE, SIZE, 12.0), tmp_path / "k.json")
    target = tmp_path / "踊り 🕺.mp4"
    process = start(tmp_path / "k.json", "-o", target, PYTHONIOENCODING=encoding)
    stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stderr) == (0, "")
    assert f"{FRAMES} frames" in stdout
    assert probe(target).frame_count == FRAMES
