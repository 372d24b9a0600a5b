"""Figures: coloured convex parts on the bones of a body, and how they are painted.

Every part is the convex hull of a few spheres fixed to bones. One projection therefore draws helmets, capes,
boxes and limbs alike, and they foreshorten as they turn.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from .body import BONE_INDEX, place

Color = tuple[int, int, int]
Sphere = tuple[str, float, float, float, float]  # bone, x, y, z and radius, in units of the bone's Z axis

# Painted from back to front by depth; the bias settles near ties (lengths in standing heights).
_GROUPS = ("back", "l_leg", "r_leg", "torso", "l_arm", "r_arm", "head")
_DEPTH_BIAS = np.array([0.0, -0.03, -0.03, 0.0, 0.03, 0.03, 0.05])
_TORSO = _GROUPS.index("torso")
_HEAD = BONE_INDEX["head"]

# Limbs behind the torso darken, so that depth shows.
_SHADED = np.array([group.endswith(("arm", "leg")) for group in _GROUPS])
_SHADING = 0.3
_SHADING_DEPTH = 0.16

# An edge around limbs and head keeps them apart from a body or scene of their own colour: darker than the part,
# or lighter where the part is nearly black.
_EDGED = tuple(group not in ("back", "torso") for group in _GROUPS)
_EDGE_WIDTH = 0.012  # standing heights
_EDGE_DARKENING = 0.45
_EDGE_LIGHT = 92
_NEARLY_BLACK = 70

_FACING = 0.05  # cosine to the viewer from which a facing part is seen

_ANGLES = np.linspace(0, 2 * np.pi, 12, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=-1)
_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class FigurePart:
    """``facing``: only seen when its bone looks towards the viewer."""

    group: str
    color: Color
    spheres: tuple[Sphere, ...]
    facing: bool = False


@dataclass(frozen=True)
class Figure:
    """Parts of a character as arrays: D spheres on bones, and for each group its parts as slices of them."""

    bone_index: np.ndarray  # (D,)
    places: np.ndarray  # (D, 4)
    radii: np.ndarray  # (D,)
    membership: np.ndarray  # (G, D), averages spheres over groups
    groups: tuple[tuple[tuple[FigurePart, slice], ...], ...]

    @classmethod
    def build(cls, parts: list[FigurePart]) -> "Figure":
        spheres = [sphere for part in parts for sphere in part.spheres]
        ends = np.cumsum([len(part.spheres) for part in parts])
        spans = [(part, slice(end - len(part.spheres), end)) for part, end in zip(parts, ends)]
        membership = np.zeros((len(_GROUPS), len(spheres)))
        for part, span in spans:
            membership[_GROUPS.index(part.group), span] = 1
        return cls(
            bone_index=np.array([BONE_INDEX[bone] for bone, *_ in spheres]),
            places=np.array([(x, y, z, 1.0) for _, x, y, z, _ in spheres]),
            radii=np.array([radius for *_, radius in spheres]),
            membership=membership / np.maximum(membership.sum(1, keepdims=True), 1),
            groups=tuple(
                tuple((part, span) for part, span in spans if part.group == group) for group in _GROUPS
            ),
        )


Projection = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def paint(
    figure: Figure, bones: np.ndarray, project: Projection, scale: float, girth: float, canvases: np.ndarray
) -> None:
    """Paint a character over ``canvases`` (F, H, W, 3) uint8, in place.

    Args:
        bones: (F, B, 4, 3), see ``body.solve``.
        project: maps (F, D, 3) points in space to (F, D, 2) pixels and (F, D) depths (larger is nearer).
        scale: pixels a standing height.
        girth: multiplies the thickness of body and limbs.
    """
    unit = np.sqrt((bones[0, :, 2] ** 2).sum(-1))
    thickness = scale * unit * np.where(np.arange(len(unit)) == _HEAD, 1, girth)
    radii = figure.radii * thickness[figure.bone_index]
    centers, depths = project(place(bones, figure.bone_index, figure.places))
    circles = centers[:, :, None] + radii[:, None, None] * _CIRCLE
    outlines = (circles * (1 << _SUBPIXEL_BITS)).astype(np.int32)

    group_depths = depths @ figure.membership.T + _DEPTH_BIAS
    behind = (group_depths[:, _TORSO : _TORSO + 1] - group_depths) / _SHADING_DEPTH
    shades = 1 - _SHADING * np.clip(behind, 0, 1) * _SHADED
    towards = bones[:, :, 2, 2] / unit
    edge = 1 + 2 * max(1, round(_EDGE_WIDTH * scale))  # the fill hides the inner half of the stroke
    for frame in zip(canvases, outlines, group_depths, shades, towards):
        _paint_frame(figure, edge, *frame)


def _paint_frame(
    figure: Figure,
    edge: int,
    canvas: np.ndarray,
    outlines: np.ndarray,
    depths: np.ndarray,
    shades: np.ndarray,
    towards: np.ndarray,
) -> None:
    for group in np.argsort(depths):
        shade = float(shades[group])
        hulls = [
            (part.color, cv2.convexHull(outlines[span].reshape(-1, 2)))
            for part, span in figure.groups[group]
            if not part.facing or towards[figure.bone_index[span.start]] >= _FACING
        ]
        if _EDGED[group]:
            for color, hull in hulls:  # all before the first fill: the edge runs around the whole limb
                cv2.polylines(canvas, [hull], True, _edge_color(color), edge, cv2.LINE_8, _SUBPIXEL_BITS)
        for (r, g, b), hull in hulls:
            cv2.fillConvexPoly(canvas, hull, (r * shade, g * shade, b * shade), cv2.LINE_8, _SUBPIXEL_BITS)


def _edge_color(color: Color) -> tuple[float, ...]:
    if max(color) < _NEARLY_BLACK:
        return tuple(channel + _EDGE_LIGHT for channel in color)
    return tuple(_EDGE_DARKENING * channel for channel in color)
