"""MediaPipe's BlazePose (Bazarevsky et al. 2020, arXiv:2006.10204): one person, offline, on one CPU core."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from mediapipe.python.solutions.pose import Pose, PoseLandmark

from pose_extraction.estimators.native_stderr import native_stderr_muted
from pose_extraction.poses import FramePoses
from pose_extraction.skeleton import KEYPOINT_NAMES

# BlazePose has 33 landmarks; the 17 of COCO are among them under the same names.
_COCO_LANDMARKS = [PoseLandmark[name.upper()] for name in KEYPOINT_NAMES]

# Protobuf's remark on MediaPipe's own code; nothing a user of this package could act on.
warnings.filterwarnings("ignore", message=r"SymbolDatabase\.GetPrototype", category=UserWarning)


class MediaPipeEstimator:
    """The most prominent person of a video, followed from frame to frame, or of each of several ``stills``."""

    name = "mediapipe"

    def __init__(self, *, stills: bool = False) -> None:
        self._stills = stills

    def estimate(self, frames: Iterable[np.ndarray]) -> Iterator[FramePoses]:
        """See ``PoseEstimator.estimate``; scores are MediaPipe's visibility."""
        with _open_pose(self._stills) as pose:
            for frame in map(np.ascontiguousarray, frames):
                landmarks = pose.process(frame).pose_landmarks
                if not landmarks and not self._stills:
                    # Where the track is lost the result is empty; asked again, MediaPipe searches it all.
                    landmarks = pose.process(frame).pose_landmarks
                yield _to_coco(landmarks.landmark, *frame.shape[:2]) if landmarks else FramePoses.nobody()


def _open_pose(stills: bool) -> Pose:
    # Tracking finds more than searching every frame anew, even when frames are far apart in time.
    # MediaPipe's own smoothing assumes 30 frames a second and lags behind on sampled frames.
    with native_stderr_muted():  # MediaPipe's C++ greets at start-up and has no switch to turn it off
        pose = Pose(static_image_mode=stills, model_complexity=1, smooth_landmarks=False)
        pose.process(np.zeros((64, 64, 3), np.uint8))
    return pose


def _to_coco(landmarks: Sequence[Any], height: int, width: int) -> FramePoses:
    """33 landmarks relative to the picture to one person in pixels."""
    chosen = [landmarks[index] for index in _COCO_LANDMARKS]
    keypoints = np.array([(point.x * width - 0.5, point.y * height - 0.5) for point in chosen], np.float32)
    scores = np.array([point.visibility for point in chosen], np.float32)
    return FramePoses(keypoints[None], scores[None])
