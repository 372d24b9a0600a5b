"""RTMPose, RTMO and DWPose (arXiv:2303.07399, 2312.07526, 2307.15880) as ONNX files, run by rtmlib: 75 to 79 AP.

rtmlib is optional: ``pip install rtmlib --no-deps`` (it asks for a second OpenCV) and ``pip install onnxruntime``.
"""

import contextlib
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fyp_media.errors import InputError
from pose_extraction.estimators.detector import create_detector
from pose_extraction.estimators.topdown import TopDownEstimator
from pose_extraction.poses import FramePoses, PoseEstimator
from pose_extraction.selection import without_duplicates, without_unseen_joints
from pose_extraction.skeleton import KEYPOINT_NAMES

_PUBLISHER = "https://download.openmmlab.com/mmpose/v1/projects/"
PUBLISHED = {
    "rtmpose": "rtmposev1/onnx_sdk/rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504.zip",
    "rtmo": "rtmo/onnx_sdk/rtmo-m_16xb16-600e_body7-640x640-39e78cc4_20231211.zip",
    "dwpose": "rtmposev1/onnx_sdk/rtmpose-l_simcc-ucoco_dw-ucoco_270e-384x288-2438fd99_20230728.zip",
}

Network = Callable[..., tuple[np.ndarray, np.ndarray]]
"""A model of rtmlib: of a BGR picture, and boxes where it needs them, (P, J, 2) pixels and (P, J) scores."""


class RTMPose:
    """A ``PoseModel``: RTMPose or DWPose, person by person.

    Args:
        network: finds joints of which the first 17 are COCO's.
    """

    def __init__(self, network: Network, name: str = "rtmpose") -> None:
        self.name = name
        self._network = network

    def poses(self, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray]) -> list[FramePoses]:
        """See ``PoseModel.poses``; scores are RTMPose's, cut at 1."""
        return [self._people(frame, found) for frame, found in zip(frames, boxes)]

    def _people(self, frame: np.ndarray, boxes: np.ndarray) -> FramePoses:
        if not len(boxes):  # rtmlib would take the whole frame for a person
            return FramePoses.nobody()
        return _to_coco(*self._network(_bgr(frame), bboxes=boxes))


class RTMO:
    """RTMO, which needs no boxes; see ``PoseEstimator``."""

    name = "rtmo"

    def __init__(self, network: Network) -> None:
        self._network = network

    def estimate(self, frames: Iterable[np.ndarray]) -> Iterator[FramePoses]:
        """See ``PoseEstimator.estimate``; scores are RTMO's."""
        for frame in frames:
            poses = _to_coco(*self._network(_bgr(frame)))
            seen = poses.scores.any(axis=1)  # rtmlib answers with zeros where it finds nobody
            people = without_duplicates(FramePoses(poses.keypoints[seen], poses.scores[seen]))
            yield without_unseen_joints(people, *frame.shape[:2])


def create_rtmpose(weights: str | None, stills: bool) -> PoseEstimator:
    """RTMPose with the people of the detector; see ``load_network``."""
    return TopDownEstimator(
        RTMPose(load_network("rtmpose", weights)), create_detector(stills=stills), stills=stills
    )


def create_dwpose(weights: str | None, stills: bool) -> PoseEstimator:
    """DWPose with the people of the detector; see ``load_network``."""
    network = load_network("dwpose", weights)
    return TopDownEstimator(RTMPose(network, "dwpose"), create_detector(stills=stills), stills=stills)


def create_rtmo(weights: str | None, stills: bool) -> PoseEstimator:
    """RTMO; see ``load_network``."""
    return RTMO(load_network("rtmo", weights))


def load_network(name: str, weights: str | None) -> Network:
    """The published network of this name, downloaded once, or an ONNX file.

    Raises:
        InputError: it cannot be read or downloaded.
    """
    import rtmlib

    path = Path(weights) if weights else _download(name)
    if not path.is_file():
        raise InputError(f"There is no file {path}; check the path.")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = rtmlib.RTMO if name == "rtmo" else rtmlib.RTMPose
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it reports every file on standard output
            network = kind(str(path), backend="onnxruntime", device=device)
        height, width = map(int, network.session.get_inputs()[0].shape[2:])
    except Exception as error:  # onnxruntime's exceptions have no common base class of their own
        raise InputError(
            f"{path.name} is no ONNX file of {name} that onnxruntime can run: {error}"
        ) from error
    # rtmlib takes RTMPose's size as width and height, RTMO's as height and width.
    network.model_input_size = (height, width) if name == "rtmo" else (width, height)
    return network


def published_path(name: str) -> Path:
    """Where the published weights of ``rtmpose``, ``rtmo`` or ``dwpose`` are once downloaded."""
    stem = PUBLISHED[name].rpartition("/")[2].partition(".")[0]
    return Path(torch.hub.get_dir()) / "checkpoints" / "rtmlib" / f"{stem}.onnx"


def _download(name: str) -> Path:
    path = published_path(name)
    if not path.exists():
        from rtmlib.tools.file import download_checkpoint

        try:
            download_checkpoint(_PUBLISHER + PUBLISHED[name], str(path.parent), progress=False)
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"The weights of {name} are not here and cannot be downloaded ({error});"
                f" connect once to the internet, or name an ONNX file with --weights."
            ) from error
    return path


def _bgr(frame: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(frame[..., ::-1])


def _to_coco(keypoints: Any, scores: Any) -> FramePoses:
    joints = len(KEYPOINT_NAMES)
    points = np.asarray(keypoints, np.float32)[:, :joints]
    return FramePoses(points, np.asarray(scores, np.float32)[:, :joints].clip(0, 1))
