"""The pose of an uploaded video: found once, shown over the video, and used by every prompt."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from fyp_core.generation.engine import Engine
from fyp_core.generation.guide import Guide
from fyp_core.generation.job import Job
from fyp_core.generation.pose.framing import window_preview
from fyp_core.generation.request import GenerationRequest
from fyp_media.decoding.video import Sampling, frame_number
from fyp_media.files import file_hash
from fyp_media.fit import PictureWindow
from fyp_media.read_video import open_video
from pose_extraction.motion.tracking import ALL, LARGEST
from pose_extraction.overlay import number_people, over_frames

_KEPT_GUIDES = 16
# Of compressed skeletons; 64 frames of 512×512 take up to 3 MB. The last guide is kept at any size.
_KEPT_BYTES = 256e6
_POLL_SECONDS = 0.1
# The fields on which a guide depends; others may change without finding the pose again.
_FIELDS = (
    "input", "input_type", "estimator", "people", "smoothing", "pose_scale", "retarget", "mirror", "frames", "stride",
    "start", "crop", "fit", "follow", "aspect", "width", "height",
)  # fmt: skip


class Poses:
    """A cache of guides; requests for a guide that is being made wait for it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: OrderedDict[Hashable, Guide] = OrderedDict()
        self._being_made: set[Hashable] = set()
        self._changing = threading.Lock()

    def guide(self, request: GenerationRequest, job: Job | None = None) -> Guide:
        """The frames to follow; see :meth:`Engine.prepare` for what is raised."""
        job = job or Job()
        key = _key(request)
        while not self._begin(key):
            job.check()
            time.sleep(_POLL_SECONDS)
        try:
            guide = self._kept.get(key) or self._engine.prepare(request, job)
            self._keep(key, guide)
            return guide
        finally:
            self._being_made.discard(key)

    def has(self, request: GenerationRequest) -> bool:
        """Whether the guide is in the cache."""
        return _key(request) in self._kept

    def _begin(self, key: Hashable) -> bool:
        """Mark a guide as being made; False where another thread makes it."""
        with self._changing:
            if key in self._being_made:
                return False
            self._being_made.add(key)
            return True

    def _keep(self, key: Hashable, guide: Guide) -> None:
        with self._changing:
            self._kept[key] = guide
            self._kept.move_to_end(key)
            size = sum(kept.skeletons.nbytes for kept in self._kept.values())
            while len(self._kept) > (1 if size > _KEPT_BYTES else _KEPT_GUIDES):
                size -= self._kept.popitem(last=False)[1].skeletons.nbytes


def preview(request: GenerationRequest, guide: Guide) -> np.ndarray:
    """A frame near the middle, with the skeleton over it, darker outside the window: (H, W, 3) uint8 RGB.

    Where there are several people, each has a box and a number.
    """
    index = _shown_frame(guide)
    with open_video(request.input) as video:
        number = frame_number(index, request.stride, request.start)
        frames = list(video.sampled(Sampling(1, start=number, crop=request.crop)))
    if guide.motion is not None:
        motion = guide.motion
        one = replace(
            motion, keypoints=motion.keypoints[index : index + 1], scores=motion.scores[index : index + 1]
        )
        frames = list(over_frames(frames, one))
    window = guide.windows[index]
    picture = window_preview(frames[0], window)
    if guide.everybody is None or guide.everybody.keypoints.shape[1] == 1:
        return picture
    return number_people(picture, guide.everybody.keypoints[index] - _corner(window))


def describe_pose(request: GenerationRequest, guide: Guide) -> str:
    """The kind of the input and, where several people are seen, which of them are followed."""
    if guide.everybody is None or (count := guide.everybody.keypoints.shape[1]) == 1:
        return guide.read_as
    if request.people == ALL:
        return f"{guide.read_as} All are followed: click one to follow nobody else."
    who = "The largest is" if request.people == LARGEST else f"Of 1 to {count}, {request.people} is"
    return f"{guide.read_as} {who} followed: click another, or the same one again to follow all."


def person_at(point: tuple[float, float], guide: Guide) -> int | None:
    """The number, from 1, of the person nearest to a point of :func:`preview`."""
    index = _shown_frame(guide)
    if guide.everybody is None:
        return None
    keypoints = guide.everybody.keypoints[index] - _corner(guide.windows[index])  # (P, 17, 2)
    distances = np.linalg.norm(keypoints - point, axis=-1)
    nearest = np.nan_to_num(distances, nan=np.inf).min(axis=-1)
    return int(nearest.argmin()) + 1 if np.isfinite(nearest).any() else None


def _shown_frame(guide: Guide) -> int:
    """The middle frame, or the nearest to it in which somebody is followed."""
    middle = len(guide.windows) // 2
    shown = np.flatnonzero(guide.motion.present.any(axis=1)) if guide.motion else np.array([])
    return int(shown[np.abs(shown - middle).argmin()]) if len(shown) else middle


def _corner(window: PictureWindow) -> np.ndarray:
    """x and y, in the input's picture, of the upper left corner of :func:`preview`."""
    return np.array([min(0, int(np.floor(side))) for side in (window.left, window.top)], np.float32)


def source_frames(request: GenerationRequest, guide: Guide) -> Iterator[np.ndarray]:
    """The part of the input that is shown, frame for frame with the result, in the input's resolution."""
    coarse = guide.skeletons.shape[1:3]
    scale = max(1.0, min(guide.shown) / min(coarse))
    size = round(coarse[0] * scale), round(coarse[1] * scale)
    with open_video(request.input) as video:
        frames = video.sampled(Sampling(request.frames, request.stride, request.start, request.crop))
        for window, frame in zip(guide.windows, frames):
            yield replace(window, size=size).cut(frame)


def _key(request: GenerationRequest) -> Hashable:
    values = tuple(repr(getattr(request, name)) for name in _FIELDS)
    return (*values, file_hash(Path(request.input)))
