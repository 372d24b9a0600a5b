"""Skeleton videos are distinguished from videos of people."""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from fyp_core.synthetic import sample_clip
from fyp_media.read_video import read_frames
from pose_extraction.skeleton import draw_skeleton
from pose_extraction.skeleton_style import kind_of, kind_of_stream
from tests.unit.pose_extraction.test_skeleton import PUBLISHED, standing

SIZE = 256
EXAMPLES = Path(__file__).parents[3] / "pose_example"


def drawn(size: int = SIZE, scale: float = 1.0, **options) -> np.ndarray:
    keypoints = standing(size, size) * scale + (1 - scale) * size / 2
    return draw_skeleton(keypoints, None, size, size, **options)[None]


def person(size: int = SIZE) -> np.ndarray:
    clip = sample_clip(
        np.random.default_rng(0), 2, size, split="all", character="man", scene="park", motion="wave", style=""
    )
    return clip.frames


def on(color: tuple[int, int, int], frames: np.ndarray) -> np.ndarray:
    return np.where(frames.any(-1, keepdims=True), frames, np.array(color)).astype(np.uint8)


@pytest.mark.parametrize(
    "frames",
    [
        drawn(),
        drawn(scale=0.3),
        drawn(line_width=2),
        drawn(line_width=9),
        drawn(64),
        drawn(1080),
        drawn()[..., ::-1],
        np.where(drawn().any(-1, keepdims=True), 255, drawn()).astype(np.uint8),
        on((255, 255, 255), drawn()),
        on((40, 40, 40), drawn()),
        drawn() // 4,
        np.zeros((3, SIZE, SIZE, 3), np.uint8),
        np.concatenate([np.zeros((9, SIZE, SIZE, 3), np.uint8), drawn()]),
    ],
    ids=["ours", "small", "thin", "wide", "64 pixels", "1080 pixels", "swapped", "white lines", "on white", "on grey",
         "dim", "nothing", "first nothing"],
)  # fmt: skip
def test_lines_on_one_colour_are_a_skeleton(frames):
    assert kind_of(frames) == "skeleton"


def test_lines_are_a_skeleton_after_strong_compression():
    quality = [cv2.IMWRITE_JPEG_QUALITY, 8]
    frames = [cv2.imdecode(cv2.imencode(".jpg", frame, quality)[1], cv2.IMREAD_COLOR) for frame in drawn(512)]
    assert kind_of(np.stack(frames)) == "skeleton"


def silhouette() -> np.ndarray:
    frame = np.zeros((SIZE, SIZE, 3), np.uint8)
    cv2.ellipse(frame, (128, 140), (30, 90), 0, 0, 360, (90, 70, 60), -1)
    cv2.circle(frame, (128, 40), 20, (120, 100, 90), -1)
    return frame[None]


@pytest.mark.parametrize(
    "frames",
    [
        person(),
        person() // 8,
        silhouette(),
        255 - silhouette(),
        np.random.default_rng(0).normal(20, 8, (2, SIZE, SIZE, 3)).clip(0, 255).astype(np.uint8),
        np.concatenate([np.zeros((9, SIZE, SIZE, 3), np.uint8), person()]),
    ],
    ids=["drawn person", "dark", "before black", "before white", "dark noise", "fade-in"],
)
def test_people_and_pictures_are_raw(frames):
    assert kind_of(frames) == "raw"


def test_of_people_half_of_the_frames_are_read_and_of_a_skeleton_all():
    nothing = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    for frames, kind, read in (
        ([*nothing, *person()], "raw", 6),
        ([*person()], "raw", 5),
        ([*drawn()], "skeleton", 8),
        ([*person()] * 2 + [*drawn()], "skeleton", 8),
    ):
        chosen = [frames[min(index, len(frames) - 1)] for index in range(8)]
        stream = iter(chosen)
        assert kind_of_stream(stream, 8) == kind == kind_of(np.stack(chosen))
        assert 8 - len(list(stream)) == read


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.mp4")), ids=lambda path: path.stem)
def test_the_examples_are_what_their_names_say(path):
    assert kind_of(np.stack(list(islice(read_frames(path), 0, 72, 24)))) == path.stem.split("_")[0]


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published videos are not here")
@pytest.mark.parametrize(
    "name", ["raw_basketball_60fps.mp4", "raw_man_skiing.mp4", "skeleton_one_person.mp4"]
)
def test_the_published_videos_are_what_their_names_say(name):
    frames = islice(read_frames(PUBLISHED.with_name(name)), 0, 60, 20)
    assert kind_of(np.stack(list(frames))) == name.split("_")[0]
