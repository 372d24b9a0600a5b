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

FRONT, BACK = 1, -1  # the sides of a bone that a part may be confined to
_FACING = 0.05  # cosine to the viewer from which such a part is seen

_ANGLES = np.linspace(0, 2 * np.pi, 12, endpoint=False)
_CIRCLE = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=-1)
_SUBPIXEL_BITS = 4


@dataclass(frozen=True)
class FigurePart:
    """``facing``: FRONT is only seen when its bone looks towards the viewer, BACK when away, 0 always."""

    group: str
    color: Color
    spheres: tuple[Sphere, ...]
    facing: int = 0


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
    edge = max(1, round(_EDGE_WIDTH * scale))
    outlines, edges = (
        (rims * (1 << _SUBPIXEL_BITS)).astype(np.int32) for rims in (circles, circles + edge * _CIRCLE)
    )

    group_depths = depths @ figure.membership.T + _DEPTH_BIAS
    behind = (group_depths[:, _TORSO : _TORSO + 1] - group_depths) / _SHADING_DEPTH
    shades = 1 - _SHADING * np.clip(behind, 0, 1) * _SHADED
    towards = bones[:, :, 2, 2] / unit
    for frame in zip(canvases, outlines, edges, group_depths, shades, towards):
        _paint_frame(figure, *frame)


def _paint_frame(
    figure: Figure,
    canvas: np.ndarray,
    outlines: np.ndarray,
    edges: np.ndarray,
    depths: np.ndarray,
    shades: np.ndarray,
    towards: np.ndarray,
) -> None:
    for group in np.argsort(depths):
        shade = float(shades[group])
        parts = [
            (part, span)
            for part, span in figure.groups[group]
            if not part.facing or part.facing * towards[figure.bone_index[span.start]] >= _FACING
        ]
        if _EDGED[group]:
            for part, span in parts:  # all before the first fill: the edge runs around the whole limb
                if not part.facing:  # those lie within others
                    _fill(canvas, edges[span], _edge_color(part.color))
        for part, span in parts:
            r, g, b = part.color
            _fill(canvas, outlines[span], (r * shade, g * shade, b * shade))


def _fill(canvas: np.ndarray, outlines: np.ndarray, color: tuple[float, ...]) -> None:
    """The convex hull of (D, A, 2) points in fractions of a pixel."""
    hull = cv2.convexHull(outlines.reshape(-1, 2))
    cv2.fillConvexPoly(canvas, hull, color, cv2.LINE_8, _SUBPIXEL_BITS)


def _edge_color(color: Color) -> tuple[float, ...]:
    if max(color) < _NEARLY_BLACK:
        return tuple(channel + _EDGE_LIGHT for channel in color)
    return tuple(_EDGE_DARKENING * channel for channel in color)
