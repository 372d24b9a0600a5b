"""POSE_KEYPOINT of ComfyUI's nodes (https://github.com/Fannovel16/comfyui_controlnet_aux), saved as JSON."""

from collections.abc import Iterator
from typing import Any

from pose_extraction.keypoint_files.openpose import is_openpose, read_openpose
from pose_extraction.keypoint_files.people import PeopleByFrame


def is_comfyui(document: Any) -> bool:
    """Whether this is a list of frames in OpenPose's format; batches may be lists in it."""
    frames = [frame for frame in _flat(document) if frame is not None]
    return isinstance(document, list) and bool(frames) and all(map(is_openpose, frames))


def read_comfyui(document: Any) -> PeopleByFrame:
    """Read frames with ``people``, in pixels or relative to ``canvas_width`` and ``canvas_height``; null is nobody.

    Raises:
        ValueError, TypeError, AttributeError: other content.
    """
    frames = [read_openpose(frame or {}) for frame in _flat(document)]
    size = next((frame.size for frame in frames if frame.size), None)
    return PeopleByFrame([frame.frames[0] for frame in frames], size)


def _flat(document: Any) -> Iterator[Any]:
    if isinstance(document, list):
        for entry in document:
            yield from _flat(entry)
    else:
        yield document
