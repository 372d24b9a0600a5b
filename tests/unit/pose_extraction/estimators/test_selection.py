"""Each person once, and no joint that the picture cannot show."""

import numpy as np
import pytest

from pose_extraction.poses import FramePoses
from pose_extraction.selection import without_duplicates, without_unseen_joints
from pose_extraction.skeleton import KEYPOINT_NAMES

JOINT = {name: index for index, name in enumerate(KEYPOINT_NAMES)}
# Somebody 100 pixels tall who stands upright, arms down, the nose at (0, 0); right is on the left of the picture.
STANDING = np.array(
    [(0, 0), (3, -3), (-3, -3), (6, -2), (-6, -2), (15, 20), (-15, 20), (19, 36), (-19, 36), (22, 52), (-22, 52),
     (10, 50), (-10, 50), (11, 72), (-11, 72), (12, 95), (-12, 95)], np.float32
)  # fmt: skip


def people(*places: tuple[float, float], score: float = 0.9) -> FramePoses:
    keypoints = np.stack([STANDING + np.array(place, np.float32) for place in places])
    return FramePoses(keypoints, np.full(keypoints.shape[:2], score, np.float32))


def test_a_person_found_twice_becomes_one_between_both():
    poses = people((50, 50), (54, 52), (120, 50))
    poses.scores[1] = 0.3
    poses.keypoints[1, JOINT["left_wrist"]] += 30
    kept = without_duplicates(poses)
    assert kept.keypoints[:, 0] == pytest.approx(np.array([(51, 50.5), (120, 50)]))
    assert kept.keypoints[0, JOINT["left_wrist"]].tolist() == [72, 102], "too far apart: the surer one's"
    assert (kept.scores == np.float32(0.9)).all()
    assert len(without_duplicates(FramePoses.nobody())) == 0


def test_a_small_body_below_the_same_head_is_the_same_person():
    small = STANDING * np.where(np.arange(17) < 5, 1, 0.4)[:, None]
    poses = FramePoses(np.stack([STANDING, small]) + 60, np.array([[0.9], [0.8]]).repeat(17, axis=1))
    assert np.array_equal(without_duplicates(poses).keypoints, poses.keypoints[:1])


def test_a_body_upside_down_on_the_same_torso_is_the_same_person():
    torso = np.array([0, 35])
    turned = 0.8 * (torso - STANDING) + torso + (2, 4)
    poses = FramePoses(np.stack([STANDING, turned]) + 60, np.array([[0.9], [0.8]]).repeat(17, axis=1))
    assert np.array_equal(without_duplicates(poses).keypoints, poses.keypoints[:1])
    beside = FramePoses(np.stack([STANDING, turned + np.array([25, 0])]) + 60, poses.scores)
    assert len(without_duplicates(beside)) == 2, "an acrobat beside somebody"


@pytest.mark.parametrize("apart", [(25, 0), (12, 30)], ids=["shoulder to shoulder", "a child in front"])
def test_people_close_together_are_not_the_same(apart):
    child = STANDING * 0.6 + apart
    poses = FramePoses(np.stack([STANDING, child]) + 40, np.full((2, 17), 0.9, np.float32))
    assert len(without_duplicates(poses)) == 2


def unknown(poses: FramePoses) -> set[str]:
    assert np.array_equal(np.isnan(poses.keypoints).all(axis=-1), poses.scores == 0)
    return {KEYPOINT_NAMES[joint] for joint in np.flatnonzero(poses.scores[0] == 0)}


def test_joints_outside_the_picture_are_unknown():
    whole = people((50, 20))
    assert unknown(without_unseen_joints(whole, 128, 100)) == set()
    assert unknown(without_unseen_joints(whole, 90, 100)) == {
        "left_knee", "right_knee", "left_ankle", "right_ankle"
    }  # fmt: skip
    assert len(without_unseen_joints(people((500, 20)), 128, 100)) == 0


def test_a_limb_ends_where_it_leaves_the_picture_or_is_not_seen():
    """The hand that an estimator places in the picture after the elbow left it is a guess."""
    poses = people((50, 20))
    poses.keypoints[0, JOINT["left_elbow"]] = 110, 30
    poses.scores[0, JOINT["right_knee"]] = 0.1
    found = without_unseen_joints(poses, 128, 100)
    assert unknown(found) == {"left_elbow", "left_wrist", "right_ankle"}
    assert found.scores[0, JOINT["right_knee"]] == pytest.approx(0.1)


def test_a_leg_that_leads_up_from_the_lower_edge_is_unknown_also_beside_a_higher_hip():
    poses = people((50, 70))
    poses.keypoints[0, JOINT["right_hip"]] = 40, 110
    poses.keypoints[0, JOINT["right_knee"]], poses.keypoints[0, JOINT["right_ankle"]] = (30, 90), (25, 60)
    assert "right_ankle" in unknown(without_unseen_joints(poses, 128, 100))
    assert {"right_knee", "right_ankle"} <= unknown(without_unseen_joints(poses, 126, 100))
    assert "right_knee" not in unknown(without_unseen_joints(poses, 160, 100)), (
        "the picture does not end there"
    )


def test_legs_along_raised_arms_are_unknown_but_a_high_kick_is_not():
    poses = people((50, 60))
    for side, sign in ("left", 1), ("right", -1):
        for joint, at in ("elbow", (22, 2)), ("wrist", (26, -20)), ("knee", (21, 5)), ("ankle", (25, -15)):
            poses.keypoints[0, JOINT[f"{side}_{joint}"]] = 50 + sign * at[0], 60 + at[1]
    assert unknown(without_unseen_joints(poses, 128, 100)) == {
        "left_knee", "right_knee", "left_ankle", "right_ankle"
    }  # fmt: skip
    kick = people((50, 20))
    kick.keypoints[0, JOINT["left_knee"]], kick.keypoints[0, JOINT["left_ankle"]] = (80, 60), (95, 40)
    assert unknown(without_unseen_joints(kick, 128, 100)) == set()
