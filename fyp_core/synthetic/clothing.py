"""What several characters have in common: limbs, hands, faces, belts, collars, capes.

Sizes follow ``figures.Sphere``: x, y, z and radius on a bone, see ``body.solve`` for the units.
"""

from collections.abc import Iterator

import numpy as np

from .canvas import Color, tone
from .figures import BACK, FRONT, FigurePart

SKIN = (236, 188, 150)
BLACK = (28, 28, 34)
WHITE = (244, 244, 248)
GOLD = (250, 208, 60)

Place = tuple[float, float, float, float]  # x, y, z and radius

_TORSO_SCALE = np.array([0.1, 0.29])  # standing heights of the torso's units, for round things on it


def on_head(color: Color, *places: Place, facing: int = 0) -> FigurePart:
    return FigurePart("head", color, tuple(("head", *place) for place in places), facing)


def on_torso(color: Color, *places: Place, facing: int = 0) -> FigurePart:
    return FigurePart("torso", color, tuple(("torso", *place) for place in places), facing)


def on_limb(bone: str, color: Color, *places: Place) -> FigurePart:
    """``bone`` with its side, "l_shin"."""
    limb = "arm" if bone.endswith("arm") else "leg"
    return FigurePart(f"{bone[0]}_{limb}", color, tuple((bone, *place) for place in places))


def box(x: float, y: tuple[float, float], z: tuple[float, float], radius: float = 0.004) -> tuple[Place, ...]:
    return tuple((sx * x, yy, zz, radius) for sx in (-1, 1) for yy in y for zz in z)


def ring(bone: str, color: Color, y: float, half: float, height: float = 0.009) -> FigurePart:
    """A cuff or stripe around a limb, ``half`` a standing height from its middle to its edge."""
    return on_limb(bone, color, *((x, y, z, height) for x in (-half, half) for z in (-half, half)))


def hand(side: str, color: Color, width: float = 1.0) -> Iterator[FigurePart]:
    """A palm, three fingers and a thumb that points to the body."""
    bone, inner = f"{side}_forearm", -1 if side == "l" else 1
    for x in (-0.017, 0.0, 0.017):
        finger = ((x * width, 1.1, 0, 0.0095 * width), (1.35 * x * width, 1.3, 0, 0.0085 * width))
        yield on_limb(bone, color, *finger)
    yield on_limb(
        bone, color, (inner * 0.01 * width, 1.02, 0.005, 0.011 * width),
        (inner * 0.036 * width, 1.14, 0.012, 0.009 * width),
    )  # fmt: skip
    yield on_limb(bone, color, (0, 0.98, 0, 0.021 * width), (0, 1.1, 0, 0.024 * width))


def arms(
    sleeve: Color, hands: Color, *, lower: Color | None = None, width: float = 1.0, cuff: Color | None = None
) -> Iterator[FigurePart]:
    for side in "lr":
        upper, fore = f"{side}_upper_arm", f"{side}_forearm"
        yield on_limb(upper, sleeve, (0, 0.02, 0, 0.036 * width), (0, 1, 0, 0.028 * width))
        yield on_limb(fore, lower or sleeve, (0, 0, 0, 0.028 * width), (0, 0.95, 0, 0.022 * width))
        yield from hand(side, hands, width)
        if cuff:
            yield ring(fore, cuff, 0.9, 0.017 * width)


def shoe(side: str, color: Color, width: float = 1.0) -> Iterator[FigurePart]:
    bone = f"{side}_foot"
    sole = tone(color, 0.5) if max(color) > 90 else (104, 104, 112)
    yield on_limb(bone, sole, (0, 0.032, -0.022, 0.02 * width), (0, 0.036, 0.066, 0.017 * width))
    yield on_limb(bone, color, (0, 0.006, -0.01, 0.027 * width), (0, 0.018, 0.06, 0.02 * width))


def legs(
    upper: Color, shoes: Color, *, lower: Color | None = None, width: float = 1.0, boot: float = 0.0,
    cuff: Color | None = None, sides: str = "lr",
) -> Iterator[FigurePart]:  # fmt: skip
    """``boot``: the share of the shin it covers; ``cuff``: the colour of its rim."""
    for side in sides:
        thigh, shin = f"{side}_thigh", f"{side}_shin"
        yield on_limb(thigh, upper, (0, 0.0, 0, 0.053 * width), (0, 1, 0, 0.037 * width))
        yield on_limb(shin, lower or upper, (0, 0, 0, 0.037 * width), (0, 0.97, 0, 0.026 * width))
        if boot:
            yield on_limb(shin, shoes, (0, 1 - boot, 0, 0.036 * width), (0, 1, 0, 0.031 * width))
        if cuff:
            yield ring(shin, cuff, 1 - max(boot, 0.08), 0.028 * width)
        yield from shoe(side, shoes, width)


def torso(top: Color, bottom: Color, *, width: float = 1.0, waist: float = 0.058) -> Iterator[FigurePart]:
    hips = tuple(("pelvis", x, 0.0, 0, 0.054 * width) for x in (-0.85, 0.85))
    yield FigurePart("torso", bottom, (*hips, ("torso", 0, 0.22, 0, waist)))
    chest = tuple((x, 0.93, 0, 0.042 * width) for x in (-0.92, 0.92))
    yield on_torso(top, *chest, *((x, 0.24, 0, waist * width) for x in (-0.2, 0.2)))


def stripe(color: Color, y: float, half: float, height: float = 0.03, radius: float = 0.012) -> FigurePart:
    """A band around the torso, ``half`` shoulder widths to either side."""
    return on_torso(color, *((x, v, 0, radius) for x in (-half, half) for v in (y - height, y + height)))


def belt(color: Color, width: float = 1.0, buckle: Color | None = None) -> Iterator[FigurePart]:
    yield stripe(color, 0.17, 0.66 * width)
    if buckle:
        yield on_torso(buckle, *box(0.13, (0.15, 0.19), (0.07, 0.07), 0.007), facing=FRONT)


def buttons(
    color: Color, heights: tuple[float, ...], x: float = 0.0, size: float = 0.008
) -> Iterator[FigurePart]:
    for y in heights:
        yield on_torso(color, (x, y, 0.065, size), facing=FRONT)


def collar(color: Color, drop: float = 0.14) -> Iterator[FigurePart]:
    for side in (-1, 1):
        yield on_torso(
            color, (0.34 * side, 1.0, 0.03, 0.01), (0.08 * side, 0.97, 0.05, 0.006),
            (0.3 * side, 0.98 - drop, 0.055, 0.006), facing=FRONT,
        )  # fmt: skip


def badge(color: Color, x: float, y: float, width: float, height: float, z: float = 0.05) -> FigurePart:
    """A lozenge on the chest."""
    ends = ((x - width, y), (x + width, y), (x, y - height), (x, y + height))
    return on_torso(color, *((u, v, z, 0.008) for u, v in ends), facing=FRONT)


def star(
    color: Color, x: float, y: float, radius: float, z: float = 0.06, facing: int = FRONT
) -> Iterator[FigurePart]:
    """Five points on the torso; ``radius`` in standing heights."""
    for angle in np.radians(90 + 72 * np.arange(5)):
        turns, reach = np.array([angle - 0.63, angle, angle + 0.63]), np.array([0.42, 1, 0.42]) * radius
        points = np.stack([np.cos(turns), np.sin(turns)], axis=1) * reach[:, None] / _TORSO_SCALE + (x, y)
        yield on_torso(color, (x, y, z, 0.002), *((u, v, z, 0.002) for u, v in points), facing=facing)


def eyes(white: Color = WHITE, pupil: Color = BLACK) -> Iterator[FigurePart]:
    for x in (-0.42, 0.42):
        yield on_head(white, (x - 0.08, 0.1, 0.95, 0.17), (x + 0.08, 0.1, 0.95, 0.17), facing=FRONT)
        yield on_head(pupil, (x, 0.08, 0.98, 0.125), facing=FRONT)


def neck(color: Color) -> FigurePart:
    return FigurePart("torso", color, (("torso", 0, 1.04, 0, 0.03), ("head", 0, -0.6, 0, 0.5)))


def skull(color: Color) -> Iterator[FigurePart]:
    """A head that a mask covers."""
    yield neck(color)
    yield on_head(color, (0, 0.3, -0.05, 1.05), (0, -0.5, 0.2, 0.72))


def mouth(
    color: Color = (164, 58, 54), y: float = -0.55, half: float = 0.22, radius: float = 0.07
) -> FigurePart:
    return on_head(color, (-half, y, 0.9, radius), (half, y, 0.9, radius), facing=FRONT)


def brows(color: Color, slant: float = 0.04) -> Iterator[FigurePart]:
    """``slant`` above 0 lifts their inner ends."""
    for side in (-1, 1):
        yield on_head(
            color,
            (0.22 * side, 0.42 + slant, 0.95, 0.06),
            (0.64 * side, 0.42 - slant, 0.9, 0.06),
            facing=FRONT,
        )


def face(
    skin: Color, hair: Color, *, slant: float = 0.0, lips: Color = (164, 58, 54)
) -> Iterator[FigurePart]:
    """Hair, ears and a face; from behind hair only."""
    yield neck(skin)
    for x in (-0.95, 0.95):
        yield on_head(tone(skin, 0.92), (x, -0.02, 0.05, 0.2), (x, -0.2, 0.05, 0.14))
    yield on_head(hair, (0, 0.42, -0.12, 1.12), (0, 0.0, -0.3, 0.9))
    yield on_head(skin, (0, 0.02, 0.3, 0.86), (0, -0.55, 0.3, 0.6))
    yield on_head(hair, (0, 0.4, -0.25, 1.1), (0, -0.1, -0.35, 0.88), facing=BACK)
    yield from eyes()
    yield from brows(tone(hair, 0.8) if hair != WHITE else hair, slant)
    yield on_head(
        tone(skin, 0.84), (0, 0.0, 1.1, 0.07), (-0.05, -0.2, 1.1, 0.1), (0.05, -0.2, 1.1, 0.1), facing=FRONT
    )
    yield mouth(lips)


def beard(color: Color, length: float = 0.0, z: float = 0.55) -> Iterator[FigurePart]:
    """A full beard with a moustache and a mouth; ``length`` in half heads below the chin."""
    yield on_head(
        color, (-0.35, -0.75, z, 0.5), (0.35, -0.75, z, 0.5), (0, -1.05 - length, z, 0.4), facing=FRONT
    )
    for side in (-1, 1):
        yield on_head(
            tone(color, 0.9), (0.1 * side, -0.36, 1.0, 0.13), (0.5 * side, -0.48, 0.95, 0.09), facing=FRONT
        )
    yield mouth(y=-0.62, half=0.14)


def cape(color: Color, length: float = 0.85, half: float = 1.7) -> FigurePart:
    """``length`` below the hips, in torso lengths."""
    top = tuple(("torso", x, 0.98, -0.05, 0.02) for x in (-0.95, 0.95))
    return FigurePart("back", color, top + tuple(("torso", x, -length, -0.2, 0.02) for x in (-half, half)))
