"""Which tool wrote a JSON document, recognised from its content."""

from collections.abc import Callable
from typing import Any

from fyp_media.errors import InputError
from pose_extraction.keypoint_files.alphapose import is_alphapose, read_alphapose
from pose_extraction.keypoint_files.coco import is_coco, read_coco
from pose_extraction.keypoint_files.coco_results import is_coco_results, read_coco_results
from pose_extraction.keypoint_files.comfyui import is_comfyui, read_comfyui
from pose_extraction.keypoint_files.mmpose import is_mmpose, read_mmpose
from pose_extraction.keypoint_files.openpose import is_openpose, read_openpose
from pose_extraction.keypoint_files.people import PeopleByFrame

# Whose format, how it is recognised, how it is read.
_FORMATS: list[tuple[str, Callable[[Any], bool], Callable[[Any], PeopleByFrame]]] = [
    ("COCO", is_coco, read_coco),
    ("OpenPose", is_openpose, read_openpose),
    ("ComfyUI", is_comfyui, read_comfyui),
    ("AlphaPose", is_alphapose, read_alphapose),
    ("COCO", is_coco_results, read_coco_results),
    ("mmpose", is_mmpose, read_mmpose),
]
# Other JSON files, by the keys that they have.
_OTHERS = {
    frozenset({"nodes", "links"}): "a ComfyUI workflow",
    frozenset({"shapes", "imagePath"}): "a LabelMe annotation",
    frozenset({"poses", "betas"}): "SMPL parameters",
}
_SHOWN_KEYS = 4
_READABLE = "a file of COCO, ComfyUI, AlphaPose or mmpose, or a folder that OpenPose wrote with --write_json"


def read_document(document: Any, name: str) -> PeopleByFrame:
    """Read keypoints in any known format.

    Args:
        document: what a JSON file holds.
        name: of the file, for messages.

    Raises:
        InputError: it is in no known format, or damaged.
    """
    if document == []:
        return PeopleByFrame([])
    document = _unwrapped(document)
    for tool, recognises, read in _FORMATS:
        if recognises(document):
            try:
                return read(document)
            except InputError as error:
                raise InputError(f"{name}: {error}") from error
            except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
                raise InputError(
                    f"{name} looks like a file of {tool}, but holds no keypoints in {tool}'s format; write it again."
                ) from error
    raise InputError(
        f"{name} is {_described(document)}, not keypoints in a format that can be read; choose {_READABLE}."
    )


def _unwrapped(document: Any) -> Any:
    """Keypoints out of an object that has nothing else, such as ``{"POSE_KEYPOINT": [...]}``."""
    if isinstance(document, dict) and len(document) == 1 and not _is_recognised(document):
        (inner,) = document.values()
        return inner if _is_recognised(inner) else document
    return document


def _is_recognised(document: Any) -> bool:
    return any(recognises(document) for _, recognises, _ in _FORMATS)


def _described(document: Any) -> str:
    if isinstance(document, dict):
        for marks, title in _OTHERS.items():
            if marks <= document.keys():
                return title
        keys = ", ".join(map(repr, list(document)[:_SHOWN_KEYS]))
        return f"a JSON object with {keys}" if keys else "an empty JSON object"
    if isinstance(document, list):
        return f"a list that starts with {_described(document[0])}"
    return f"{document!r:.40}"
