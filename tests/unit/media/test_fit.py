"""Windows: what they show, where points land, and that people stay in them."""

import numpy as np
import pytest

from fyp_media.fit import PictureWindow, contain, cover
from fyp_media.people_window import following_windows, people_window


def spot(height: int, width: int, x: int, y: int) -> np.ndarray:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[y - 2 : y + 3, x - 2 : x + 3] = 255
    return picture


def center(picture: np.ndarray) -> tuple[float, float]:
    lit = picture[..., 0].astype(float)
    rows, columns = np.indices(lit.shape)
    return (columns * lit).sum() / lit.sum(), (rows * lit).sum() / lit.sum()


@pytest.mark.parametrize(
    "window",
    [
        cover((90, 160), (64, 64)),
        contain((90, 160), (64, 64)),
        PictureWindow(-20, -40, 120, 180, (96, 64)),
        PictureWindow(60, 30, 24, 24, (64, 64)),
        PictureWindow(60.4, 30.7, 20.5, 12.3, (24, 40)),
    ],
)
def test_points_land_where_their_picture_is_shown(window):
    for x, y in ((70, 36), (72, 40), (80, 36)):
        if window.contains(np.array([[x - 3, y - 3], [x + 3, y + 3]])).all():
            shown = window.cut(spot(90, 160, x, y))
            assert shown.shape == (*window.size, 3)
            assert window.map_points(np.array([x, y])) == pytest.approx(center(shown), abs=0.8)


def test_the_whole_picture_is_contained_and_black_is_around_it():
    picture = np.full((90, 160, 3), 200, np.uint8)
    shown = contain((90, 160), (64, 64)).cut(picture)
    assert (shown[14:50] == 200).all()
    assert (shown[:13] == 0).all()
    assert (shown[51:] == 0).all()


def test_the_window_beyond_the_picture_is_black():
    assert not PictureWindow(200, 200, 20, 20, (32, 32)).cut(np.full((64, 64, 3), 255, np.uint8)).any()


def walker(frames: int, left: float, right: float) -> np.ndarray:
    """(F, 17, 2) of somebody 100 pixels tall who crosses a picture."""
    body = np.random.default_rng(0).uniform((-15, 0), (15, 100), (17, 2))
    body[:2] = (0, 0), (0, 100)
    places = np.stack([np.linspace(left, right, frames), np.full(frames, 50)], -1)
    return places[:, None] + body


@pytest.mark.parametrize("size", [(128, 128), (168, 96), (96, 168)])
def test_a_window_holds_all_people_with_a_margin_and_the_models_proportions(size):
    points = np.concatenate([walker(8, 100, 130), walker(8, 400, 380)], axis=1)
    points[3] = np.nan
    window = people_window(points, (300, 640), size)
    assert window.width / window.height == pytest.approx(size[1] / size[0])
    shown = window.map_points(points[np.isfinite(points).all(-1)])
    low, high = shown.min(axis=0), shown.max(axis=0)
    assert (low > 0.05 * min(size)).all()
    assert (high < np.array(size[::-1]) - 0.05 * min(size)).all()
    fills = (high - low) / size[::-1]
    assert fills.max() == pytest.approx(0.8, abs=0.03)
    assert (low + high) / 2 == pytest.approx((np.array(size[::-1]) - 1) / 2, abs=0.6)


def test_one_far_away_joint_does_not_make_a_window_of_nothing():
    point = np.full((1, 17, 2), np.nan)
    point[0, 0] = 30, 40
    assert people_window(point, (240, 320), (64, 64)).width > 20


def test_a_following_window_moves_slowly_keeps_its_size_and_holds_the_person():
    points = walker(48, 60, 900)
    points[10:14] = np.nan
    steady = people_window(points, (300, 960), (128, 128))
    windows = following_windows(points, (300, 960), (128, 128), fps=24)
    assert {(window.width, window.height) for window in windows} == {(windows[0].width, windows[0].height)}
    assert windows[0].width < steady.width / 3
    for window, frame in zip(windows, points):
        if np.isfinite(frame).all():
            assert window.contains(frame).all()
    steps = np.diff([window.left for window in windows])
    walked = 840 / 47
    assert (steps > -0.1).all()
    assert steps.max() < 2 * walked


def test_a_following_window_rests_with_somebody_who_sways():
    swaying = walker(24, 300, 300) + 4 * np.sin(np.arange(24))[:, None, None] * (1, 0)
    lefts = [window.left for window in following_windows(swaying, (300, 640), (128, 128), fps=24)]
    assert np.ptp(lefts) < 2
