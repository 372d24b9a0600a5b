"""The part of a picture that holds people: fixed for a clip, or following them slowly."""

from __future__ import annotations

import numpy as np

from fyp_media.fit import PictureWindow

# Figures of the clips the models were trained on fill about four fifths of the picture, measured from joint to joint.
_MARGIN = 0.13  # of the extent of the people, beyond the joints on each side
_LEAST_SHARE = 1 / 12  # of the picture's longer side: a window is not smaller
_FOLLOW_SECONDS = 1.0  # a following window lags behind, or runs ahead, by about this much


def people_window(points: np.ndarray, shown: tuple[int, int], size: tuple[int, int]) -> PictureWindow:
    """The smallest part with the proportions of ``size`` that holds all points with a margin.

    It may reach beyond the picture.

    Args:
        points: (F, N, 2) x and y in pixels, NaN where unknown; at least one is known.
        shown: height and width of the picture.
        size: height and width shown.
    """
    low, high = np.nanmin(points, axis=(0, 1)), np.nanmax(points, axis=(0, 1))
    return _around((low + high) / 2, _window_size(high - low, shown, size), size)


def following_windows(
    points: np.ndarray, shown: tuple[int, int], size: tuple[int, int], fps: float
) -> list[PictureWindow]:
    """One window a frame, all of one size, that moves slowly and holds the frame's points with a margin.

    Args:
        points, shown, size: as of :func:`people_window`.
        fps: frames a second.
    """
    from scipy.ndimage import gaussian_filter1d  # slow to import, and few commands need it

    known = np.isfinite(points).all(axis=-1).any(axis=-1)
    low, high = np.nanmin(points[known], axis=1), np.nanmax(points[known], axis=1)
    window = _window_size((high - low).max(axis=0), shown, size)
    frames = np.arange(len(points))
    at = np.flatnonzero(known)
    low, high = (np.stack([np.interp(frames, at, side) for side in box.T], axis=-1) for box in (low, high))
    centers = gaussian_filter1d((low + high) / 2, _FOLLOW_SECONDS * fps, axis=0, mode="nearest")
    slack = (window - (high - low) * (1 + _MARGIN)) / 2  # half of the margin may be used up by lagging behind
    middle = (low + high) / 2
    centers = np.clip(centers, middle - slack.clip(0), middle + slack.clip(0))
    return [_around(center, window, size) for center in centers]


def _window_size(extent: np.ndarray, shown: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """Width and height of a window with the proportions of ``size`` round people of an extent (width, height)."""
    proportions = np.array(size[::-1], float) / max(size)
    needed = max(extent * (1 + 2 * _MARGIN) / proportions)
    return max(float(needed), _LEAST_SHARE * max(shown)) * proportions


def _around(center: np.ndarray, window: np.ndarray, size: tuple[int, int]) -> PictureWindow:
    left, top = center + 0.5 - window / 2  # joints lie on pixel centres
    return PictureWindow(float(left), float(top), float(window[0]), float(window[1]), size)
