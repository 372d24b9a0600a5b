"""Video to skeleton video: decode, estimate, link, clean, draw."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from fyp_media.errors import InputError
from fyp_media.files import check_target, check_targets
from fyp_media.frame_times import check_rate
from fyp_media.read_video import open_video
from fyp_media.write_video import VIDEO_SUFFIXES, write_video
from pose_extraction.estimators.factory import AUTO, choose_estimator
from pose_extraction.keypoint_files.files import KEYPOINT_SUFFIX, write_motion
from pose_extraction.motion.motion import Motion
from pose_extraction.motion.temporal import clean
from pose_extraction.motion.tracking import ALL, choose, link
from pose_extraction.overlay import over_frames
from pose_extraction.pose_cache import EstimatedPoses, PoseCache
from pose_extraction.poses import FramePoses

ProgressCallback = Callable[[int, int | None], None]
"""Called with frames done and frames in all (None when the file does not say)."""

_LEAST_PERSON_SHARE = 0.1  # of the frames; a person in fewer is a false detection
_SAMPLED_FPS = 6.0  # every fifth frame of 30 a second, as the published model takes them

T = TypeVar("T")


@dataclass(frozen=True)
class Extraction:
    """What was found in a video.

    motion: the people chosen, cleaned.
    people: how many were followed in all.
    person_share: share of the frames in which the estimator saw a person, before gaps were closed.
    estimator, why: which estimator found the poses, and why it was chosen.
    seconds: time spent to decode, estimate and write.
    """

    motion: Motion
    people: int
    person_share: float
    estimator: str
    why: str
    seconds: dict[str, float]


@dataclass(frozen=True)
class FoundPeople:
    """What was found in frames.

    everybody: all people, as the estimator saw them.
    estimator, why: which estimator found the poses, and why it was chosen.
    """

    everybody: Motion
    estimator: str
    why: str

    @classmethod
    def of(cls, poses: EstimatedPoses, fps: float, video: str = "the video") -> FoundPeople:
        """Each person followed through the frames.

        Args:
            fps: frames a second.
            video: its name, for the message.

        Raises:
            InputError: nobody was found.
        """
        _check_found(poses.frames, video)
        return cls(link(poses.frames, poses.height, poses.width, fps), poses.estimator, poses.why)

    def followed(self, people: str = ALL, smoothing: float = 1.0) -> Motion:
        """The people chosen, cleaned; see :func:`extract_skeleton_video`."""
        return clean(choose(self.everybody, people), smoothing, unknown_are_outside=True)


def find_people(
    frames: Iterable[np.ndarray],
    count: int,
    estimator: str = AUTO,
    progress: ProgressCallback | None = None,
    *,
    fps: float = _SAMPLED_FPS,
) -> FoundPeople:
    """:func:`estimate_poses`, and each person followed.

    Args:
        fps: frames a second.

    Raises:
        InputError: nobody was found, or the estimator is not available.
    """
    return FoundPeople.of(estimate_poses(frames, count, estimator, progress=progress), fps)


def estimate_poses(
    frames: Iterable[np.ndarray],
    count: int | None,
    estimator: str = AUTO,
    weights: str | None = None,
    progress: ProgressCallback | None = None,
) -> EstimatedPoses:
    """The poses of frames, which may be sampled far apart and are held one at a time.

    Args:
        frames: (H, W, 3) uint8 RGB, at least one, all of one size.
        count: how many frames there are, for the progress.
        estimator, weights: see :func:`choose_estimator`.

    Raises:
        InputError: the estimator is not available.
    """
    model, why = choose_estimator(estimator, weights)
    sizes: list[tuple[int, int]] = []
    found = list(_reported(model.estimate(_noting_sizes(frames, sizes)), progress, count))
    return EstimatedPoses(found, *sizes[0], model.name, why)


def extract_skeleton_video(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    keypoints: str | os.PathLike[str] | None = None,
    overlay: str | os.PathLike[str] | None = None,
    estimator: str = AUTO,
    weights: str | None = None,
    people: str = ALL,
    smoothing: float = 1.0,
    fps: float | None = None,
    progress: ProgressCallback | None = None,
    cache: PoseCache | None = None,
) -> Extraction:
    """Write the skeleton video of a video, of the same size, and on request its keypoints and an overlay.

    The files appear complete or not at all. Frames are streamed; only the poses are held.

    Args:
        target: MP4 to write.
        keypoints: JSON to write, in COCO's format.
        overlay: MP4 to write, the skeletons over the source's frames.
        weights: see :func:`choose_estimator`.
        people: ``all``, ``largest`` or numbers such as ``1,3``, from 1 in order of appearance.
        smoothing: strength, 0 is off; see :func:`pose_extraction.motion.temporal.smooth`.
        fps: frames a second to sample and write; by default the video's own, which is every frame once, or where
            frames are shown for unequal times, those shown at even times.
        cache: of poses estimated before; by default the user's.

    Raises:
        InputError: the source cannot be read, nobody is seen in it, or a target cannot be written.
    """
    _check_files(source, target, keypoints, overlay)
    check_rate(fps)
    cache = cache or PoseCache.of_user()
    seconds = {"decode": 0.0}
    start = time.perf_counter()
    with open_video(source) as video:
        info = video.info
        if fps is None and not info.is_even:
            fps = info.fps
        total = info.frame_count if fps is None else round(info.duration * fps)

        def estimate() -> EstimatedPoses:
            frames = _timed(video.frames(fps=fps), seconds, "decode")
            return estimate_poses(frames, total, estimator, weights, progress)

        poses = cache.get(source, {"fps": fps}, estimator, weights, estimate)
        found = FoundPeople.of(poses, fps or info.fps, video.name)
        motion = found.followed(people, smoothing)
        seconds["estimate"] = time.perf_counter() - start - seconds["decode"]

        start = time.perf_counter()
        write_motion(motion, target)
        if keypoints:
            write_motion(motion, keypoints, estimator=found.estimator)
        if overlay:
            write_video(overlay, over_frames(video.frames(fps=fps), motion), motion.fps)
        seconds["write"] = time.perf_counter() - start
    count = found.everybody.keypoints.shape[1]
    return Extraction(motion, count, _person_share(poses.frames), found.estimator, found.why, seconds)


def _check_files(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    keypoints: str | os.PathLike[str] | None,
    overlay: str | os.PathLike[str] | None,
) -> None:
    """Before long work: raise InputError for a file that cannot be written."""
    check_targets([target, *([overlay] if overlay else [])], VIDEO_SUFFIXES, [source])
    if keypoints:
        check_target(keypoints, KEYPOINT_SUFFIX)


def _check_found(found: list[FramePoses], name: str) -> None:
    if _person_share(found) < _LEAST_PERSON_SHARE:
        seen = sum(map(bool, found))
        raise InputError(
            f"A person is seen in {seen} of {len(found)} frames of {name}; "
            "choose one that shows a person whole and not too small (a skeleton video needs no extraction)."
        )


def _noting_sizes(frames: Iterable[np.ndarray], sizes: list[tuple[int, int]]) -> Iterator[np.ndarray]:
    for frame in frames:
        sizes.append(frame.shape[:2])
        yield frame


def _person_share(found: list[FramePoses]) -> float:
    return sum(map(bool, found)) / len(found)


def _reported(
    poses: Iterable[FramePoses], progress: ProgressCallback | None, total: int | None
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
