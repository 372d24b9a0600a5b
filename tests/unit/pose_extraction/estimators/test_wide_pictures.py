"""People are found though the finder sees only those who fill a tenth to half of what it is shown."""

import numpy as np
import pytest

from pose_extraction.estimators.windows import WindowSearch, window_starts
from pose_extraction.poses import FramePoses

HEIGHT = 60


class Stripes:
    """Sees a person in every bright stripe that is whole and wide enough in the picture shown; counts its calls."""

    def __init__(self, still: bool) -> None:
        self.still, self.asked = still, 0

    def __call__(self, picture: np.ndarray) -> FramePoses:
        self.asked += 1
        bright = np.concatenate([[0], picture[0, :, 0] > 0, [0]]).astype(int)
        edges = np.flatnonzero(np.diff(bright)).reshape(-1, 2)
        least, most = max(10, 0.1 * picture.shape[1]), 0.5 * picture.shape[1]
        seen = [(left, right) for left, right in edges if least <= right - left <= most]
        if not seen:
            return FramePoses.nobody()
        x = np.linspace([left for left, _ in seen], [right - 1 for _, right in seen], 17, axis=1)
        keypoints = np.stack([x, np.tile(np.linspace(5, 55, 17), (len(seen), 1))], axis=-1)
        return FramePoses(keypoints.astype(np.float32), np.full(x.shape, 0.9, np.float32))


@pytest.fixture
def opened():
    return []


@pytest.fixture
def search(opened):
    def open_finder(still: bool) -> Stripes:
        opened.append(Stripes(still))
        return opened[-1]

    return WindowSearch(open_finder)


def picture(width: int, *people: int, wide: int = 10) -> np.ndarray:
    """People some pixels wide."""
    frame = np.zeros((HEIGHT, width, 3), np.uint8)
    for left in people:
        frame[:, left : left + wide] = 255
    return frame


def places(poses: FramePoses) -> list[int]:
    return sorted(poses.keypoints[:, :, 0].min(axis=1).round().astype(int).tolist())


def test_windows_are_square_overlap_and_cover_wide_pictures_only():
    assert window_starts(60, 75) == []
    assert window_starts(60, 80) == [0, 20]
    assert window_starts(60, 40) == []
    starts = window_starts(60, 200)
    assert (starts[0], starts[-1]) == (0, 140)
    assert np.diff(starts).max() <= 30


def test_a_square_picture_is_searched_whole_and_in_some_frames_zoomed_out(search, opened):
    for _ in range(16):
        assert places(search.find(picture(60, 20))) == [20]
    assert [(finder.still, finder.asked) for finder in opened] == [(False, 16), (True, 2)]


def test_a_person_who_fills_the_picture_is_found_zoomed_out_and_followed_there(search, opened):
    for step in range(16):
        assert places(search.find(picture(60, 10 + step, wide=34))) == [10 + step]
    assert [(finder.still, finder.asked) for finder in opened] == [(False, 16), (True, 1), (False, 15)]
    assert places(search.find(picture(60, 20))) == [20]


def test_everybody_is_found_once_in_every_frame_of_a_wide_picture(search, opened):
    """The third stands across the edges of windows."""
    for step in range(20):
        assert places(search.find(picture(200, 10 + step, 85, 180))) == [10 + step, 85, 180]
    every_window = 20 * (1 + len(window_starts(HEIGHT, 200)))
    assert sum(finder.asked for finder in opened) < 0.8 * every_window, "those without anybody take turns"


def test_who_comes_in_later_is_found(search):
    for _ in range(5):
        search.find(picture(200, 10))
    found = [places(search.find(picture(200, 10, 150))) for _ in range(8)]
    assert found[-1] == [10, 150]


def test_in_stills_every_window_is_searched():
    search = WindowSearch(Stripes, stills=True)
    assert places(search.find(picture(200, 10))) == [10]
    assert places(search.find(picture(200, 85, 180))) == [85, 180]
