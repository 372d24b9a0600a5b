"""MediaPipe's BlazePose (Bazarevsky et al. 2020, arXiv:2006.10204): several people, offline, on one CPU core."""

import contextlib
import functools
import io
import itertools
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import mediapipe
import numpy as np
from mediapipe.python.solutions.pose import PoseLandmark
from mediapipe.tasks.python import BaseOptions, vision
from mediapipe.tasks.python.metadata.metadata_writers.metadata_writer import MetadataWriter

from fyp_media.errors import InputError
from pose_extraction.estimators.native_stderr import native_stderr_muted
from pose_extraction.estimators.windows import Finder, WindowSearch
from pose_extraction.poses import FramePoses, PoseEstimator
from pose_extraction.selection import without_unseen_joints
from pose_extraction.skeleton import KEYPOINT_NAMES

# BlazePose has 33 landmarks; the 17 of COCO are among them under the same names.
_COCO_LANDMARKS = [PoseLandmark[name.upper()] for name in KEYPOINT_NAMES]

# The networks in MediaPipe's wheel by their names in a bundle, with mean and deviation of the pixel values they take.
_NETWORKS = {
    "pose_detector.tflite": ("pose_detection/pose_detection.tflite", 127.5, 127.5),
    "pose_landmarks_detector.tflite": ("pose_landmark/pose_landmark_full.tflite", 0.0, 255.0),
}
# Candidate places for people; a person often takes two, see _SAME_PLACE.
_MOST_PLACES = 10
# Overlap above which the place that the detector finds and the one where a person was before count as one. High: both
# are then estimated and averaged. On renders the people found, the error and the jitter are as good as those of
# MediaPipe's estimator of one person or better; with the usual .5 they are worse.
_SAME_PLACE = 0.9
_FRAME_MILLISECONDS = 33  # times must grow; their distance has no effect without MediaPipe's smoothing

# A warning of Protobuf about MediaPipe's own code, which users cannot act on.
warnings.filterwarnings("ignore", message=r"SymbolDatabase\.GetPrototype", category=UserWarning)


class MediaPipeEstimator:
    """The people of a video, followed from frame to frame, or of each of several ``stills``; at least five a frame."""

    name = "mediapipe"

    def __init__(self, *, stills: bool = False) -> None:
        self._stills = stills

    def estimate(self, frames: Iterable[np.ndarray]) -> Iterator[FramePoses]:
        """See ``PoseEstimator.estimate``; scores are MediaPipe's visibility."""
        with contextlib.ExitStack() as opened:

            def open_finder(still: bool) -> Finder:
                mode = vision.RunningMode.IMAGE if still else vision.RunningMode.VIDEO
                return _finder(opened.enter_context(_open_landmarker(mode)), mode)

            search = WindowSearch(open_finder, stills=self._stills)
            for frame in frames:
                yield without_unseen_joints(search.find(frame), *frame.shape[:2])


def create(weights: str | None, stills: bool) -> PoseEstimator:
    """MediaPipe with its own weights.

    Raises:
        InputError: others are named.
    """
    if weights:
        raise InputError("MediaPipe brings its own weights; leave them out or choose another estimator.")
    return MediaPipeEstimator(stills=stills)


def _finder(landmarker: vision.PoseLandmarker, mode: vision.RunningMode) -> Finder:
    times = itertools.count(step=_FRAME_MILLISECONDS)

    def find(frame: np.ndarray) -> FramePoses:
        image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(frame))
        if mode == vision.RunningMode.IMAGE:
            found = landmarker.detect(image)
        else:
            found = landmarker.detect_for_video(image, next(times))
        return _to_coco(found.pose_landmarks, *frame.shape[:2])

    return find


def _open_landmarker(mode: vision.RunningMode) -> vision.PoseLandmarker:
    options = vision.PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=_bundle()),
        running_mode=mode,
        num_poses=_MOST_PLACES,
        min_tracking_confidence=_SAME_PLACE,
    )
    with native_stderr_muted():  # MediaPipe's C++ logs at start-up and has no switch to turn it off
        return vision.PoseLandmarker.create_from_options(options)


@functools.cache
def _bundle() -> bytes:
    """The model file (.task) that the landmarker opens: the wheel has its networks, but neither metadata nor archive.

    Made in memory once a process, in 0.2 s, rather than in a file that processes would have to share.
    """
    folder = Path(mediapipe.__file__).parent / "modules"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as bundle:
        for name, (path, mean, deviation) in _NETWORKS.items():
            writer = MetadataWriter.create(bytearray((folder / path).read_bytes()))
            writer.add_image_input([mean], [deviation])
            with_metadata, _ = writer.populate()
            bundle.writestr(name, with_metadata)
    return archive.getvalue()


def _to_coco(people: list[list[Any]], height: int, width: int) -> FramePoses:
    """33 landmarks of each person, relative to the picture, to joints in pixels."""
    if not people:
        return FramePoses.nobody()
    chosen = [[landmarks[index] for index in _COCO_LANDMARKS] for landmarks in people]
    keypoints = [[(point.x * width - 0.5, point.y * height - 0.5) for point in person] for person in chosen]
    scores = [[point.visibility for point in person] for person in chosen]
    return FramePoses(np.array(keypoints, np.float32), np.array(scores, np.float32))
