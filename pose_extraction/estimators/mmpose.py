"""The real mmpose (https://github.com/open-mmlab/mmpose), for its model zoo; see ``scripts/install_mmpose.sh``."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmpose.apis import inference_topdown, init_model

from fyp_media.errors import InputError
from pose_extraction.estimators.detector import create_detector
from pose_extraction.estimators.hub import best_device, numpy_is_safe
from pose_extraction.estimators.topdown import TopDownEstimator
from pose_extraction.poses import FramePoses, PoseEstimator
from pose_extraction.skeleton import KEYPOINT_NAMES


class MMPose:
    """A ``PoseModel``: any top-down model of mmpose for COCO's 17 joints, frame by frame.

    Args:
        model: path of a configuration, a comma, and path or address of its checkpoint.

    Raises:
        InputError: they cannot be read, do not belong together or find other joints.
    """

    name = "mmpose"

    def __init__(self, model: str | None, device: torch.device | None = None) -> None:
        config, _, checkpoint = (model or "").partition(",")
        if not checkpoint or not Path(config).is_file():
            raise InputError(
                "mmpose needs a configuration and its checkpoint: name both as CONFIG.py,CHECKPOINT.pth."
            )
        try:
            with numpy_is_safe():
                self.network = init_model(config, checkpoint, str(device or best_device()))
        except (OSError, RuntimeError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"mmpose cannot load {checkpoint} with {config}; check that they belong together."
            ) from error
        names = tuple(self.network.dataset_meta["keypoint_id2name"].values())
        if names != KEYPOINT_NAMES:
            raise InputError(f"{config} finds {len(names)} other joints; choose a model for COCO's 17.")

    def poses(self, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray]) -> list[FramePoses]:
        """See ``PoseModel.poses``; scores are mmpose's."""
        return [self._people(frame, found) for frame, found in zip(frames, boxes)]

    def _people(self, frame: np.ndarray, boxes: np.ndarray) -> FramePoses:
        if not len(boxes):
            return FramePoses.nobody()
        bgr = np.ascontiguousarray(frame[..., ::-1])
        people = [sample.pred_instances for sample in inference_topdown(self.network, bgr, boxes)]
        return FramePoses(
            np.concatenate([person.keypoints for person in people]).astype(np.float32),
            np.concatenate([person.keypoint_scores for person in people]).astype(np.float32),
        )


def create(weights: str | None, stills: bool) -> PoseEstimator:
    """A model of mmpose with the people of the detector."""
    return TopDownEstimator(MMPose(weights), create_detector(stills=stills), stills=stills)
