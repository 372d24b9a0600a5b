"""Skeleton videos drawn in another style are distinguished from ours, and converted where that is unambiguous."""

import colorsys
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from fyp_core.synthetic import sample_clip
from fyp_media.errors import InputError
from fyp_media.read_video import read_frames
from fyp_media.write_video import write_video
from pose_extraction.skeleton import LINKS, draw_skeleton
from pose_extraction.skeleton_style import in_our_style, kind_of, recognise_style
from pose_extraction.skeleton_style.style import BACKGROUND, BLANK, DOTS, ONE_COLOUR, OTHER, RAW, SWAPPED
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


def test_colours_are_distinguished_after_compression(tmp_path):
    for name, frames in {"ours": ours(), "swapped": ours()[..., ::-1]}.items():
        write_video(tmp_path / f"{name}.mp4", frames, 10)
        read = np.stack(list(read_frames(tmp_path / f"{name}.mp4")))
        assert in_our_style(read)[1] == (SWAPPED if name == "swapped" else "")


def test_dots_are_reported_and_not_changed():
    frames = dotted()
    passed, notice = in_our_style(frames)
    assert notice == DOTS
    assert passed is frames


def compressed(frames: np.ndarray, quality: int) -> np.ndarray:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return np.stack(
        [cv2.imdecode(cv2.imencode(".jpg", frame, options)[1], cv2.IMREAD_COLOR) for frame in frames]
    )


@pytest.mark.parametrize("brightness", [1, 0.5])
@pytest.mark.parametrize("quality", [5, 12, 30])
def test_compression_noise_is_no_dots(quality, brightness):
    frames = (ours(size=512) * brightness).astype(np.uint8)
    assert in_our_style(compressed(frames, quality))[1] == ""


def on(color: tuple[int, int, int], frames: np.ndarray) -> np.ndarray:
    """Lines with soft edges before another background."""
    cover = frames.max(axis=-1, keepdims=True) / 255
    return (frames + (1 - cover) * np.array(color)).clip(0, 255).astype(np.uint8)


def scene() -> np.ndarray:
    rng = np.random.default_rng(0)
    options = {"character": "man", "scene": "park", "motion": "wave", "style": ""}
    return sample_clip(rng, 3, 2 * SIZE, split="all", **options).frames


def is_near(frames: np.ndarray, expected: np.ndarray, tolerance: float = 0.06) -> bool:
    """Whether lines of the same colours are at the same places: share of the lines' pixels that differ much."""
    differing = (np.abs(frames.astype(int) - expected).max(axis=-1) > 128).sum()
    return bool(differing < tolerance * (expected.max(axis=-1) > 128).sum())


@pytest.mark.parametrize("color", [(255, 255, 255), (40, 40, 40), (200, 200, 200), (0, 90, 0), (90, 0, 90)])
def test_backgrounds_of_one_colour_are_removed(color):
    frames, notice = in_our_style(on(color, ours(size=512)))
    assert notice == BACKGROUND
    assert is_near(frames, ours(size=512))
    assert np.array_equal(frames[0, 0, 0], [0, 0, 0])


def test_a_background_is_removed_where_red_and_blue_are_swapped_too():
    frames, notice = in_our_style(on((255, 255, 255), ours(size=512))[..., ::-1])
    assert notice == f"{SWAPPED} {BACKGROUND}"
    assert is_near(frames, ours(size=512))
    assert np.array_equal(frames[0, 0, 0], [0, 0, 0])


def test_a_picture_behind_our_lines_is_removed(tmp_path):
    write_video(
        tmp_path / "overlay.mp4", np.where(ours(size=512).any(-1, keepdims=True), ours(size=512), scene()), 10
    )
    frames = np.stack(list(read_frames(tmp_path / "overlay.mp4")))
    assert kind_of(frames) == "skeleton"
    clean, notice = in_our_style(frames)
    assert notice == BACKGROUND
    assert is_near(clean, ours(size=512), 0.15)
    assert ((clean > 0).any(-1) & ~(ours(size=512) > 0).any(-1)).mean() < 0.01


@pytest.mark.parametrize("paleness", [0.3, 0.6, 0.75])
def test_pale_and_dark_colours_become_ours(paleness):
    lines = ours()
    pale = lines + (lines.max(axis=-1, keepdims=True) - lines.astype(float)) * paleness
    for frames in (pale.round().astype(np.uint8), lines // 4):
        clean, notice = in_our_style(frames)
        assert notice == ""
        assert is_near(clean, lines)


def white(frames: np.ndarray) -> np.ndarray:
    return np.repeat(frames.max(axis=-1, keepdims=True), 3, axis=-1)


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        (np.zeros((3, SIZE, SIZE, 3), np.uint8), BLANK),
        (scene(), RAW),
        (scene() // 6, RAW),
        (white(ours()), ONE_COLOUR),
        (255 - white(ours()), ONE_COLOUR),
        ((white(ours()) * np.array([0, 1, 0])).astype(np.uint8), ONE_COLOUR),
        ((white(ours()) * np.array([1, 0, 1])).astype(np.uint8), ONE_COLOUR),
        (rainbow(), OTHER),
    ],
    ids=[
        "nothing",
        "raw",
        "dark",
        "white lines",
        "black lines",
        "green lines",
        "purple lines",
        "unknown colours",
    ],
)
def test_what_cannot_be_read_is_refused(frames, sentence):
    with pytest.raises(InputError) as refused:
        in_our_style(frames)
    assert str(refused.value) == sentence


def test_a_body_all_in_the_green_of_a_limb_is_refused_after_compression(tmp_path):
    green = (white(ours(size=512)) * np.array([0, 1, 0])).astype(np.uint8)
    write_video(tmp_path / "green.mp4", green, 10)
    with pytest.raises(InputError) as refused:
        in_our_style(np.stack(list(read_frames(tmp_path / "green.mp4"))))
    assert str(refused.value) == ONE_COLOUR


def test_frames_without_a_skeleton_are_left_out_of_the_judgement():
    frames = np.concatenate([np.zeros((30, SIZE, SIZE, 3), np.uint8), ours(2)])
    passed, notice = in_our_style(frames)
    assert notice == ""
    assert passed is frames


def test_frames_are_put_right_one_by_one():
    style = recognise_style(on((255, 255, 255), ours()))
    assert style.to_ours is not None
    assert is_near(style.to_ours(on((255, 255, 255), ours())[1]), ours()[1])


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
    with pytest.raises(InputError, match="no skeleton video"):
        in_our_style(frames)


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published skeleton videos are not here")
@pytest.mark.parametrize("path", [PUBLISHED, Path(PUBLISHED).with_suffix(".mp4")], ids=["MOV", "mp4"])
def test_published_skeletons_are_in_our_style(path):
    frames = np.stack(list(islice(read_frames(path), 0, 60, 20)))
    assert in_our_style(frames)[1] == ""
    assert in_our_style(frames[..., ::-1])[1] == SWAPPED
