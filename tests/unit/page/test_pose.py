"""Which person of the preview is clicked."""

import numpy as np

from fyp_core.generation.guide import Guide
from fyp_media.fit import PictureWindow
from fyp_page.handlers.pose import person_at
from pose_extraction.motion.motion import Motion


def guide_of(*centers: tuple[float, float], left: float = 0.0) -> Guide:
    """Two frames of people who are all joints around a center, in a window that begins at ``left``."""
    keypoints = np.array(centers, float).reshape(1, -1, 1, 2) + np.zeros((2, 1, 17, 1))
    motion = Motion(keypoints, np.ones(keypoints.shape[:3]), 100, 200, 5)
    window = PictureWindow(left, 0, 100, 100, (64, 64))
    return Guide(
        np.zeros((2, 64, 64, 3), np.uint8), [window] * 2, (100, 200), 5, "", {}, "raw", motion=motion
    )


def test_the_nearest_of_all_people_is_meant() -> None:
    everybody = guide_of((20, 50), (150, 50))
    assert person_at((30, 60), guide_of((150, 50)), everybody) == 1
    assert person_at((140, 60), everybody, everybody) == 2


def test_a_window_beyond_the_picture_moves_the_preview() -> None:
    everybody = guide_of((20, 50), (150, 50))
    assert person_at((100, 50), guide_of((20, 50), left=-40), everybody) == 1


def test_nobody_is_meant_where_nobody_is_seen() -> None:
    nobody = guide_of((np.nan, np.nan))
    assert person_at((1, 1), nobody, nobody) is None
