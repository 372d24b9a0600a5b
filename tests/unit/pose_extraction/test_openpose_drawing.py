"""Skeletons in OpenPose's colours are read by their joints and redrawn in our style."""

import colorsys

import cv2
import numpy as np
import pytest

from fyp_media.errors import InputError
from fyp_media.read_video import read_frames
from fyp_media.write_video import write_video
from pose_extraction.skeleton import draw_skeleton
from pose_extraction.skeleton_style import in_our_style
from pose_extraction.skeleton_style.openpose_drawing import read_people
from pose_extraction.skeleton_style.style import OPENPOSE
from tests.unit.pose_extraction.test_skeleton import standing

SIZE = 512
# Where OpenPose's joints are among COCO's; the neck is in the middle of the shoulders.
ORDER = [0, 5, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3]
LINKS = [(2, 3), (2, 6), (3, 4), (4, 5), (6, 7), (7, 8), (2, 9), (9, 10), (10, 11), (2, 12), (12, 13), (13, 14),
         (2, 1), (1, 15), (15, 17), (1, 16), (16, 18)]  # fmt: skip
COLORS = [[round(255 * value) for value in colorsys.hsv_to_rgb(index / 18, 1, 1)] for index in range(18)]


def openpose_joints(coco: np.ndarray) -> np.ndarray:
    joints = coco[ORDER]
    joints[1] = (coco[5] + coco[6]) / 2
    return joints


def draw(*people: np.ndarray, hands: bool = False) -> np.ndarray:
    """Links as flat ellipses at 0.6 of their colour, joints as dots, as ControlNet's annotators draw them."""
    frame = np.zeros((SIZE, SIZE, 3), np.uint8)
    for joints in map(openpose_joints, people):
        for color, (start, end) in zip(COLORS, LINKS):
            ends = joints[[start - 1, end - 1]]
            middle = ends.mean(axis=0).round().astype(int).tolist()
            x, y = ends[1] - ends[0]
            axes = round(np.hypot(x, y) / 2), 4
            outline = cv2.ellipse2Poly(middle, axes, round(np.degrees(np.arctan2(y, x))), 0, 360, 1)
            cv2.fillConvexPoly(frame, outline, [0.6 * value for value in color])
        for color, joint in zip(COLORS, joints.round().astype(int).tolist()):
            cv2.circle(frame, joint, 4, color, -1)
    if hands:  # DWPose's: rainbow lines with blue dots, and white dots of a face
        rng = np.random.default_rng(0)
        for wrist in people[0][[9, 10]]:
            for x, y in (wrist + rng.uniform(-14, 14, (21, 2))).round().astype(int).tolist():
                cv2.circle(frame, (x, y), 4, (0, 0, 255), -1)
        for x, y in (people[0][0] + rng.uniform(-15, 15, (68, 2))).round().astype(int).tolist():
            cv2.circle(frame, (x, y), 2, (255, 255, 255), -1)
    return frame


def person(scale: float = 1.0, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    return standing(SIZE, SIZE) * scale + np.array([x, y])


@pytest.mark.parametrize("shift", range(0, 30, 10))
def test_joints_are_read_where_they_are_drawn(shift):
    joints = person(0.9, shift, 20)
    (body,) = read_people(draw(joints))
    assert body[:, 2].all()
    assert np.linalg.norm(body[:, :2] - openpose_joints(joints), axis=1).max() < 2


def test_two_people_are_distinguished():
    pair = [person(0.5, 0, 100), person(0.5, 240, 90)]
    bodies = read_people(draw(*pair))
    assert len(bodies) == 2
    for joints, body in zip(pair, sorted(bodies, key=lambda body: body[0, 0])):
        seen = body[:, 2] > 0
        assert seen.mean() > 0.8
        assert np.linalg.norm(body[:, :2] - openpose_joints(joints), axis=1)[seen].max() < 3


@pytest.mark.parametrize("hands", [False, True], ids=["body", "with hands and face"])
def test_a_video_is_redrawn_in_our_style(tmp_path, hands):
    people = [person(0.9, 4 * index, 20) for index in range(4)]
    write_video(tmp_path / "dwpose.mp4", [draw(joints, hands=hands) for joints in people], 10)
    frames, notice = in_our_style(np.stack(list(read_frames(tmp_path / "dwpose.mp4"))))
    assert notice == OPENPOSE
    for frame, joints in zip(frames, people):
        expected = draw_skeleton(joints, None, SIZE, SIZE)
        lines = expected.max(axis=-1) > 128
        differing = np.abs(frame.astype(int) - expected).max(axis=-1) > 128
        assert differing.sum() < 0.35 * lines.sum()


def test_red_and_blue_may_be_swapped():
    frames = draw(person())[None]
    assert np.array_equal(in_our_style(frames[..., ::-1])[0], in_our_style(frames)[0])


def test_frames_with_nobody_stay_black():
    frames, _ = in_our_style(np.stack([draw(person()), np.zeros((SIZE, SIZE, 3), np.uint8)]))
    assert frames[0].any()
    assert not frames[1].any()


@pytest.mark.parametrize("side", [1080, 2160])
def test_an_enlarged_drawing_is_read_as_well(side):
    joints = person(0.9, 10, 20)
    (body,) = read_people(cv2.resize(draw(joints), (side, side), interpolation=cv2.INTER_LINEAR))
    assert body[:, 2].all()
    assert np.linalg.norm(body[:, :2] * SIZE / side - openpose_joints(joints), axis=1).max() < 3


def test_fingers_are_nobody():
    """DWPose's: five chains of short lines in all hues, with blue dots."""
    frame = draw(person(0.9, 0, 20), hands=True)
    for wrist in person(0.9, 0, 20)[[9, 10]]:
        for finger in range(5):
            turn = np.array([np.cos(0.35 * finger), np.sin(0.35 * finger)])
            for part in range(4):
                color = [255 * value for value in colorsys.hsv_to_rgb((4 * finger + part) / 20, 1, 1)]
                ends = (wrist + np.outer([part, part + 1], 9 * turn)).round().astype(int).tolist()
                cv2.line(frame, ends[0], ends[1], color, 2)
    assert len(read_people(frame)) == 1


def test_lines_as_bright_as_dots_are_refused():
    frame = draw(person(0.9, 0, 20))
    frame = np.where(frame.max(axis=-1, keepdims=True) < 200, (frame / 0.6).clip(0, 255), frame).astype(
        np.uint8
    )
    with pytest.raises(InputError, match="cannot be read"):
        in_our_style(frame[None])
