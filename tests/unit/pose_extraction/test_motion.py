"""Poses of single frames become people who move smoothly, are distinguished and can be chosen."""

import numpy as np
import pytest

from fyp_media.errors import InputError
from pose_extraction.motion.motion import Motion, body_size
from pose_extraction.motion.temporal import clean, fill_gaps, repair_flips, smooth
from pose_extraction.motion.tracking import choose, link
from pose_extraction.poses import FramePoses
from pose_extraction.skeleton import KEYPOINT_NAMES, MIRRORED

FPS = 20.0
HEIGHT, WIDTH = 240, 320
STANDING = np.array(
    [
        (0, -45), (2, -47), (-2, -47), (4, -46), (-4, -46), (9, -35), (-9, -35), (14, -20), (-14, -20),
        (18, -5), (-18, -5), (6, 0), (-6, 0), (7, 25), (-7, 25), (8, 50), (-8, 50),
    ],
    np.float32,
)  # fmt: skip
ELBOW, WRIST = (KEYPOINT_NAMES.index(f"left_{joint}") for joint in ("elbow", "wrist"))
KNEE, ANKLE = (KEYPOINT_NAMES.index(f"left_{joint}") for joint in ("knee", "ankle"))


def people(*places: tuple[float, float], scale: float = 1, score: float = 0.9) -> FramePoses:
    """Somebody a hundred pixels tall at each place."""
    keypoints = np.array([scale * STANDING + place for place in places], np.float32).reshape(-1, 17, 2)
    return FramePoses(keypoints, np.full(keypoints.shape[:2], score, np.float32))


def nobody(frames: int = 1) -> list[FramePoses]:
    return [FramePoses.nobody()] * frames


def linked(found: list[FramePoses], fps: float = FPS) -> Motion:
    return link(found, HEIGHT, WIDTH, fps)


def walk(frames: int, start: float = 40, step: float = 3) -> list[FramePoses]:
    return [people((start + step * index, 120)) for index in range(frames)]


def xs(motion: Motion, person: int = 0) -> list[float]:
    """Where the nose is in each frame."""
    return motion.keypoints[:, person, 0, 0].tolist()


def dance(frames: int = 60) -> Motion:
    """A figure that waves and kicks, with noise."""
    rng = np.random.default_rng(0)
    time = np.arange(frames) / FPS
    keypoints = STANDING + np.tile(np.array([160.0, 120.0]), (frames, 17, 1))
    keypoints[:, WRIST] += np.stack([10 * np.sin(6 * time), 20 * np.cos(6 * time)], axis=-1)
    keypoints[:, ANKLE, 0] += 25 * np.maximum(0, np.sin(4 * time))
    keypoints += rng.normal(0, 0.5, keypoints.shape)
    scores = np.full((frames, 1, 17), 0.9, np.float32)
    return Motion(keypoints[:, None].astype(np.float32), scores, HEIGHT, WIDTH, FPS)


def test_people_keep_their_number_whatever_the_order_they_are_found_in():
    left = [(60 + index, 120) for index in range(12)]
    right = [(250 - index, 120) for index in range(12)]
    found = [people(a, b) if index % 2 else people(b, a) for index, (a, b) in enumerate(zip(left, right))]
    motion = linked(found)
    assert motion.keypoints.shape == (12, 2, 17, 2)
    assert xs(motion, 0) == pytest.approx([x for x, _ in left])
    assert xs(motion, 1) == pytest.approx([x for x, _ in right])


def test_somebody_back_after_a_short_absence_is_the_same_person():
    motion = linked([*walk(10), *nobody(6), *walk(10, start=80)])
    assert motion.keypoints.shape[1] == 1
    assert motion.present[:, 0].tolist() == [True] * 10 + [False] * 6 + [True] * 10


def test_a_cut_to_another_place_is_another_person():
    motion = linked([*walk(10, start=40, step=0), *walk(10, start=280, step=0)])
    assert motion.present.sum(axis=0).tolist() == [10, 10]


@pytest.mark.parametrize("fps", [24.0, 12.0, 6.0])
@pytest.mark.parametrize("front", [0, 1], ids=["first in front", "second in front"])
def test_people_who_cross_keep_their_number(fps, front):
    """While one covers the other only one is found; each walks two body heights a second."""
    times = np.arange(0, 2, 1 / fps)
    rightwards, leftwards = 60 + 100 * times, 260 - 100 * times
    found = []
    for pair in zip(rightwards, leftwards):
        hidden = abs(pair[0] - pair[1]) < 25
        found.append(people((pair[front], 120)) if hidden else people(*((x, 120) for x in pair)))
    motion = linked(found, fps)
    assert motion.keypoints.shape[1] == 2
    for person, places in enumerate((rightwards, leftwards)):
        seen = motion.present[:, person]
        apart = np.abs(rightwards - leftwards) >= 25
        assert seen[apart].all()
        assert np.array(xs(motion, person))[seen & apart] == pytest.approx(places[seen & apart], abs=1)


def test_a_false_find_of_a_moment_takes_nobodys_place():
    """It is nearer to where somebody was than that person's own next pose."""
    found = [*walk(20), *nobody(), *walk(20, start=103)]
    false = people((70, 160))
    found[10] = FramePoses(
        np.concatenate([found[10].keypoints, false.keypoints]),
        np.concatenate([found[10].scores, false.scores]),
    )
    motion = linked(found)
    assert motion.keypoints.shape[1] == 1
    assert xs(motion) == pytest.approx(
        [40 + 3 * i for i in range(20)] + [np.nan] + [103 + 3 * i for i in range(20)], nan_ok=True
    )


def test_a_body_of_which_more_and_more_is_out_of_sight_stays_the_same_person():
    found = walk(20)
    for frame, poses in enumerate(found):
        poses.keypoints[0, [(frame + joint) % 17 for joint in range(12)]] = np.nan
    assert linked(found).keypoints.shape[1] == 1


def test_a_find_of_a_moment_beside_others_is_dropped():
    found = walk(20, step=0)
    found[7] = people((40, 120), (250, 120))
    assert linked(found).keypoints.shape[1] == 1
    assert linked([*nobody(3), people((40, 120)), *nobody(3)]).keypoints.shape[1] == 1


def test_who_is_drawn_can_be_chosen():
    small, large = people((60, 120), scale=0.5), people((200, 120))
    both = FramePoses(*(np.concatenate(pair) for pair in zip(
        (small.keypoints, small.scores), (large.keypoints, large.scores))))  # fmt: skip
    motion = linked([both] * 6)
    assert choose(motion).keypoints.shape[1] == 2
    assert xs(choose(motion, "largest")) == xs(choose(motion, "2")) == pytest.approx([200] * 6)
    assert xs(choose(motion, "1")) == pytest.approx([60] * 6)
    assert xs(choose(motion, "2,1")) == pytest.approx([200] * 6)
    assert choose(motion, "2, 1").keypoints.shape[1] == 2
    assert choose(motion, "1,1").keypoints.shape[1] == 1
    for unknown in ("0", "3", "tallest", "1,3", "1,", "1;2"):
        with pytest.raises(InputError, match="number from 1 to 2"):
            choose(motion, unknown)


def test_a_person_missing_for_half_a_second_is_interpolated():
    found = walk(30)
    found[10:20] = nobody(10)
    assert xs(fill_gaps(linked(found))) == pytest.approx([40 + 3 * index for index in range(30)], abs=1e-3)


def test_a_person_missing_longer_is_left_out():
    found = walk(31, step=0)
    found[10:21] = nobody(11)
    filled = fill_gaps(linked(found))
    assert filled.present[:, 0].tolist() == [True] * 10 + [False] * 11 + [True] * 10
    assert not filled.scores[10:21].any()


def test_a_person_missing_at_either_end_is_held():
    assert xs(fill_gaps(linked([*nobody(2), *walk(10), *nobody(3)])))[:3] == pytest.approx([40, 40, 40])
    filled = fill_gaps(linked([*nobody(11), *walk(10), *nobody(10)]))
    assert filled.present[:, 0].tolist() == [False] * 11 + [True] * 20


def test_a_hand_that_leaves_the_picture_is_not_interpolated():
    """Its arm would be drawn between where it left and where it came back, though it was somewhere else."""
    motion = linked(walk(12))
    motion.keypoints[4:7, 0, WRIST], motion.scores[4:7, 0, WRIST] = np.nan, 0
    assert np.isfinite(fill_gaps(motion).keypoints).all(), "a keypoint file lacked it"
    kept = fill_gaps(motion, unknown_are_outside=True)
    assert np.isnan(kept.keypoints[4:7, 0, WRIST]).all()
    assert (kept.scores[4:7, 0, WRIST] == 0).all()
    motion.scores[4:7, 0, ELBOW] = 0.1
    assert np.isfinite(fill_gaps(motion, unknown_are_outside=True).keypoints).all(), "the elbow was unsure"


def test_a_joint_unsure_for_a_moment_is_interpolated_and_longer_left_out():
    motion = linked(walk(40))
    motion.scores[5:9, 0, WRIST] = 0.1
    motion.keypoints[5:9, 0, WRIST] = 0
    motion.scores[20:35, 0, ANKLE] = 0.1
    filled = fill_gaps(motion)
    assert filled.keypoints[5:9, 0, WRIST, 0] == pytest.approx([58 + 3 * index for index in range(5, 9)])
    assert filled.scores[:, 0, WRIST].min() > 0.8
    assert (filled.scores[20:35, 0, ANKLE] < 0.3).all()


@pytest.mark.parametrize("limb", [(ELBOW, WRIST), (KNEE, ANKLE)], ids=["arm", "leg"])
@pytest.mark.parametrize("frames", [[20], [20, 21, 22, 23], [0, 1], [58, 59]])
def test_flipped_limbs_are_put_right(limb, frames):
    motion = dance()
    flipped = motion.keypoints.copy()
    joints = np.array(limb)
    for frame in frames:
        flipped[frame, 0, joints] = motion.keypoints[frame, 0, joints + 1]
        flipped[frame, 0, joints + 1] = motion.keypoints[frame, 0, joints]
    repaired = repair_flips(Motion(flipped, motion.scores, HEIGHT, WIDTH, FPS))
    assert np.array_equal(repaired.keypoints, motion.keypoints)


def test_limbs_that_cross_are_no_flips():
    motion = dance()
    time = np.arange(60)[:, None] / FPS
    for joint in (KNEE, ANKLE):
        swing = 12 * np.sin(2 * np.pi * time)
        motion.keypoints[:, 0, [joint, joint + 1], 0] = 160 + np.concatenate([swing, -swing], axis=1)
    assert np.array_equal(repair_flips(motion).keypoints, motion.keypoints)


def jitter(motion: Motion) -> float:
    """Mean change of speed from frame to frame."""
    return float(np.linalg.norm(np.diff(motion.keypoints, 2, axis=0), axis=-1).mean())


def test_smoothing_halves_jitter_and_its_strength_can_be_set():
    rng = np.random.default_rng(0)
    still = linked(walk(60, step=0))
    shaky = still.keypoints + rng.normal(0, 0.5, still.keypoints.shape)
    shaky = Motion(shaky.astype(np.float32), still.scores, HEIGHT, WIDTH, FPS)
    assert jitter(smooth(shaky)) < 0.5 * jitter(shaky)
    assert jitter(smooth(shaky, 3)) < jitter(smooth(shaky)) < jitter(smooth(shaky, 0.3)) < jitter(shaky)
    assert smooth(shaky, 0) is shaky


def test_smoothing_neither_delays_nor_dampens_movement():
    steady = linked(walk(30))
    assert xs(smooth(steady))[5:-5] == pytest.approx(xs(steady)[5:-5], abs=0.2)
    waving = dance()
    true = dance().keypoints[:, 0, WRIST]
    reach = np.ptp(smooth(waving).keypoints[:, 0, WRIST], axis=0)
    assert reach == pytest.approx(np.ptp(true, axis=0), rel=0.1)


def test_a_joint_unsure_for_one_frame_does_not_flicker():
    motion = linked(walk(5))
    motion.scores[:] = 0.5
    motion.scores[2] = 0.2
    assert smooth(motion).scores.min() > 0.3


def test_the_same_dance_twice_the_size_is_cleaned_alike():
    motion = dance()
    large = Motion(2 * motion.keypoints, motion.scores, 2 * HEIGHT, 2 * WIDTH, FPS)
    assert clean(large).keypoints == pytest.approx(2 * clean(motion).keypoints, abs=1e-3)


def test_a_mirrored_dance_is_cleaned_alike():
    def mirrored(motion: Motion) -> Motion:
        keypoints = motion.keypoints[:, :, MIRRORED] * np.float32([-1, 1])
        return Motion(keypoints, motion.scores, HEIGHT, WIDTH, FPS)

    assert clean(mirrored(dance())).keypoints == pytest.approx(mirrored(clean(dance())).keypoints, abs=1e-3)


def test_sampled_far_apart_nothing_is_taken_for_a_flip():
    motion = dance()
    motion.keypoints[::2, 0, [KNEE, KNEE + 1]] = motion.keypoints[::2, 0, [KNEE + 1, KNEE]]
    assert (
        repair_flips(Motion(motion.keypoints, motion.scores, HEIGHT, WIDTH, 6.0)).keypoints
        is motion.keypoints
    )


def test_unknown_joints_do_not_count_for_the_size_of_a_body():
    body = STANDING.copy()
    size = body_size(body)
    body[0] = np.nan
    assert body_size(body) == pytest.approx(size, rel=0.05)
    assert body_size(np.full((17, 2), np.nan)) == 1
