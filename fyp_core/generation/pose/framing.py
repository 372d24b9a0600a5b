"""Which part of the input's picture is shown."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np

from fyp_media.fit import PictureWindow, contain, cover
from fyp_media.people_window import following_windows, people_window

Fit = Literal["people", "contain", "cover"]
FITS: tuple[Fit, ...] = get_args(Fit)
_HIDDEN = 0.35  # brightness of what a preview shows outside the window
_LIT = 96  # brightest channel, of 255, of a line; compression noise is darker
_LEAST_SHARE_IN_NOTICE = 0.005


def windows_of_people(
    fit: Fit, points: np.ndarray, shown: tuple[int, int], size: tuple[int, int], fps: float, *, follow: bool
) -> list[PictureWindow]:
    """One window a frame.

    Args:
        fit: ``people`` holds the people of all frames, ``contain`` the whole picture, ``cover`` its middle.
        points: (F, N, 2) x and y of the joints drawn, NaN where there are none.
        shown, size: height and width of the picture and of the result.
        follow: the window of people moves slowly with them.
    """
    if fit == "people" and np.isfinite(points).any():
        if follow:
            return following_windows(points, shown, size, fps)
        return [people_window(points, shown, size)] * len(points)
    return [(contain if fit == "contain" else cover)(shown, size)] * len(points)


def hidden_share(points: np.ndarray, windows: list[PictureWindow]) -> float:
    """Share of the known joints, (F, N, 2), that lie outside their frame's window."""
    known = np.isfinite(points).all(axis=-1)
    inside = np.stack([window.contains(each) for window, each in zip(windows, points)])
    return float((known & ~inside).sum() / max(known.sum(), 1))


def hidden_notice(share: float, what: str) -> str | None:
    """A sentence on what lies outside the window, None where too little to mention."""
    if share < _LEAST_SHARE_IN_NOTICE:
        return None
    return f"{max(share, 0.01):.0%} of the {what} lie outside the picture shown; --fit people shows them all."


def line_corners(skeleton: np.ndarray, window: PictureWindow) -> tuple[np.ndarray, float]:
    """Where the lines of an (H, W, 3) skeleton frame are.

    Returns:
        (4, 2) x and y of the corners of the box around them, NaN where there are none; and the share of them that the
        window does not show.
    """
    lit = skeleton.max(axis=-1) > _LIT
    points = np.argwhere(lit)[:, ::-1].astype(float)
    if not len(points):
        return np.full((4, 2), np.nan), 0.0
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    corners = np.array([(left, top), (right, top), (left, bottom), (right, bottom)])
    return corners, float((~window.contains(points)).mean())


def window_preview(picture: np.ndarray, window: PictureWindow) -> np.ndarray:
    """An (H, W, 3) uint8 RGB picture with what lies outside the window darkened, large enough for both."""
    height, width = picture.shape[:2]
    left, top = (min(0, int(np.floor(side))) for side in (window.left, window.top))
    right = max(width, int(np.ceil(window.left + window.width)))
    bottom = max(height, int(np.ceil(window.top + window.height)))
    shown = np.zeros((bottom - top, right - left, 3), np.uint8)
    shown[-top : height - top, -left : width - left] = picture
    corner = round(window.left - left), round(window.top - top)
    opposite = corner[0] + round(window.width), corner[1] + round(window.height)
    inside = (slice(corner[1], opposite[1]), slice(corner[0], opposite[0]))
    dark = (shown * _HIDDEN).astype(np.uint8)
    dark[inside] = shown[inside]
    thickness = max(1, round(max(shown.shape) / 256))
    return cv2.rectangle(dark, corner, (opposite[0] - 1, opposite[1] - 1), (255, 255, 255), thickness)
