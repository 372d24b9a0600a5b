"""Video to skeleton video: decode, estimate, close gaps, smooth, draw."""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from errors import InputError
from pose_extraction.coco import to_coco
from pose_extraction.estimator import FramePoses, create_estimator
from pose_extraction.skeleton import draw_skeleton
from pose_extraction.temporal import fill_gaps, smooth
from video_io import VIDEO_SUFFIXES, check_target, probe, read_frames, replacing, write_video

Progress = Callable[[int, int | None], None]
"""Called with frames done and frames in all (None when the file does not say)."""

_LEAST_PERSON_SHARE = 0.1  # a person in fewer frames than this is a false find

T = TypeVar("T")


@dataclass(frozen=True)
class Extraction:
    """What was found in a video.

    poses: frame by frame, gaps closed and smoothed, in pixels of a height x width picture.
    person_share: share of the frames in which the estimator saw a person, before gaps were closed.
    seconds: time spent to decode, estimate and write.
    """

    poses: list[FramePoses]
    person_share: float
    height: int
    width: int
    fps: float
    estimator: str
    seconds: dict[str, float]


def extract_skeleton_frames(
    frames: np.ndarray, estimator: str = "auto", progress: Progress | None = None
) -> tuple[np.ndarray, list[FramePoses]]:
    """Draw the people of frames that were already read; they may be sampled far apart.

    Args:
        frames: (F, H, W, 3) uint8 RGB.

    Returns:
        skeletons (F, H, W, 3) uint8 RGB, and the poses drawn.

    Raises:
        InputError: nobody was found, or the estimator is not available.
    """
    height, width = frames.shape[1:3]
    found = _reported(create_estimator(estimator).estimate(frames), progress, len(frames))
    poses = _refined(list(found), "the video")
    return np.stack([draw(frame, height, width) for frame in poses]), poses


def extract_skeleton_video(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    keypoints: str | os.PathLike[str] | None = None,
    estimator: str = "auto",
    progress: Progress | None = None,
) -> Extraction:
    """Write the skeleton video of a video, of the same size and frame rate, and on request its keypoints.

    The files appear complete or not at all. Frames are streamed; only the poses are held.

    Args:
        target: MP4 to write.
        keypoints: JSON to write, in COCO's format.

    Raises:
        InputError: the source cannot be read, nobody is seen in it, or a target cannot be written.
    """
    check_target(target, *VIDEO_SUFFIXES)
    if keypoints:
        check_target(keypoints)
    if Path(target).resolve() == Path(source).resolve():
        raise InputError(f"{target} would overwrite its own source; choose another name.")
    info = probe(source)
    model = create_estimator(estimator)
    seconds = {"decode": 0.0}
    start = time.perf_counter()
    frames = _timed(read_frames(source), seconds, "decode")
    found = list(_reported(model.estimate(frames), progress, info.frame_count))
    poses = _refined(found, Path(source).name)
    seconds["estimate"] = time.perf_counter() - start - seconds["decode"]

    start = time.perf_counter()
    with replacing(keypoints) if keypoints else nullcontext() as document:
        if document:
            coco = to_coco(poses, info.height, info.width, info.fps, model.name)
            Path(document).write_text(json.dumps(coco), encoding="utf-8")
        write_video(target, (draw(frame, info.height, info.width) for frame in poses), info.fps)
    seconds["write"] = time.perf_counter() - start
    share = _person_share(found)
    return Extraction(poses, share, info.height, info.width, info.fps, model.name, seconds)


def draw(frame: FramePoses, height: int, width: int) -> np.ndarray:
    """The (height, width, 3) uint8 RGB skeleton picture of one frame's people."""
    return draw_skeleton(frame.keypoints, frame.scores, height, width)


def _refined(found: list[FramePoses], name: str) -> list[FramePoses]:
    if _person_share(found) < _LEAST_PERSON_SHARE:
        seen = sum(map(bool, found))
        raise InputError(
            f"A person is seen in {seen} of {len(found)} frames of {name}; "
            "choose one that shows a person whole and not too small (a skeleton video needs no extraction)."
        )
    return smooth(fill_gaps(found))


def _person_share(found: list[FramePoses]) -> float:
    return sum(map(bool, found)) / len(found)


def _reported(
    poses: Iterable[FramePoses], progress: Progress | None, total: int | None
) -> Iterator[FramePoses]:
    for done, frame in enumerate(poses, start=1):
        if progress:
            progress(done, total)
        yield frame


def _timed(items: Iterable[T], seconds: dict[str, float], phase: str) -> Iterator[T]:
    """Add the time spent waiting for items to ``seconds[phase]``."""
    iterator = iter(items)
    while True:
        start = time.perf_counter()
        item = next(iterator, None)
        seconds[phase] += time.perf_counter() - start
        if item is None:
            return
        yield item
