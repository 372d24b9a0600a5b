"""MediaPipe's BlazePose (Bazarevsky et al. 2020, arXiv:2006.10204): several people, offline, on one CPU core."""

import functools
import io
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

from pose_extraction.estimators.native_stderr import native_stderr_muted
from pose_extraction.estimators.selection import without_duplicates, without_unseen_joints
from pose_extraction.poses import FramePoses
from pose_extraction.skeleton import KEYPOINT_NAMES

# BlazePose has 33 landmarks; the 17 of COCO are among them under the same names.
_COCO_LANDMARKS = [PoseLandmark[name.upper()] for name in KEYPOINT_NAMES]

# The networks in MediaPipe's wheel by their names in a bundle, with mean and deviation of the pixel values they take.
_NETWORKS = {
    "pose_detector.tflite": ("pose_detection/pose_detection.tflite", 127.5, 127.5),
    "pose_landmarks_detector.tflite": ("pose_landmark/pose_landmark_full.tflite", 0.0, 255.0),
}
# Places where somebody may be; a person often takes two, see _SAME_PLACE.
_MOST_PLACES = 10
# Overlap above which the place that the detector finds and the one where a person was before count as one. High: both
# are then estimated and averaged. On renders the people found, the error and the jitter are as good as those of
# MediaPipe's estimator of one person or better; with the usual .5 they are worse.
_SAME_PLACE = 0.9
_FRAME_MILLISECONDS = 33  # times must grow; their distance has no effect without MediaPipe's smoothing

# Protobuf's remark on MediaPipe's own code; nothing a user of this package could act on.
warnings.filterwarnings("ignore", message=r"SymbolDatabase\.GetPrototype", category=UserWarning)


class MediaPipeEstimator:
    """The people of a video, followed from frame to frame, or of each of several ``stills``; at least five a frame."""

    name = "mediapipe"

    def __init__(self, *, stills: bool = False) -> None:
        self._stills = stills

    def estimate(self, frames: Iterable[np.ndarray]) -> Iterator[FramePoses]:
        """See ``PoseEstimator.estimate``; scores are MediaPipe's visibility."""
        with _open_landmarker(self._stills) as landmarker:
            for index, frame in enumerate(frames):
                image = mediapipe.Image(
                    image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(frame)
                )
                if self._stills:
                    found = landmarker.detect(image)
                else:
                    found = landmarker.detect_for_video(image, index * _FRAME_MILLISECONDS)
                height, width = frame.shape[:2]
                poses = without_duplicates(_to_coco(found.pose_landmarks, height, width))
                yield without_unseen_joints(poses, height, width)


def _open_landmarker(stills: bool) -> vision.PoseLandmarker:
    options = vision.PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_buffer=_bundle()),
        running_mode=vision.RunningMode.IMAGE if stills else vision.RunningMode.VIDEO,
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
