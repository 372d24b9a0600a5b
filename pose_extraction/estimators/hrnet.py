"""HRNet (Sun et al. 2019, arXiv:1902.09212) without mmpose: timm's backbone, mmpose's weights and decoding."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
import timm
import torch
from torch import nn

from pose_extraction.estimators.topdown import PEOPLE_AT_ONCE, Detections
from pose_extraction.poses import FramePoses
from pose_extraction.skeleton import KEYPOINT_NAMES, MIRRORED

_MEAN = np.array([123.675, 116.28, 103.53], np.float32)  # ImageNet, RGB
_STD = np.array([58.395, 57.12, 57.375], np.float32)
_PADDING = 1.25


class HRNet(nn.Module):
    """Pictures (N, 3, H, W), normalised RGB, to heatmaps (N, 17, H / 4, W / 4), with mmpose's tensor names."""

    def __init__(self, backbone: str) -> None:
        super().__init__()
        self.backbone = timm.create_model(backbone, features_only=True, feature_location="", out_indices=(1,))
        # Only the highest resolution is read, and only that is in the checkpoints.
        last = self.backbone.stage4[-1]
        last.fuse_layers = last.fuse_layers[:1]
        (channels,) = self.backbone.feature_info.channels()
        self.head = nn.ModuleDict({"final_layer": nn.Conv2d(channels, len(KEYPOINT_NAMES), 1)})

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        (features,) = self.backbone(pictures)
        return self.head["final_layer"](features)


class HRNetPose:
    """A ``PoseModel``, on the device and in the number format of its network, which may be one in training.

    Args:
        network: heatmaps of crops.
        size: height and width of a crop.
        whole_frames: it finds the one person of a whole frame, rather than the person of a box.
    """

    name = "hrnet"

    def __init__(self, network: nn.Module, size: tuple[int, int], *, whole_frames: bool = False) -> None:
        self.whole_frames = whole_frames
        self.network = network.eval()
        self._size = size

    def poses(self, frames: Sequence[np.ndarray], boxes: Sequence[np.ndarray]) -> list[FramePoses]:
        """See ``PoseModel.poses``; scores are the heatmaps' peaks, about 0..1."""
        counts = [len(frame_boxes) for frame_boxes in boxes]
        views = [view_of(box, self._size) for frame_boxes in boxes for box in frame_boxes]
        owners = (frame for frame, count in zip(frames, counts) for _ in range(count))
        crops = [crop(frame, view, self._size) for frame, view in zip(owners, views)]
        points = np.zeros((len(crops), len(KEYPOINT_NAMES), 2), np.float32)
        scores = np.zeros(points.shape[:2], np.float32)
        for first in range(0, len(crops), PEOPLE_AT_ONCE):
            batch = slice(first, first + PEOPLE_AT_ONCE)
            heatmaps = self.heatmaps(np.stack(crops[batch]))
            points[batch], scores[batch] = decode(heatmaps)
        for person, (left, top, width, height) in zip(points, views):
            person *= np.array([width, height]) * 4 / self._size[::-1]
            person += left, top
        ends = np.cumsum(counts)[:-1]
        return [FramePoses(*found) for found in zip(np.split(points, ends), np.split(scores, ends))]

    @torch.inference_mode()
    def heatmaps(self, crops: np.ndarray) -> np.ndarray:
        """(N, H, W, 3) normalised crops to (N, 17, H / 4, W / 4), the mean of the crop's and its mirror's."""
        pictures = torch.from_numpy(crops).movedim(-1, 1).contiguous().to(next(self.network.parameters()))
        straight, mirrored = self.network(torch.cat([pictures, pictures.flip(-1)])).float().chunk(2)
        mirrored = mirrored.flip(-1)[:, MIRRORED]
        # Four pixels a cell: mirroring shifts the grid by a fraction of one, which this undoes.
        mirrored[..., 1:] = mirrored[..., :-1].clone()
        return ((straight + mirrored) / 2).cpu().numpy()


class WholeFrames:
    """A ``PersonDetector`` for an HRNet that was trained on whole frames: one box, its padded view is the frame."""

    def detect(self, frames: Iterable[np.ndarray]) -> Detections:
        """See ``PersonDetector.detect``."""
        for frame in frames:
            yield frame, frame_box(*frame.shape[:2])[None]


def view_of(box: np.ndarray, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Left, top, width and height of what a crop of ``size`` shows: the box, padded, in the crop's proportions."""
    left, top, right, bottom = map(float, box)
    width, height = _PADDING * (right - left), _PADDING * (bottom - top)
    aspect = size[1] / size[0]
    width, height = max(width, height * aspect), max(height, width / aspect)
    return (left + right - width) / 2, (top + bottom - height) / 2, width, height


def frame_box(height: int, width: int) -> np.ndarray:
    """The (4,) box whose padded view is a whole frame of this size."""
    margin = (1 - 1 / _PADDING) / 2
    return np.array(
        [width * margin, height * margin, width * (1 - margin), height * (1 - margin)], np.float32
    )


def crop(frame: np.ndarray, view: tuple[float, float, float, float], size: tuple[int, int]) -> np.ndarray:
    """Cut a view out of a uint8 RGB frame, black beyond it: (H, W, 3) float32, normalised."""
    matrix = view_matrix(view, size)
    picture = cv2.warpAffine(np.ascontiguousarray(frame), matrix, size[::-1], flags=cv2.INTER_LINEAR)
    return normalise(picture)


def view_matrix(view: tuple[float, float, float, float], size: tuple[int, int]) -> np.ndarray:
    """(2, 3): from pixels of a frame to those of a crop that shows a view of it."""
    left, top, width, height = view
    scale_x, scale_y = size[1] / width, size[0] / height
    return np.array([[scale_x, 0, -left * scale_x], [0, scale_y, -top * scale_y]])


def normalise(pictures: np.ndarray) -> np.ndarray:
    """(..., 3) uint8 RGB to float32 as networks trained on ImageNet take it."""
    return (pictures - _MEAN) / _STD


def decode(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Peaks of (N, 17, H, W) heatmaps, a quarter cell towards the higher neighbour, as mmpose.

    Returns:
        (N, 17, 2) x and y in cells, -1 where nothing is positive; (N, 17) heights of the peaks.
    """
    people, joints, height, width = heatmaps.shape
    flat = heatmaps.reshape(people, joints, -1)
    scores = flat.max(axis=-1)
    y, x = np.divmod(flat.argmax(axis=-1), width)
    points = np.where(scores[..., None] > 0, np.stack([x, y], axis=-1), -1).astype(np.float32)
    x, y = points.astype(int)[..., 0], points.astype(int)[..., 1]
    person, joint = np.ogrid[:people, :joints]

    def at(dx: int, dy: int) -> np.ndarray:
        return heatmaps[person, joint, np.clip(y + dy, 0, height - 1), np.clip(x + dx, 0, width - 1)]

    inside_x = (x > 1) & (x < width - 1) & (y > 0)
    inside_y = (y > 1) & (y < height - 1) & (x > 0)
    points[..., 0] += np.where(inside_x, 0.25 * np.sign(at(1, 0) - at(-1, 0)), 0)
    points[..., 1] += np.where(inside_y, 0.25 * np.sign(at(0, 1) - at(0, -1)), 0)
    return points, scores
