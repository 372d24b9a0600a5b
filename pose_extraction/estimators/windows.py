"""Searches a picture also zoomed out, where its people are smaller, and a wide one in windows, where they are larger.

A detector that shrinks its input to a few pixels misses small people, and BlazePose's also people who fill the picture:
of renders of one person about as high as the picture it found 77 %, and zoomed out 99 %.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from pose_extraction.poses import FramePoses
from pose_extraction.selection import same_person, without_duplicates

Finder = Callable[[np.ndarray], FramePoses]
"""People of an (H, W, 3) uint8 RGB picture, in its pixels."""

_WIDE = 1.25  # width by height above which a picture is searched in windows
# Heights between the starts of windows, at most: a person narrower than this is whole in one of them.
_STEP = 0.5
_KEPT_FRAMES = 10  # for which a view is followed after somebody was found in no other
_LEAST_INSIDE = 0.8  # share of joints inside the window for a person who counts as whole in it
_ZOOMED_MARGIN = 0.5  # of the picture's shorter side, added on each side
_ZOOMED_SIDE = 512  # pixels of the picture's shorter side when it is zoomed out, at most
_ZOOMED_EVERY = 8  # frames in which somebody is seen
_MOST_SHARED = 0.5  # of the smaller of two boxes, for a person found zoomed out to count as another one


@dataclass(frozen=True)
class _View:
    """The input of a finder: the picture's part from ``left`` on, ``width`` wide; or the picture zoomed out."""

    left: int
    width: int
    is_zoomed_out: bool = False

    def find(self, finder: Finder, frame: np.ndarray) -> FramePoses:
        """People of the view in the picture's pixels: those who are whole in it, or cut off by the picture."""
        if self.is_zoomed_out:
            return _find_zoomed_out(finder, frame)
        poses = finder(frame[:, self.left : self.left + self.width])
        x = poses.keypoints[..., 0]
        ends_inside = self.left + self.width < frame.shape[1]
        cut = ((x < 0) & (self.left > 0)) | ((x > self.width - 1) & ends_inside)
        whole = (~cut).mean(axis=1) >= _LEAST_INSIDE
        moved = poses.keypoints[whole] + np.array([self.left, 0], np.float32)
        return FramePoses(moved, poses.scores[whole])


class WindowSearch:
    """Finds people in a picture and in views of it, frame by frame.

    Every frame is searched whole. Of the windows without a known person one a frame is searched, in turn, in the first
    frame all. Zoomed out are the first frame, every eighth one, and those in which nobody is found otherwise. A person
    who is found in a view only is followed there.

    Args:
        open_finder: makes a finder for the whole picture or one view. With True it treats each picture separately,
            otherwise it follows people from frame to frame.
        stills: the frames are unrelated pictures; all views of each are searched.
    """

    def __init__(self, open_finder: Callable[[bool], Finder], *, stills: bool = False) -> None:
        self._open_finder = open_finder
        self._find_in_whole = open_finder(stills)
        self._stills = stills
        self._followers: dict[_View, Finder] = {}
        self._last_needed: dict[_View, int] = {}
        self._frame = 0

    @cached_property
    def _find_in_still(self) -> Finder:
        return self._find_in_whole if self._stills else self._open_finder(True)

    def find(self, frame: np.ndarray) -> FramePoses:
        """People of the next frame, each once."""
        height, width = frame.shape[:2]
        whole = self._find_in_whole(frame)
        windows = [_View(start, height) for start in window_starts(height, width)]
        zoomed_out = _View(0, width, is_zoomed_out=True)
        found = {
            view: view.find(self._followers[view], frame)
            for view, last in self._last_needed.items()
            if self._frame - last <= _KEPT_FRAMES
        }
        found_zoomed_out = found.pop(zoomed_out, None)
        known = _joined([whole, *found.values()])
        for view in self._unknown_windows(known, windows):
            found[view] = view.find(self._find_in_still, frame)
        known = _joined([whole, *found.values()])
        if found_zoomed_out is None and (self._stills or self._frame % _ZOOMED_EVERY == 0 or not len(known)):
            found_zoomed_out = zoomed_out.find(self._find_in_still, frame)
        if found_zoomed_out is not None:
            found[zoomed_out] = _elsewhere(found_zoomed_out, known)
        people = without_duplicates(_joined([whole, *found.values()]))
        if not self._stills:
            self._follow_missed(people, whole, found)
        self._frame += 1
        return people

    def _unknown_windows(self, known: FramePoses, windows: list[_View]) -> list[_View]:
        """Windows to search: those that are not the nearest one of a known person."""
        if self._stills or self._frame == 0 or not windows:
            return windows
        taken = {_nearest(windows, person) for person in known.keypoints}
        free = [window for window in windows if window not in taken]
        return [free[self._frame % len(free)]] if free else []

    def _follow_missed(self, people: FramePoses, whole: FramePoses, found: dict[_View, FramePoses]) -> None:
        """Follow people found in views only: in the window around them, or else zoomed out."""
        for person in people.keypoints:
            if any(same_person(person, other) for other in whole.keypoints):
                continue
            views = [
                view
                for view, poses in found.items()
                if any(same_person(person, one) for one in poses.keypoints)
            ]
            windows = [view for view in views if not view.is_zoomed_out]
            view = _nearest(windows, person) if windows else views[0]
            self._last_needed[view] = self._frame
            if view not in self._followers:
                self._followers[view] = self._open_finder(False)


def window_starts(height: int, width: int) -> list[int]:
    """Left edges of the square windows of a wide picture, in pixels; none for other pictures."""
    if width <= _WIDE * height:
        return []
    count = int(np.ceil((width - height) / (_STEP * height))) + 1
    return [round(start) for start in np.linspace(0, width - height, count)]


def _find_zoomed_out(finder: Finder, frame: np.ndarray) -> FramePoses:
    """People of a picture that is made smaller and continued by its edges."""
    scale = min(1.0, _ZOOMED_SIDE / min(frame.shape[:2]))
    if scale < 1:
        frame = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    margin = round(_ZOOMED_MARGIN * min(frame.shape[:2]))
    poses = finder(cv2.copyMakeBorder(frame, *[margin] * 4, cv2.BORDER_REPLICATE))
    keypoints = (poses.keypoints - margin + 0.5) / scale - 0.5
    return FramePoses(keypoints.astype(np.float32), poses.scores)


def _elsewhere(poses: FramePoses, known: FramePoses) -> FramePoses:
    """The people away from the known ones: zoomed out, a person who leans is also found in a second pose."""
    boxes, taken = _boxes(poses), _boxes(known)
    low = np.maximum(boxes[:, None, :2], taken[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], taken[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=-1)
    sizes, taken_sizes = ((each[:, 2:] - each[:, :2]).prod(axis=-1) for each in (boxes, taken))
    smaller = np.minimum(sizes[:, None], taken_sizes[None])
    free = (shared <= _MOST_SHARED * smaller).all(axis=1)
    return FramePoses(poses.keypoints[free], poses.scores[free])


def _boxes(poses: FramePoses) -> np.ndarray:
    """(P, 4) left, top, right and bottom of the joints."""
    return np.concatenate([poses.keypoints.min(axis=1), poses.keypoints.max(axis=1)], axis=1)


def _nearest(windows: list[_View], person: np.ndarray) -> _View:
    """The window with the (17, 2) pose nearest to its middle."""
    middle = (person[:, 0].min() + person[:, 0].max()) / 2
    return min(windows, key=lambda window: abs(window.left + window.width / 2 - middle))


def _joined(found: list[FramePoses]) -> FramePoses:
    return FramePoses(
        np.concatenate([poses.keypoints for poses in found]),
        np.concatenate([poses.scores for poses in found]),
    )
