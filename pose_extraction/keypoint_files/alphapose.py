"""AlphaPose's alphapose-results.json (https://github.com/MVIG-SJTU/AlphaPose: ``write_json`` in pPose_nms.py)."""

from typing import Any

from pose_extraction.keypoint_files.coco_results import is_coco_results, read_coco_results
from pose_extraction.keypoint_files.openpose import is_openpose, read_openpose
from pose_extraction.keypoint_files.people import PeopleByFrame, frames_by_id

_TRACK = "idx"


def is_alphapose(document: Any) -> bool:
    """Whether this is a list of AlphaPose's detections, or by ``--format open`` or ``cmu`` a frame an image name."""
    if isinstance(document, dict):
        return bool(document) and all(map(is_openpose, document.values()))
    return is_coco_results(document) and any(_TRACK in entry for entry in document)


def read_alphapose(document: Any) -> PeopleByFrame:
    """Read either; people keep the number in ``idx`` where the tracker was on.

    Raises:
        ValueError, TypeError, AttributeError, IndexError: other content.
    """
    if isinstance(document, list):
        return read_coco_results(document, track=_TRACK)
    return PeopleByFrame(
        frames_by_id((name, read_openpose(frame).frames[0]) for name, frame in document.items())
    )
