"""Skeleton videos drawn in another style are told from ours, and put right where there is no doubt."""

import colorsys
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from fyp_media.read_video import read_frames
from fyp_media.write_video import write_video
from pose_extraction.skeleton import LINKS, draw_skeleton
from pose_extraction.skeleton_style.style import DOTS, OPENPOSE, SWAPPED, WHITE, in_our_style
from tests.unit.pose_extraction.test_skeleton import PUBLISHED, standing

SIZE = 256


def ours(count: int = 3, size: int = SIZE) -> np.ndarray:
    return np.stack(
        [draw_skeleton(standing(size, size) + 4 * index, None, size, size) for index in range(count)]
    )


def rainbow() -> np.ndarray:
    """OpenPose's style: every link and joint has a hue of its own."""
    frame = np.zeros((SIZE, SIZE, 3), np.uint8)
    points = standing(SIZE, SIZE).round().astype(int).tolist()
    for index, (start, end) in enumerate(LINKS):
        color = [round(255 * value) for value in colorsys.hsv_to_rgb(index / len(LINKS), 1, 0.8)]
        cv2.line(frame, points[start], points[end], color, 4)
    return frame[None]


def dotted() -> np.ndarray:
    frames = ours(1)
    for x, y in standing(SIZE, SIZE).round().astype(int).tolist():
        cv2.circle(frames[0], (x, y), 5, (255, 153, 51), -1)
    return frames


@pytest.mark.parametrize("size", [128, 256, 512])
def test_our_own_drawing_passes_untouched(size):
    frames, notice = in_our_style(ours(size=size))
    assert notice == ""
    assert np.array_equal(frames, ours(size=size))


def test_swapped_colours_are_swapped_back():
    frames, notice = in_our_style(ours()[..., ::-1])
    assert notice == SWAPPED
    assert np.array_equal(frames, ours())


def test_colours_are_told_apart_after_compression(tmp_path):
    for name, frames in {"ours": ours(), "swapped": ours()[..., ::-1]}.items():
        write_video(tmp_path / f"{name}.mp4", frames, 10)
        read = np.stack(list(read_frames(tmp_path / f"{name}.mp4")))
        assert in_our_style(read)[1] == (SWAPPED if name == "swapped" else "")


@pytest.mark.parametrize(
    ("frames", "notice"),
    [(rainbow(), OPENPOSE), (np.where(ours().any(-1, keepdims=True), ours(), 255), WHITE), (dotted(), DOTS)],
    ids=["OpenPose", "white", "dots"],
)
def test_other_styles_are_named_and_left_alone(frames, notice):
    frames = frames.astype(np.uint8)
    passed, said = in_our_style(frames)
    assert said == notice
    assert passed is frames


def test_one_side_alone_is_not_enough_to_swap():
    right_arm = np.full((17, 2), np.nan)
    right_arm[[6, 8, 10]] = (100, 60), (60, 120), (40, 180)
    frames = draw_skeleton(right_arm, None, SIZE, SIZE)[None, ..., ::-1]
    assert in_our_style(frames)[1] != SWAPPED


@pytest.mark.parametrize("seed", range(3))
def test_ordinary_pictures_are_none_of_these(seed):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (2, 6, 6, 3)).astype(np.uint8)
    frames = np.stack([cv2.resize(frame, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC) for frame in coarse])
    assert in_our_style(frames)[1] == ""
    assert in_our_style(np.zeros((2, 64, 64, 3), np.uint8))[1] == ""


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published skeleton videos are not here")
@pytest.mark.parametrize("path", [PUBLISHED, Path(PUBLISHED).with_suffix(".mp4")], ids=["MOV", "mp4"])
def test_published_skeletons_are_in_our_style(path):
    frames = np.stack(list(islice(read_frames(path), 0, 60, 20)))
    assert in_our_style(frames)[1] == ""
    assert in_our_style(frames[..., ::-1])[1] == SWAPPED
