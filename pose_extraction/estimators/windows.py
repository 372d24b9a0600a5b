"""A wide picture is also searched in square windows: a detector that shrinks all of it makes its people too small."""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from pose_extraction.poses import FramePoses
from pose_extraction.selection import same_person, without_duplicates

Finder = Callable[[np.ndarray], FramePoses]
"""People of an (H, W, 3) uint8 RGB picture, in its pixels."""

_WIDE = 1.5  # width by height above which a picture is searched in windows
_STEP = 0.5  # most between the starts of neighbouring windows, in heights: who is narrower than this is whole in one
_KEPT_FRAMES = 10  # a window is followed for as long after somebody was found in it only
_LEAST_INSIDE = 0.8  # share of the joints inside the window of somebody who is whole in it


class WindowSearch:
    """Finds people in a picture and in its windows, frame by frame.

    Every frame is searched whole. Of the windows that show nobody known one a frame is searched, in turn, in the first
    frame all. Who is found in a window only is followed there.

    Args:
        open_finder: makes a finder, for the whole picture or one window: where its argument is true of a single picture
            each time, otherwise one that follows people from frame to frame.
        stills: the frames have nothing to do with each other; all windows of each are searched.
    """

    def __init__(self, open_finder: Callable[[bool], Finder], *, stills: bool = False) -> None:
        self._open_finder = open_finder
        self._find_in_whole = open_finder(stills)
        self._stills = stills
        self._followers: dict[int, Finder] = {}
        self._last_needed: dict[int, int] = {}
        self._frame = 0

    @cached_property
    def _find_in_still(self) -> Finder:
        return self._find_in_whole if self._stills else self._open_finder(True)

    def find(self, frame: np.ndarray) -> FramePoses:
        """People of the next frame, each once."""
        whole = self._find_in_whole(frame)
        starts = window_starts(*frame.shape[:2])
        if not starts:
            return without_duplicates(whole)
        followed = [
            window for window, last in self._last_needed.items() if self._frame - last <= _KEPT_FRAMES
        ]
        found = [whole, *(_in_window(self._followers[window], frame, starts[window]) for window in followed)]
        for window in self._unknown_windows(_joined(found), starts, frame.shape[0]):
            found.append(_in_window(self._find_in_still, frame, starts[window]))
        people = without_duplicates(_joined(found))
        if not self._stills:
            self._follow_missed(people, whole, starts, frame.shape[0])
        self._frame += 1
        return people

    def _unknown_windows(self, known: FramePoses, starts: list[int], height: int) -> list[int]:
        """Windows to search: none that has somebody known nearest to its middle."""
        if self._stills or self._frame == 0:
            return list(range(len(starts)))
        taken = {_nearest(starts, height, person) for person in known.keypoints}
        free = [window for window in range(len(starts)) if window not in taken]
        return [free[self._frame % len(free)]] if free else []

    def _follow_missed(self, people: FramePoses, whole: FramePoses, starts: list[int], height: int) -> None:
        for person in people.keypoints:
            if not any(same_person(person, other) for other in whole.keypoints):
                window = _nearest(starts, height, person)
                self._last_needed[window] = self._frame
                if window not in self._followers:
                    self._followers[window] = self._open_finder(False)


def window_starts(height: int, width: int) -> list[int]:
    """Left edges of the square windows of a wide picture, in pixels; none for other pictures."""
    if width <= _WIDE * height:
        return []
    count = int(np.ceil((width - height) / (_STEP * height))) + 1
    return [round(start) for start in np.linspace(0, width - height, count)]


def _in_window(find: Finder, frame: np.ndarray, start: int) -> FramePoses:
    """Those who are whole in the window, or cut off by the picture."""
    height, width = frame.shape[:2]
    poses = find(frame[:, start : start + height])
    x = poses.keypoints[..., 0]
    cut = ((x < 0) & (start > 0)) | ((x > height - 1) & (start + height < width))
    whole = (~cut).mean(axis=1) >= _LEAST_INSIDE
    moved = poses.keypoints[whole] + np.array([start, 0], np.float32)
    return FramePoses(moved, poses.scores[whole])


def _nearest(starts: list[int], height: int, person: np.ndarray) -> int:
    """The window with the (17, 2) pose nearest to its middle."""
    middle = (person[:, 0].min() + person[:, 0].max()) / 2
    return int(np.abs(np.array(starts) + height / 2 - middle).argmin())


def _joined(found: list[FramePoses]) -> FramePoses:
    return FramePoses(
        np.concatenate([poses.keypoints for poses in found]),
        np.concatenate([poses.scores for poses in found]),
    )
