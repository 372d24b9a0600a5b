"""Reads joints from the lines of a skeleton video: fits poses of the procedural world to the drawing."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

from fyp_core.synthetic import sample_clip
from fyp_media.errors import InputError
from pose_extraction.skeleton import LEFT_COLOR, LINK_COLORS, LINKS, RIGHT_COLOR, TORSO_COLOR
from pose_extraction.skeleton_style.background import PALETTE

_SIZE = 192  # pixels a side of the square in which poses are fitted
_LIT = 60  # the brightest channel of a line
_LINK_PALETTE = [[TORSO_COLOR, LEFT_COLOR, RIGHT_COLOR].index(color) for color in LINK_COLORS]
_POINTS_A_LINK = 8
_PIXELS_A_COLOR = 100
_KNOWN_CLIPS, _STARTS = 300, 16
_STEPS, _RATE = 100, 2.0  # of Adam; pixels
_REACH = 12.0  # pixels; farther lines do not influence the fit
_UNCOVERED = 8.0  # pixels at which a distance counts double
_DRAWN = 2.5  # pixels: mean distance of a drawn link from lit pixels
_UNREADABLE = 3.0  # pixels
# Upper and lower limb, whose common joint could slide along a straight one.
_LIMBS = ((5, 7, 9), (6, 8, 10), (11, 13, 15), (12, 14, 16))
_LIMB_WEIGHT = 0.05


def read_skeletons(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the joints of one person drawn in the model's style.

    Args:
        frames: (F, H, W, 3) uint8 RGB, see :mod:`pose_extraction.skeleton`.

    Returns:
        Joints (F, 17, 2) in pixels, and 1 or 0 (F, 17): whether lines at it are drawn.

    Raises:
        InputError: the lines are not those of one person.
    """
    side = max(frames.shape[1:3])
    size = tuple(round(_SIZE * length / side) for length in frames.shape[2:0:-1])
    small = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]
    found: list[tuple[np.ndarray, np.ndarray, float]] = []
    for frame in tqdm(small, desc="reading the skeleton", disable=None, leave=False):
        found.append(_read(frame, [joints for joints, _, _ in found[-1:]]))
    joints, drawn, errors = zip(*found)
    if np.median(errors) > _UNREADABLE:
        raise InputError(
            "The lines are not those of one person in the model's style; give the keypoints the skeleton was drawn"
            " from, or the original video."
        )
    return ((np.stack(joints) + 0.5) * side / _SIZE - 0.5).astype(np.float32), np.stack(drawn)


def _read(frame: np.ndarray, hints: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, float]:
    """Joints (17, 2) and which are drawn (17,), and how far they and the lines are apart on average, in pixels.

    Args:
        hints: joints that may be near.
    """
    masks = _color_masks(frame)
    if not masks.any():
        return np.zeros((17, 2), np.float32), np.zeros(17, np.float32), 0.0
    drawing = _Drawing(masks)
    starts = [_likely(masks, drawing), *(torch.from_numpy(joints)[None] for joints in hints)]
    poses = _fit_poses(torch.cat(starts), drawing)
    costs = drawing.cost(poses)
    best = poses[int(costs.argmin())]
    drawn = np.zeros(17, np.float32)
    for link, distance in zip(LINKS, drawing.beside_lines(_along_links(best[None]))[0].mean(-1)):
        drawn[list(link)] = np.maximum(drawn[list(link)], float(distance) < _DRAWN)
    return best.numpy(), drawn, float(costs.min())


def _color_masks(frame: np.ndarray) -> np.ndarray:
    """(3, H, W) bool: where lines of each colour of the palette are, whatever their brightness."""
    hues = PALETTE / np.linalg.norm(PALETTE, axis=1, keepdims=True)
    nearest = (frame.astype(np.float32) @ hues.T).argmax(-1)
    lit = frame.max(-1) > _LIT
    return np.stack([lit & (nearest == color) for color in range(len(PALETTE))])


class _Drawing:
    """The lines of a frame, ready to be compared with poses (N, 17, 2)."""

    def __init__(self, masks: np.ndarray) -> None:
        outside = [cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) for mask in masks]
        self._fields = torch.from_numpy(np.stack(outside)).clamp(max=_REACH)  # color h w
        self._pixels = [_some_pixels(mask) for mask in masks]

    def beside_lines(self, points: torch.Tensor) -> torch.Tensor:
        """(N, links, points, 2) to their distances from the nearest line of their link's colour."""
        height, width = self._fields.shape[1:]
        grid = (points + 0.5) / torch.tensor([width, height]) * 2 - 1
        fields = self._fields[_LINK_PALETTE][:, None]  # link 1 h w
        return F.grid_sample(fields, grid.transpose(0, 1), padding_mode="border", align_corners=False)[
            :, 0
        ].transpose(0, 1)

    def cost(self, poses: torch.Tensor) -> torch.Tensor:
        """(N,): how far links are from lines, and lines from links, in pixels."""
        points = _along_links(poses)
        cost = self.beside_lines(points).mean((1, 2))
        palette = torch.tensor(_LINK_PALETTE)
        for color, pixels in enumerate(self._pixels):
            if len(pixels):
                distances = torch.cdist(pixels[None], points[:, palette == color].flatten(1, 2)).amin(-1)
                # squared, so that a line that no link covers counts even among many that are covered
                cost = cost + (distances + distances.square() / _UNCOVERED).mean(-1) / len(self._pixels)
        return cost


def _some_pixels(mask: np.ndarray) -> torch.Tensor:
    """(P, 2) x and y, evenly chosen."""
    pixels = np.argwhere(mask)[:, ::-1].astype(np.float32)
    return torch.from_numpy(pixels[:: max(1, len(pixels) // _PIXELS_A_COLOR)].copy())


def _along_links(poses: torch.Tensor) -> torch.Tensor:
    """(N, 17, 2) to points on the links, (N, links, points, 2)."""
    start, end = poses[:, torch.tensor(LINKS)].unsqueeze(3).unbind(2)
    share = torch.linspace(0, 1, _POINTS_A_LINK)[:, None]
    return start + (end - start) * share


def _likely(masks: np.ndarray, drawing: _Drawing) -> torch.Tensor:
    """The known poses that come nearest, (N, 17, 2), moved into the box of the drawing."""
    y, x = np.nonzero(masks.any(0))
    low = torch.tensor([x.min(), y.min()], dtype=torch.float32)
    high = torch.tensor([x.max(), y.max()], dtype=torch.float32)
    poses = low + _known_poses() * (high - low)
    return poses[drawing.cost(poses).argsort()[:_STARTS]]


@cache
def _known_poses() -> torch.Tensor:
    """(N, 17, 2) within their boxes, 0..1."""
    clips = [sample_clip(np.random.default_rng((0, i)), 4, 16, motions="all") for i in range(_KNOWN_CLIPS)]
    poses = torch.from_numpy(np.concatenate([clip.keypoints[:, 0] for clip in clips]))
    low, high = poses.amin(1, keepdim=True), poses.amax(1, keepdim=True)
    return (poses - low) / (high - low)


def _fit_poses(poses: torch.Tensor, drawing: _Drawing) -> torch.Tensor:
    """Move joints until links lie on lines."""
    poses = poses.clone().requires_grad_()
    optimizer = torch.optim.Adam([poses], lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, _STEPS)
    for _ in range(_STEPS):
        optimizer.zero_grad()
        (drawing.cost(poses) + _LIMB_WEIGHT * _uneven_limbs(poses)).sum().backward()
        optimizer.step()
        schedule.step()
    return poses.detach()


def _uneven_limbs(poses: torch.Tensor) -> torch.Tensor:
    """(N,): by how much the two parts of arms and legs differ in length, in pixels; moves elbows and knees only."""
    start, middle, end = poses[:, torch.tensor(_LIMBS)].unbind(2)
    return ((start.detach() - middle).norm(dim=-1) - (middle - end.detach()).norm(dim=-1)).abs().mean(-1)
