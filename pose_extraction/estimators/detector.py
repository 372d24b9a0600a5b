"""Boxes around people: RT-DETR (Zhao et al. 2023, arXiv:2304.08069), or boxes around MediaPipe's poses."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from transformers import AutoImageProcessor, AutoModelForObjectDetection

from fyp_media.errors import InputError
from pose_extraction.estimators.hub import RT_DETR, best_device, from_hub
from pose_extraction.estimators.topdown import Detections, PersonDetector
from pose_extraction.poses import PoseEstimator

logger = logging.getLogger(__name__)

_THRESHOLD = 0.5
# Joints end at ankles, wrists and eyes: a person's box is about this much larger than that of the joints.
_BODY_MARGIN = 0.1


def create_detector(*, stills: bool = False) -> PersonDetector:
    """RT-DETR where its weights are here or can be downloaded, otherwise MediaPipe.

    Args:
        stills: the frames are unrelated pictures, not a video.
    """
    try:
        return RTDetrDetector()
    except InputError as error:
        from pose_extraction.estimators.mediapipe import MediaPipeEstimator

        logger.warning("%s Until then MediaPipe finds the people.", error)
        return PoseBoxDetector(MediaPipeEstimator(stills=stills))


class RTDetrDetector:
    """Any object detector of transformers that detects people, frame by frame.

    Args:
        model: id on the hub, or a folder in its layout.

    Raises:
        InputError: the model is not here and cannot be downloaded.
    """

    def __init__(self, model: str = RT_DETR, device: torch.device | None = None) -> None:
        self._processor = from_hub(AutoImageProcessor, model)
        self.network = from_hub(AutoModelForObjectDetection, model).to(device or best_device()).eval()
        self._person = [index for index, name in self.network.config.id2label.items() if name == "person"]

    def detect(self, frames: Iterable[np.ndarray]) -> Detections:
        """See ``PersonDetector.detect``."""
        for frame in frames:
            yield frame, self._boxes(np.ascontiguousarray(frame))

    @torch.inference_mode()
    def _boxes(self, frame: np.ndarray) -> np.ndarray:
        inputs = self._processor(images=frame, return_tensors="pt", input_data_format="channels_last")
        (found,) = self._processor.post_process_object_detection(
            self.network(**inputs.to(self.network.device)), _THRESHOLD, target_sizes=[frame.shape[:2]]
        )
        people = torch.isin(found["labels"].cpu(), torch.tensor(self._person))
        return found["boxes"].float().cpu()[people].numpy()


class PoseBoxDetector:
    """Boxes round the poses of an estimator that needs none."""

    def __init__(self, estimator: PoseEstimator) -> None:
        self._estimator = estimator

    def detect(self, frames: Iterable[np.ndarray]) -> Detections:
        """See ``PersonDetector.detect``."""
        waiting: deque[np.ndarray] = deque()

        def recorded() -> Iterator[np.ndarray]:
            for frame in frames:
                waiting.append(frame)
                yield frame

        for poses in self._estimator.estimate(recorded()):
            low, high = np.nanmin(poses.keypoints, axis=1), np.nanmax(poses.keypoints, axis=1)
            margin = _BODY_MARGIN * np.linalg.norm(high - low, axis=1, keepdims=True)
            yield waiting.popleft(), np.concatenate([low - margin, high + margin], axis=1)
