"""What the preview shows of several people, and which of them is clicked."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from fyp_core.generation.guide import Guide
from fyp_core.generation.request import GenerationRequest
from fyp_media.fit import PictureWindow
from fyp_page.handlers.pose import describe_pose, person_at, preview
from pose_extraction.motion.motion import Motion


def guide_of(*centers: tuple[float, float], left: float = 0.0) -> Guide:
    """Two frames of people who are all joints around a center, in a window that begins at ``left``."""
    keypoints = np.array(centers, float).reshape(1, -1, 1, 2) + np.zeros((2, 1, 17, 1))
    motion = Motion(keypoints, np.ones(keypoints.shape[:3]), 100, 200, 5)
    window = PictureWindow(left, 0, 100, 100, (64, 64))
    return Guide(
        np.zeros((2, 64, 64, 3), np.uint8), [window] * 2, (100, 200), 5, "", {}, "raw",
        "Read as a video.", motion=motion, everybody=motion,
    )  # fmt: skip


def test_the_nearest_of_all_people_is_meant() -> None:
    guide = guide_of((20, 50), (150, 50))
    assert person_at((30, 60), guide) == 1
    assert person_at((140, 60), guide) == 2


def test_a_window_beyond_the_picture_moves_the_preview() -> None:
    assert person_at((100, 50), guide_of((20, 50), (150, 50), left=-40)) == 1


def test_nobody_is_meant_where_nobody_is_seen() -> None:
    assert person_at((1, 1), guide_of((np.nan, np.nan))) is None


def test_which_of_several_people_is_followed_is_stated(make_video: Callable[..., Path]) -> None:
    request = GenerationRequest(input=make_video(), prompt="a robot")
    several = guide_of((20, 50), (150, 50))
    assert describe_pose(request, guide_of((20, 50))) == "Read as a video."
    assert "Read as a video. All are followed: click one" in describe_pose(request, several)
    assert "The largest is followed: click another" in describe_pose(
        request.changed(people="largest"), several
    )
    assert "2 is followed" in describe_pose(request.changed(people="2"), several)


def test_each_of_several_people_has_a_numbered_box(make_video: Callable[..., Path]) -> None:
    request = GenerationRequest(input=make_video(size=(200, 100)), prompt="a robot", frames=2, stride=1)
    centers = (40.0, 50.0), (150.0, 50.0)
    one, two = (preview(request, guide_of(*centers[:count])) for count in (1, 2))
    white = (two.min(axis=-1) > 200) & (one.min(axis=-1) <= 200)
    for x, y in centers:
        assert white[int(y) - 6 : int(y) + 7, int(x) - 6 : int(x) + 7].any()
    assert not white[:, 80:110].any()


def test_the_preview_shows_a_frame_with_somebody(make_video: Callable[..., Path]) -> None:
    request = GenerationRequest(input=make_video(size=(200, 100)), prompt="a robot", frames=2, stride=1)
    both, first = guide_of((40.0, 50.0)), guide_of((40.0, 50.0))
    first.motion.keypoints[1] = np.nan
    assert np.array_equal(preview(request, first), preview(request.changed(frames=1), first))
    assert not np.array_equal(preview(request, first), preview(request, both)), "which shows the second"
