"""The people in front of a camera: steady skeletons, and a window that keeps them in sight."""

from collections.abc import Iterable, Iterator

import numpy as np

from fyp_core.live.performer import FollowingWindow, PeopleFollower, SkeletonStream
from pose_extraction.poses import FramePoses

STEP = 0.1  # seconds between two frames
JOINTS = np.stack([np.linspace(40, 60, 17), np.linspace(20, 80, 17)], axis=-1).astype(np.float32)


def found(*people: np.ndarray) -> FramePoses:
    if not people:
        return FramePoses.nobody()
    return FramePoses(np.stack(people), np.ones((len(people), 17), np.float32))


def right(pixels: float) -> np.ndarray:
    return np.array([pixels, 0], np.float32)


def test_jitter_at_rest_is_smoothed_and_movement_is_followed() -> None:
    rng = np.random.default_rng(0)
    follower = PeopleFollower()
    follower.follow(found(JOINTS), STEP)
    noisy = [JOINTS + rng.normal(0, 1, JOINTS.shape).astype(np.float32) for _ in range(30)]
    places = [follower.follow(found(pose), STEP)[0] for pose in noisy]
    assert np.std(np.diff(places, axis=0)) < 0.7 * np.std(np.diff(noisy, axis=0))
    for step in range(1, 6):
        last = follower.follow(found(JOINTS + 10 * step), STEP)[0]
    assert np.abs(last - (JOINTS + 50)).max() < 10


def test_a_short_gap_is_closed_and_who_has_gone_is_not_drawn() -> None:
    follower = PeopleFollower()
    follower.follow(found(JOINTS), STEP)
    assert np.isfinite(follower.follow(found(), STEP)).all()
    for _ in range(5):
        places = follower.follow(found(), STEP)
    assert len(places) == 0


def test_two_people_stay_two_when_their_order_changes() -> None:
    follower = PeopleFollower()
    one, other = JOINTS, JOINTS + right(200)
    first = follower.follow(found(one, other), STEP)
    second = follower.follow(found(other, one), STEP)
    np.testing.assert_allclose(first, second, atol=1e-3)


def test_the_window_follows_who_walks_out_of_it() -> None:
    window = FollowingWindow((128, 128))
    assert window.follow(np.full((17, 2), np.nan), (480, 640), STEP) is None
    for step in range(40):
        shown = window.follow(JOINTS + right(10 * step), (480, 640), STEP)
    assert shown is not None
    assert shown.contains(JOINTS + right(390)).mean() > 0.9
    for _ in range(20):
        shown = window.follow(JOINTS + right(390), (480, 640), STEP)
    assert shown is not None and shown.contains(JOINTS + right(390)).all()
    assert window.follow(np.full((17, 2), np.nan), (480, 640), STEP) == shown


def test_skeletons_begin_with_the_first_frame_that_shows_somebody() -> None:
    class Scripted:
        name = "scripted"

        def estimate(self, frames: Iterable[np.ndarray]) -> Iterator[FramePoses]:
            for number, _ in enumerate(frames):
                yield found(JOINTS) if number >= 2 else found()

    frames = [(number * STEP, np.zeros((100, 100, 3), np.uint8)) for number in range(5)]
    drawn = list(SkeletonStream(Scripted(), (64, 64)).draw(frames))
    assert [(pose.number, pose.taken) for pose in drawn] == [(2, 2 * STEP), (3, 3 * STEP), (4, 4 * STEP)]
    assert all(pose.skeleton.shape == (64, 64, 3) and pose.skeleton.any() for pose in drawn)
