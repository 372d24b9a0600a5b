"""ViTPose (Xu et al. 2022, arXiv:2204.12484) through transformers: above HRNet on COCO."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from transformers import AutoImageProcessor, VitPoseForPoseEstimation
from transformers.models.vitpose.modeling_vitpose import VitPoseEstimatorOutput

from fyp_media.errors import InputError
from pose_extraction.estimators.detector import create_detector
from pose_extraction.estimators.hub import VITPOSE, best_device, best_dtype, from_hub
from pose_extraction.estimators.topdown import PEOPLE_AT_ONCE, TopDownEstimator
from pose_extraction.poses import FramePoses, PoseEstimator
from pose_extraction.skeleton import KEYPOINT_NAMES, MIRRORED

_COCO_EXPERT = 0  # of the six data sets ViTPose++ was trained on


class ViTPose:
    """A ``PoseModel``; half precision on CUDA, flip test.

    Args:
        model: id on the hub (``usyd-community/vitpose-...``), or a folder in its layout.

    Raises:
        InputError: the model cannot be loaded or does not know COCO's 17 joints.
    """

    name = "vitpose"

    def __init__(self, model: str | Path = VITPOSE, device: torch.device | None = None) -> None:
        device = device or best_device()
        self._processor = from_hub(AutoImageProcessor, str(model))
        network = from_hub(VitPoseForPoseEstimation, str(model))
        if network.config.num_labels != len(KEYPOINT_NAMES):
            raise InputError(
                f"{model} finds {network.config.num_labels} joints; choose a model for COCO's 17."
            )
        self._dtype = best_dtype(device)
        self.network = network.to(device, self._dtype).eval()

    def poses(self, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray]) -> list[FramePoses]:
        """See ``PoseModel.poses``; scores are the heatmaps' peaks, about 0..1."""
        if not any(map(len, boxes)):
            return [FramePoses.nobody() for _ in frames]
        corner_and_size = [[(x, y, right - x, low - y) for x, y, right, low in found] for found in boxes]
        pictures = self._processor(
            [np.ascontiguousarray(frame) for frame in frames],
            boxes=corner_and_size,
            return_tensors="pt",
            input_data_format="channels_last",
        )["pixel_values"]
        heatmaps = torch.cat([self._heatmaps(part) for part in pictures.split(PEOPLE_AT_ONCE)])
        output = VitPoseEstimatorOutput(heatmaps=heatmaps)
        results = self._processor.post_process_pose_estimation(output, boxes=corner_and_size)
        return [_to_poses(people) for people in results]

    @torch.inference_mode()
    def _heatmaps(self, pictures: torch.Tensor) -> torch.Tensor:
        pictures = pictures.to(self.network.device, self._dtype)
        if self.network.config.backbone_config.num_experts > 1:
            expert = {"dataset_index": torch.full((len(pictures),), _COCO_EXPERT, device=pictures.device)}
        else:
            expert = {}
        straight = self.network(pictures, **expert).heatmaps
        mirrored = self.network(pictures.flip(-1), **expert).heatmaps.flip(-1)[:, MIRRORED]
        return (straight + mirrored).float() / 2


def create(weights: str | None, stills: bool) -> PoseEstimator:
    """ViTPose with the people of the detector."""
    return TopDownEstimator(ViTPose(weights or VITPOSE), create_detector(stills=stills), stills=stills)


def _to_poses(people: list[dict[str, torch.Tensor]]) -> FramePoses:
    if not people:
        return FramePoses.nobody()
    keypoints, scores = (np.stack([one[key].numpy() for one in people]) for key in ("keypoints", "scores"))
    return FramePoses(keypoints.astype(np.float32), scores.astype(np.float32))
