"""COCO's average precision of keypoints (https://cocodataset.org/#keypoints-eval), by its own evaluator."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from fyp_core.evaluation.scoring.measures import visible_boxes

_PERSON = 1
_BODY_SHARE = 0.53  # of a person's box that the body covers; common where no outline is known
_MOST_VISIBLE = 2


def average_precision(clips: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]) -> float:
    """OKS-AP, 0..1: mean over similarity thresholds 0.5, 0.55, ... 0.95; one person a frame.

    Args:
        clips: of each the true joints (F, 17, 2) in pixels and which are visible (F, 17) bool, the joints found
            (F, 17, 2) and their scores (F, 17). Frames without a visible joint do not count.
    """
    truths: list[dict[str, Any]] = []
    detections: list[dict[str, Any]] = []
    for truth, visible, found, scores in clips:
        boxes = visible_boxes(truth, visible)
        for frame in np.flatnonzero(visible.any(1)):
            place = {"id": len(truths) + 1, "image_id": len(truths) + 1, "category_id": _PERSON, "iscrowd": 0}
            truths.append(place | _truth(truth[frame], visible[frame], boxes[frame]))
            detections.append(place | _detection(found[frame], scores[frame]))
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its progress
        evaluator = COCOeval(_document(truths), _document(detections), "keypoints")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return float(evaluator.stats[0])


def _truth(joints: np.ndarray, visible: np.ndarray, box: np.ndarray) -> dict[str, Any]:
    flags = np.where(visible, _MOST_VISIBLE, 0)
    return {
        "keypoints": np.column_stack([np.where(visible[:, None], joints, 0), flags]).ravel().tolist(),
        "num_keypoints": int(visible.sum()),
        "bbox": box.tolist(),
        "area": float(_BODY_SHARE * box[2] * box[3]),
    }


def _detection(joints: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
    box = np.concatenate([joints.min(0), np.ptp(joints, axis=0)])
    return {
        "keypoints": np.column_stack([joints, np.ones(len(joints))]).ravel().tolist(),
        "score": float(scores.mean()),
        "bbox": box.tolist(),
        "area": float(box[2] * box[3]),
    }


def _document(annotations: list[dict[str, Any]]) -> COCO:
    document = COCO()
    document.dataset = {
        "images": [{"id": annotation["image_id"]} for annotation in annotations],
        "categories": [{"id": _PERSON, "name": "person"}],
        "annotations": annotations,
    }
    document.createIndex()
    return document
