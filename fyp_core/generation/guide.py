"""From a video to the skeleton frames that a generation follows; needs no model."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fyp_core.conditioning.compressed_frames import CompressedFrames
from fyp_core.generation.job import Job
from fyp_core.generation.pose.framing import (
    Fit,
    hidden_notice,
    hidden_share,
    line_corners,
    windows_of_people,
)
from fyp_core.generation.reference import ReferencePicture, read_reference
from fyp_core.generation.request import GenerationRequest, InputType
from fyp_core.generation.result_size import ModelSize, result_size
from fyp_media.decoding.video import Sampling, Video, frame_number, frame_numbers, size_after_crop
from fyp_media.errors import InputError
from fyp_media.files import file_hash
from fyp_media.fit import PictureWindow, cover
from fyp_media.read_video import open_video
from fyp_media.sound import Sound
from pose_extraction.extract import FoundPeople, estimate_poses
from pose_extraction.keypoint_files import is_motion, motion_hash, read_motion
from pose_extraction.motion.body import with_body
from pose_extraction.motion.edit import mirror, scale
from pose_extraction.motion.motion import Motion
from pose_extraction.motion.temporal import clean
from pose_extraction.motion.tracking import ALL, choose
from pose_extraction.pose_cache import EstimatedPoses, PoseCache
from pose_extraction.skeleton import SCORE_THRESHOLD, draw_skeleton
from pose_extraction.skeleton_style import Style, kind_of_stream, recognise_style

_FRAMES_FOR_STYLE = 8
_SMOOTHING = 1.0  # of the people found in a video
_CHOSEN = ("frames", "stride", "start", "crop")  # fields that choose what is examined
_TOLERATED_SHARE = 0.002  # of the lines outside the window: compression noise

Frames = Callable[[], Iterable[np.ndarray]]
"""Reads the chosen frames of the input from the first one on, (H, W, 3) uint8 RGB each, one at a time."""


@dataclass(frozen=True)
class Guide:
    """The frames to follow.

    skeletons: (F, H, W, 3) uint8 RGB, in the model's style and of the result's size; decompressed when they are used.
    windows: for each frame the part of the input's picture, after its crop, that is shown.
    shown: height and width of that picture.
    fps: frames a second at which these play at the source's speed, at least 1.
    input_hash: SHA-256 of the input's file.
    seconds: spent on ``read`` and ``pose``.
    input_type: the kind of the input: ``raw``, ``skeleton`` or ``keypoints``.
    read_as: one sentence about it, such as "Read as a skeleton video in the OpenPose style."
    estimator: name of what found the people in a raw video.
    motion: the people followed, in pixels of the picture; None where the input is a skeleton video.
    everybody: all people found, in pixels of the picture, before they are chosen, smoothed or changed; None as above.
    notices: sentences the user should read, for example on a skeleton video in another style.
    sound: that of the input during these frames; None where the frames do not play at the source's speed.
    reference: of the request that is generated, see :func:`with_reference`.
    """

    skeletons: CompressedFrames
    windows: list[PictureWindow]
    shown: tuple[int, int]
    fps: float
    input_hash: str
    seconds: dict[str, float]
    input_type: InputType
    read_as: str = ""
    estimator: str | None = None
    motion: Motion | None = None
    everybody: Motion | None = None
    notices: list[str] = field(default_factory=list)
    sound: Sound | None = None
    reference: ReferencePicture | None = None


def with_reference(guide: Guide, request: GenerationRequest) -> Guide:
    """A guide with the reference picture of the request that is generated; one that has it, as replicas get, stays.

    Raises:
        InputError: the picture cannot be read.
    """
    return guide if guide.reference else replace(guide, reference=read_reference(request))


def make_guide(
    request: GenerationRequest,
    model: ModelSize,
    job: Job | None = None,
    turn: AbstractContextManager[None] | None = None,
    cache: PoseCache | None = None,
) -> Guide:
    """Read the frames to follow and, of a raw video, find the people in them.

    Args:
        model: the default size of the model's videos.
        job: a cancellation takes effect within a frame.
        turn: entered while poses are estimated, which keeps the processor busy.
        cache: of poses estimated before; by default the user's.

    Raises:
        InputError: a setting or the video cannot work.
        JobCancelled: the job was cancelled.
    """
    job, turn, cache = job or Job(), turn or nullcontext(), cache or PoseCache.of_user()
    request.check()
    kind = request.input_type
    if kind == "keypoints" or (kind == "auto" and is_motion(request.input)):
        return _from_keypoints(request, model)
    with open_video(request.input) as video:
        shown = video.cropped_size(request.crop)
        size = result_size(model, shown, request.width, request.height, request.aspect)
        source = _Source(video, request, job, shown, size)
        source.frames()  # raises where the video is too short
        if kind == "raw":
            return _from_people(source, turn, cache)
        examined = _skeletons_examined(source)
        if examined is None:
            return _from_people(source, turn, cache)
        _refuse_pose_controls(request)
        return _from_skeletons(source, examined)


def fine_skeletons(request: GenerationRequest, guide: Guide) -> Iterator[np.ndarray]:
    """The skeletons of a guide in the input's resolution, for people to see and to use again as input.

    Args:
        request: of which the guide was made.

    Yields:
        (H, W, 3) uint8 RGB; what is shown and its proportions are those of ``guide.skeletons``.
    """
    coarse = guide.skeletons.shape[1:3]
    scale = max(1.0, min(guide.shown) / min(coarse))
    size = round(coarse[0] * scale), round(coarse[1] * scale)
    windows = [replace(window, size=size) for window in guide.windows]
    if guide.motion is not None:
        yield from _draw(guide.motion, windows)
        return
    with open_video(request.input) as video:
        source = _Source(video, request, Job(), guide.shown, size)
        frames = _styled(source, _style_of(source, source.frames_for_style()))
        for window, frame in zip(windows, frames()):
            yield window.cut(frame)


@dataclass(frozen=True)
class _Source:
    """An open video and what is requested of it.

    shown, size: height and width of the cropped picture and of the result.
    """

    video: Video
    request: GenerationRequest
    job: Job
    shown: tuple[int, int]
    size: tuple[int, int]

    @property
    def fps(self) -> float:
        """Of the frames chosen, at least 1."""
        return max(1.0, self.video.info.fps / self.request.stride)

    @property
    def sound(self) -> Sound | None:
        """The input's sound during the chosen frames."""
        own, request = self.video.info.fps, self.request
        if own / request.stride < self.fps:  # frames are then shown faster than in the source
            return None
        return Sound(request.input, request.start / own, request.frames / self.fps)

    def frames(self) -> Iterator[np.ndarray]:
        request = self.request
        sampling = Sampling(request.frames, request.stride, request.start, request.crop)
        return self.video.sampled(sampling, self.job.check)

    @property
    def sampling_for_style(self) -> Sampling:
        """Of frames spread over those chosen."""
        request = self.request
        every = max(1, -(-request.frames // _FRAMES_FOR_STYLE))
        return Sampling(-(-request.frames // every), request.stride * every, request.start, request.crop)

    def frames_for_style(self) -> np.ndarray:
        """(F, H, W, 3), read by :attr:`sampling_for_style`."""
        return self.video.sample(self.sampling_for_style, on_decoded=self.job.check)

    def hash(self) -> str:
        return file_hash(Path(self.request.input))


# --- skeleton videos


def _skeletons_examined(source: _Source) -> np.ndarray | None:
    """See :meth:`_Source.frames_for_style`; None where the input is to be recognised and shows people."""
    if source.request.input_type == "skeleton":
        return source.frames_for_style()
    sampling, examined = source.sampling_for_style, []

    def noted() -> Iterator[np.ndarray]:
        for frame in source.video.sampled(sampling, source.job.check):
            examined.append(frame)
            yield frame

    return None if kind_of_stream(noted(), sampling.count) == "raw" else np.stack(examined)


def _from_skeletons(source: _Source, examined: np.ndarray) -> Guide:
    start = time.perf_counter()
    style = _style_of(source, examined)
    frames = _styled(source, style)
    notices = [style.notice] if style.notice else []
    windows, hidden = _windows_of_lines(source, frames)
    skeletons = CompressedFrames(window.cut(frame) for window, frame in zip(windows, frames()))
    if notice := hidden_notice(hidden, "lines"):
        notices.append(notice)
    seconds = {"read": round(time.perf_counter() - start, 3)}
    return Guide(
        skeletons,
        windows,
        source.shown,
        source.fps,
        source.hash(),
        seconds,
        "skeleton",
        f"Read as a skeleton video in {style.name}.",
        notices=notices,
        sound=source.sound,
    )


def _refuse_pose_controls(request: GenerationRequest) -> None:
    """Raise InputError where joints are to be changed, which a picture of lines does not have."""
    given = {
        "people": request.people != ALL,
        "smoothing": bool(request.smoothing),
        "pose scale": request.pose_scale != 1,
        "retarget": request.retarget is not None,
        "mirror": request.mirror,
    }
    if names := [name for name, is_given in given.items() if is_given]:
        raise InputError(
            f"The input is a skeleton video, in which {' and '.join(names)} cannot be changed; give the video it was"
            " made of, or keypoints."
        )


def _style_of(source: _Source, examined: np.ndarray) -> Style:
    """How the video is drawn.

    Args:
        examined: see :meth:`_Source.frames_for_style`.
    """
    if not examined.any():  # the people may be in the other frames
        lit = [*itertools.islice((frame for frame in source.frames() if frame.any()), _FRAMES_FOR_STYLE)]
        examined = np.stack(lit) if lit else examined
    return recognise_style(examined)


def _styled(source: _Source, style: Style) -> Frames:
    """The frames in the model's style."""
    to_ours = style.to_ours
    return source.frames if to_ours is None else lambda: map(to_ours, source.frames())


def _windows_of_lines(source: _Source, frames: Frames) -> tuple[list[PictureWindow], float]:
    """The windows, and the share of the lines outside them."""
    request, shown, size = source.request, source.shown, source.size
    middle = cover(shown, size)
    shows_all = middle.contains(np.array([(0, 0), (shown[1] - 1, shown[0] - 1)])).all()
    fit: Fit | None = request.fit
    if fit in (None, "cover") and shows_all:
        return [middle] * request.frames, 0.0
    corners, hidden = [], []
    for frame in frames():
        points, outside = line_corners(frame, middle)
        corners.append(points)
        hidden.append(outside)
    share = float(np.mean(hidden))
    if fit is None:
        fit = "cover" if share <= _TOLERATED_SHARE else "people"
    windows = windows_of_people(fit, np.stack(corners), shown, size, source.fps, follow=request.follow)
    return windows, share if fit == "cover" else 0.0


# --- videos of people


def _from_people(source: _Source, turn: AbstractContextManager[None], cache: PoseCache) -> Guide:
    request = source.request
    seconds = {"read": 0.0, "pose": 0.0}
    poses = cache.get(
        request.input,
        {name: getattr(request, name) for name in _CHOSEN},
        request.estimator,
        None,
        lambda: _estimate_poses(source, turn, seconds),
    )
    found = FoundPeople.of(poses, source.fps, source.video.name)
    motion = found.followed(request.people, _SMOOTHING if request.smoothing is None else request.smoothing)
    motion = _with_pose_controls(motion, request)
    windows, notices = _windows_of_joints(request, motion, source.shown, source.size)
    return Guide(
        CompressedFrames(_draw(motion, windows)),
        windows,
        source.shown,
        source.fps,
        source.hash(),
        {phase: round(spent, 3) for phase, spent in seconds.items()},
        "raw",
        f"Read as a video of {_people(found.everybody)}.",
        found.estimator,
        motion,
        found.everybody,
        notices,
        source.sound,
    )


def _estimate_poses(
    source: _Source, turn: AbstractContextManager[None], seconds: dict[str, float]
) -> EstimatedPoses:
    """Those of everybody in the frames; the time spent is put into ``seconds``."""
    count, job = source.request.frames, source.job
    with turn:
        start = time.perf_counter()
        job.report("pose", 0, count)
        poses = estimate_poses(
            _timed(source.frames(), seconds),
            count,
            source.request.estimator,
            progress=lambda done, total: job.report("pose", done, total or count),
        )
    seconds["pose"] = time.perf_counter() - start - seconds["read"]
    return poses


def _people(everybody: Motion) -> str:
    count = everybody.keypoints.shape[1]
    return "one person" if count == 1 else f"{count} people"


def _with_pose_controls(motion: Motion, request: GenerationRequest) -> Motion:
    if request.retarget is not None:
        motion = with_body(motion, request.retarget)
    if request.pose_scale != 1:
        motion = scale(motion, request.pose_scale, "feet")
    return mirror(motion) if request.mirror else motion


def _draw(motion: Motion, windows: Iterable[PictureWindow]) -> Iterator[np.ndarray]:
    """Skeletons drawn at the result's size, so that lines are as thick as in training."""
    for window, keypoints, scores in zip(windows, motion.keypoints, motion.scores):
        yield draw_skeleton(window.map_points(keypoints), scores, *window.size)


def _windows_of_joints(
    request: GenerationRequest, motion: Motion, shown: tuple[int, int], size: tuple[int, int]
) -> tuple[list[PictureWindow], list[str]]:
    """The windows, and sentences about them for the user."""
    points = np.where(motion.scores[..., None] >= SCORE_THRESHOLD, motion.keypoints, np.nan)
    points = points.reshape(len(motion), -1, 2)
    fit = request.fit or "people"
    windows = windows_of_people(fit, points, shown, size, motion.fps, follow=request.follow)
    empty = np.flatnonzero(~np.isfinite(points).any(axis=(1, 2)))
    notices = [_empty_notice(empty, request)] if len(empty) else []
    if notice := hidden_notice(hidden_share(points, windows), "joints"):
        notices.append(notice)
    return windows, notices


def _empty_notice(empty: np.ndarray, request: GenerationRequest) -> str:
    """Which frames of the input show nobody: single numbers and ranges of neighbours among those chosen.

    Args:
        empty: their indices in the result, ascending.
    """
    numbers = np.array(frame_numbers(request.frames, request.stride, request.start))[empty]
    runs = np.split(numbers, np.flatnonzero(np.diff(empty) > 1) + 1)
    ends = [(run[0], run[-1]) for run in runs]
    ranges = [f"{first}-{last}" if last > first else f"{first}" for first, last in ends]
    kind = "frame" if len(empty) == 1 else "frames"
    return f"Nobody is seen in {kind} {', '.join(ranges)} of the video; the result follows nobody there."


# --- keypoints


def _from_keypoints(request: GenerationRequest, model: ModelSize) -> Guide:
    start = time.perf_counter()
    path = Path(request.input)
    everybody = _cropped(_sampled(read_motion(path), request), request)
    motion = choose(everybody, request.people)
    if request.smoothing:
        motion = clean(motion, request.smoothing)
    motion = _with_pose_controls(motion, request)
    shown = motion.height, motion.width
    size = result_size(model, shown, request.width, request.height, request.aspect)
    windows, notices = _windows_of_joints(request, motion, shown, size)
    skeletons = CompressedFrames(_draw(motion, windows))
    seconds = {"read": round(time.perf_counter() - start, 3)}
    return Guide(
        skeletons,
        windows,
        shown,
        motion.fps,
        motion_hash(path),
        seconds,
        "keypoints",
        f"Read as keypoints of {_people(everybody)}.",
        motion=motion,
        everybody=everybody,
        notices=notices,
    )


def _sampled(motion: Motion, request: GenerationRequest) -> Motion:
    """The frames chosen of a motion."""
    if frame_number(request.frames - 1, request.stride, request.start) >= len(motion):
        raise InputError(
            f"{Path(request.input).name} has {len(motion)} frames, too few for {request.frames} with stride"
            f" {request.stride:g} from frame {request.start}; take fewer or closer ones."
        )
    chosen = frame_numbers(request.frames, request.stride, request.start)
    fps = max(1.0, motion.fps / request.stride)
    return replace(motion, keypoints=motion.keypoints[chosen], scores=motion.scores[chosen], fps=fps)


def _cropped(motion: Motion, request: GenerationRequest) -> Motion:
    height, width = size_after_crop(motion.width, motion.height, request.crop)
    left, _, top, _ = request.crop
    return replace(
        motion, keypoints=motion.keypoints - np.array([left, top], np.float32), height=height, width=width
    )


def _timed(frames: Iterable[np.ndarray], seconds: dict[str, float]) -> Iterator[np.ndarray]:
    """Add the time spent waiting for frames to ``seconds["read"]``."""
    start = time.perf_counter()
    for frame in frames:
        seconds["read"] += time.perf_counter() - start
        yield frame
        start = time.perf_counter()
