"""The drawing is the pose encoder's input format: colours, width, order and what is left out."""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from fyp_media.read_video import read_frames
from pose_extraction.skeleton import (
    KEYPOINT_NAMES,
    LEFT_COLOR,
    LINK_COLORS,
    LINKS,
    RIGHT_COLOR,
    TORSO_COLOR,
    draw_skeleton,
)

PUBLISHED = Path(__file__).parents[4] / "shared/real_videos/skeleton_one_person.MOV"

# One person facing the camera, as a share of the picture; arms and legs cross nothing.
STANDING = {
    "nose": (0.50, 0.20),
    "left_eye": (0.53, 0.17), "right_eye": (0.47, 0.17),
    "left_ear": (0.57, 0.19), "right_ear": (0.43, 0.19),
    "left_shoulder": (0.62, 0.32), "right_shoulder": (0.38, 0.32),
    "left_elbow": (0.72, 0.45), "right_elbow": (0.28, 0.45),
    "left_wrist": (0.84, 0.52), "right_wrist": (0.16, 0.40),
    "left_hip": (0.57, 0.57), "right_hip": (0.43, 0.57),
    "left_knee": (0.63, 0.75), "right_knee": (0.36, 0.75),
    "left_ankle": (0.66, 0.92), "right_ankle": (0.34, 0.93),
}  # fmt: skip
MIRRORED_NAMES = [
    name.replace("left", "?").replace("right", "left").replace("?", "right") for name in KEYPOINT_NAMES
]
SWAP_SIDES = [KEYPOINT_NAMES.index(name) for name in MIRRORED_NAMES]


def standing(height: int, width: int) -> np.ndarray:
    share = np.array([STANDING[name] for name in KEYPOINT_NAMES])
    return share * (width, height) - 0.5


def draw(keypoints, size=256, scores=None, **options):
    return draw_skeleton(keypoints, scores, size, size, **options)


def between(keypoints: np.ndarray, start: str, end: str) -> tuple[int, int]:
    """Row and column in the middle of a link."""
    x, y = (keypoints[KEYPOINT_NAMES.index(start)] + keypoints[KEYPOINT_NAMES.index(end)]) / 2
    return round(y), round(x)


@pytest.mark.parametrize(
    ("start", "end", "color"),
    [
        ("left_ankle", "left_knee", (0, 255, 0)),
        ("left_elbow", "left_wrist", (0, 255, 0)),
        ("right_knee", "right_hip", (0, 128, 255)),
        ("right_shoulder", "right_elbow", (0, 128, 255)),
        ("left_shoulder", "left_hip", (255, 153, 51)),
        ("left_hip", "right_hip", (255, 153, 51)),
        ("right_ear", "right_shoulder", (255, 153, 51)),
        ("left_eye", "right_eye", (255, 153, 51)),
    ],
)
def test_each_link_has_its_rgb_colour(start, end, color):
    keypoints = standing(512, 512)
    assert tuple(draw(keypoints, 512)[between(keypoints, start, end)]) == color


def test_topology_is_cocos_with_nineteen_links():
    assert len(KEYPOINT_NAMES) == 17
    assert len(LINKS) == len(set(map(frozenset, LINKS))) == len(LINK_COLORS) == 19
    for (start, end), color in zip(LINKS, LINK_COLORS, strict=True):
        names = {KEYPOINT_NAMES[start].split("_")[0], KEYPOINT_NAMES[end].split("_")[0]}
        limb = max(start, end) in range(7, 11) or max(start, end) >= 13
        assert color == ({"left": LEFT_COLOR, "right": RIGHT_COLOR}[names.pop()] if limb else TORSO_COLOR)


def test_only_lines_on_black():
    image = draw(standing(512, 512), 512)
    assert image.dtype == np.uint8
    assert image.shape == (512, 512, 3)
    colors, counts = np.unique(image.reshape(-1, 3), axis=0, return_counts=True)
    pure = [tuple(color) in {(0, 0, 0), LEFT_COLOR, RIGHT_COLOR, TORSO_COLOR} for color in colors]
    assert counts[pure].sum() / counts.sum() > 0.97, "the rest is the lines' smooth edge"
    assert not image[:70].any()


@pytest.mark.parametrize("size", [128, 256, 512, 1080])
@pytest.mark.parametrize("angle", [0, 0.4, np.pi / 4, 1.3, np.pi / 2])
def test_lines_are_1_2_percent_wide_at_every_size_and_angle(size, angle):
    keypoints = np.full((17, 2), np.nan)
    length = 0.8 * size
    direction = np.array([np.cos(angle), np.sin(angle)])
    keypoints[9] = size / 2 + 0.31 - direction * length / 2
    keypoints[7] = size / 2 + 0.31 + direction * length / 2
    image = draw(keypoints, size)
    width = image[..., 1].sum() / 255 / length
    assert width == pytest.approx(0.012 * size, rel=0.25)


def test_a_small_drawing_is_a_large_one_shrunk():
    large = cv2.resize(draw(standing(1024, 1024), 1024), (128, 128), interpolation=cv2.INTER_AREA)
    small = draw(standing(128, 128), 128)
    difference = np.abs(large.astype(float) - small)
    assert difference.mean() < 1.5
    assert difference.mean() < 0.2 * np.abs(large.astype(float) - np.roll(small, 3, axis=1)).mean()


def test_line_width_can_be_chosen():
    keypoints = standing(512, 512)
    thin, thick = (draw(keypoints, 512, line_width=width).any(axis=2).sum() for width in (3, 9))
    assert 2 < thick / thin < 3.2


def test_mirrored_keypoints_give_the_mirrored_drawing_with_sides_swapped():
    keypoints = standing(256, 256)
    mirrored = (255 - keypoints[:, 0], keypoints[:, 1])
    mirrored = np.stack(mirrored, axis=1)[SWAP_SIDES]
    expected = draw(keypoints)[:, ::-1]
    left, right = ((expected == color).all(axis=2) for color in (LEFT_COLOR, RIGHT_COLOR))
    actual = draw(mirrored)
    swapped_left, swapped_right = ((actual == color).all(axis=2) for color in (LEFT_COLOR, RIGHT_COLOR))
    assert (swapped_left ^ right).sum() < 0.1 * right.sum()
    assert (swapped_right ^ left).sum() < 0.1 * left.sum()
    assert np.abs((actual > 99).any(axis=2).astype(int) - (expected > 99).any(axis=2)).mean() < 0.003


def test_links_of_unsure_and_unknown_joints_are_left_out():
    keypoints = standing(256, 256)
    scores = np.ones(17)
    scores[KEYPOINT_NAMES.index("left_elbow")] = 0.29
    image = draw(keypoints, scores=scores)
    assert not image[between(keypoints, "left_shoulder", "left_elbow")].any()
    assert not image[between(keypoints, "left_elbow", "left_wrist")].any()
    assert image[between(keypoints, "left_shoulder", "left_hip")].any()
    scores[KEYPOINT_NAMES.index("left_elbow")] = 0.3
    assert np.array_equal(draw(keypoints, scores=scores), draw(keypoints))
    unknown = keypoints.copy()
    unknown[KEYPOINT_NAMES.index("left_elbow")] = np.nan
    assert np.array_equal(draw(unknown), image)


def test_several_people_and_nobody():
    left = standing(256, 256) * (0.5, 1)
    right = left + np.array([128, 0])
    both = draw(np.stack([left, right]), scores=np.ones((2, 17)))
    assert np.array_equal(both, np.maximum(draw(left), draw(right)))
    assert not draw(np.zeros((0, 17, 2)), scores=np.zeros((0, 17))).any()


def test_people_partly_and_far_outside_the_picture():
    image = draw(standing(256, 256) + np.array([128, 0]))
    inside = draw(standing(256, 256))[:, :128]
    assert np.abs(image[:, 128:].astype(int) - inside).mean() < 1
    assert not draw(standing(256, 256) + 1e9).any()


def test_arms_are_painted_over_the_torso():
    keypoints = standing(512, 512)
    keypoints[KEYPOINT_NAMES.index("left_wrist")] = 2 * keypoints[5] / 3 + keypoints[11] / 3 - (40, 0)
    keypoints[KEYPOINT_NAMES.index("left_elbow")] = 2 * keypoints[5] / 3 + keypoints[11] / 3 + (40, 0)
    assert tuple(draw(keypoints, 512)[between(keypoints, "left_elbow", "left_wrist")]) == LEFT_COLOR


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the published skeleton video is not here")
def test_colours_and_width_are_those_of_the_published_skeletons():
    frames = list(islice(read_frames(PUBLISHED), 0, 60, 20))
    ours = draw(standing(1080, 1080), 1080)
    palette = np.array([LEFT_COLOR, RIGHT_COLOR, TORSO_COLOR])
    for frame in frames:
        lit = frame[frame.max(axis=2) > 200].astype(int)
        nearest = np.abs(lit[:, None] - palette).max(axis=2)
        assert (nearest.min(axis=1) < 50).mean() > 0.95, "the rest is compressed edges"
        assert len(np.unique(nearest.argmin(axis=1))) == 3
        assert half_width(frame) == pytest.approx(half_width(ours), rel=0.06)


def half_width(image: np.ndarray) -> float:
    """Median distance from the middle of a line to its edge, in pixels."""
    distance = cv2.distanceTransform((image.max(axis=2) > 100).astype(np.uint8), cv2.DIST_L2, 5)
    ridge = (distance >= cv2.dilate(distance, np.ones((3, 3)))) & (distance > 3)
    return float(np.median(distance[ridge]))


def test_nobody_in_sight_gives_a_black_picture() -> None:
    image = draw_skeleton(np.zeros((17, 2)), np.zeros(17), 48, 64)
    assert image.shape == (48, 64, 3)
    assert not image.any()
