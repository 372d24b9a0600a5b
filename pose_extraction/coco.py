"""Keypoints as COCO writes them (https://cocodataset.org/#format-results), for other tools to read."""

from collections.abc import Sequence
from typing import Any

from pose_extraction.estimator import FramePoses
from pose_extraction.skeleton import KEYPOINT_NAMES, LINKS


def to_coco(
    poses: Sequence[FramePoses], height: int, width: int, fps: float, estimator: str
) -> dict[str, Any]:
    """A JSON-ready COCO document: one image a frame, one annotation a person.

    ``keypoints`` is the flat list x, y, score of 17 joints, in pixels and 0..1; ``skeleton`` counts from
    1, as COCO does. Frame rate and estimator are in ``info``.
    """
    return {
        "info": {"fps": fps, "width": width, "height": height, "frames": len(poses), "estimator": estimator},
        "categories": [
            {
                "id": 1,
                "name": "person",
                "keypoints": list(KEYPOINT_NAMES),
                "skeleton": [[start + 1, end + 1] for start, end in LINKS],
            }
        ],
        "images": [{"id": index, "width": width, "height": height} for index in range(len(poses))],
        "annotations": [
            annotation for index, frame in enumerate(poses) for annotation in _annotations(index, frame)
        ],
    }


def _annotations(image_id: int, frame: FramePoses) -> list[dict[str, Any]]:
    return [
        {
            "image_id": image_id,
            "category_id": 1,
            "keypoints": [
                round(float(value), 3)
                for (x, y), score in zip(keypoints, scores, strict=True)
                for value in (x, y, score)
            ],
            "score": round(float(scores.mean()), 3),
        }
        for keypoints, scores in zip(frame.keypoints, frame.scores, strict=True)
    ]
