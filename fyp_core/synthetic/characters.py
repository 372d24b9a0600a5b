"""The characters: what each character is made of.

Large flat areas, few details and no two characters alike: a small network has to learn them. Sizes follow
``figures.Sphere``: x, y, z and radius on a bone, see ``body.solve`` for the units.
"""

from collections.abc import Iterator
from functools import cache

from .figures import Color, Figure, FigurePart, Sphere

SKIN = (236, 188, 150)
BLACK = (28, 28, 34)
WHITE = (244, 244, 248)


def _darker(color: Color, by: float = 0.86) -> Color:
    red, green, blue = (int(channel * by) for channel in color)
    return red, green, blue


def _box(
    bone: str, x: float, y: tuple[float, float], z: tuple[float, float], radius: float = 0.004
) -> tuple[Sphere, ...]:
    return tuple((bone, sx * x, yy, zz, radius) for sx in (-1, 1) for yy in y for zz in z)


def _arms(
    sleeve: Color, hand: Color, *, lower: Color | None = None, width: float = 1.0
) -> Iterator[FigurePart]:
    for side in ("l", "r"):
        group, upper, fore = f"{side}_arm", f"{side}_upper_arm", f"{side}_forearm"
        yield FigurePart(group, sleeve, ((upper, 0, 0.02, 0, 0.036 * width), (upper, 0, 1, 0, 0.028 * width)))
        yield FigurePart(
            group, lower or sleeve, ((fore, 0, 0, 0, 0.028 * width), (fore, 0, 0.95, 0, 0.022 * width))
        )
        yield FigurePart(group, hand, ((fore, 0, 1.0, 0, 0.027 * width), (fore, 0, 1.14, 0, 0.025 * width)))


def _legs(
    upper: Color, shoe: Color, *, lower: Color | None = None, width: float = 1.0, boot: float = 0.0
) -> Iterator[FigurePart]:
    for side in ("l", "r"):
        group, thigh, shin, foot = f"{side}_leg", f"{side}_thigh", f"{side}_shin", f"{side}_foot"
        yield FigurePart(group, upper, ((thigh, 0, 0.0, 0, 0.053 * width), (thigh, 0, 1, 0, 0.037 * width)))
        yield FigurePart(
            group, lower or upper, ((shin, 0, 0, 0, 0.037 * width), (shin, 0, 0.97, 0, 0.026 * width))
        )
        if boot:
            yield FigurePart(
                group, shoe, ((shin, 0, 1 - boot, 0, 0.036 * width), (shin, 0, 1, 0, 0.031 * width))
            )
        yield FigurePart(
            group, shoe, ((foot, 0, 0.01, -0.01, 0.027 * width), (foot, 0, 0.022, 0.06, 0.02 * width))
        )


def _torso(top: Color, bottom: Color, *, width: float = 1.0, waist: float = 0.058) -> Iterator[FigurePart]:
    yield FigurePart(
        "torso",
        bottom,
        (*tuple(("pelvis", x, 0.0, 0, 0.054 * width) for x in (-0.85, 0.85)), ("torso", 0, 0.22, 0, waist)),
    )
    chest = tuple(("torso", x, 0.93, 0, 0.042 * width) for x in (-0.92, 0.92))
    yield FigurePart("torso", top, chest + tuple(("torso", x, 0.24, 0, waist * width) for x in (-0.2, 0.2)))


def _belt(color: Color, width: float = 1.0) -> FigurePart:
    return FigurePart(
        "torso",
        color,
        tuple(("torso", x, y, 0, 0.012) for x in (-0.66 * width, 0.66 * width) for y in (0.14, 0.2)),
    )


def _badge(color: Color, x: float, y: float, width: float, height: float, z: float = 0.045) -> FigurePart:
    """A lozenge on the chest."""
    ends = ((x - width, y), (x + width, y), (x, y - height), (x, y + height))
    return FigurePart("torso", color, tuple(("torso", u, v, z, 0.008) for u, v in ends), facing=True)


def _skull(color: Color, neck: Color | None = None) -> Iterator[FigurePart]:
    yield FigurePart("torso", neck or color, (("torso", 0, 0.98, 0, 0.034), ("head", 0, -0.6, 0, 0.55)))
    yield FigurePart("head", color, (("head", 0, 0.3, -0.05, 1.05), ("head", 0, -0.5, 0.2, 0.72)))


def _eyes(color: Color, radius: float = 0.2) -> Iterator[FigurePart]:
    for x in (-0.42, 0.42):
        yield FigurePart("head", color, (("head", x, 0.1, 0.95, radius),), facing=True)


def _face(skin: Color, hair: Color) -> Iterator[FigurePart]:
    """Hair with a face in front of it."""
    yield FigurePart("torso", skin, (("torso", 0, 0.98, 0, 0.034), ("head", 0, -0.6, 0, 0.55)))
    yield FigurePart("head", hair, (("head", 0, 0.42, -0.12, 1.12), ("head", 0, 0.0, -0.3, 0.9)))
    yield FigurePart("head", skin, (("head", 0, 0.02, 0.3, 0.86), ("head", 0, -0.55, 0.3, 0.6)))
    yield from _eyes(BLACK)


def _cape(color: Color) -> FigurePart:
    top = tuple(("torso", x, 0.98, -0.05, 0.02) for x in (-0.95, 0.95))
    return FigurePart("back", color, top + tuple(("torso", x, -0.85, -0.2, 0.02) for x in (-1.7, 1.7)))


def _astronaut() -> Iterator[FigurePart]:
    trim = (243, 132, 36)
    yield FigurePart("back", (150, 156, 170), _box("torso", 0.85, (0.3, 1.05), (-0.14, -0.06), 0.02))
    yield from _legs((226, 228, 236), trim, width=1.3, boot=0.3)
    yield from _torso(WHITE, (226, 228, 236), width=1.3, waist=0.066)
    yield FigurePart("torso", (214, 52, 44), _box("torso", 0.42, (0.5, 0.74), (0.06, 0.07)), facing=True)
    yield from _arms((226, 228, 236), trim, width=1.3)
    yield FigurePart("head", WHITE, (("head", 0, 0.2, 0, 1.6),))
    yield FigurePart(
        "head", (26, 48, 120), tuple(("head", x, 0.15, 0.95, 0.78) for x in (-0.4, 0.4)), facing=True
    )
    yield FigurePart("head", (120, 190, 250), (("head", 0.45, 0.5, 1.2, 0.26),), facing=True)


def _robot() -> Iterator[FigurePart]:
    steel, dark, light = (112, 146, 178), (58, 72, 96), (150, 182, 208)
    for side in ("l", "r"):
        for group, bones in (("arm", ("upper_arm", "forearm")), ("leg", ("thigh", "shin"))):
            size = 0.028 if group == "arm" else 0.036
            for bone in bones:
                name = f"{side}_{bone}"
                yield FigurePart(
                    f"{side}_{group}", dark, ((name, 0, 0, 0, size), (name, 0, 1, 0, size * 0.8))
                )
                yield FigurePart(
                    f"{side}_{group}", steel, _box(name, size * 1.05, (0.2, 0.86), (-size, size))
                )
        yield FigurePart(f"{side}_arm", dark, ((f"{side}_forearm", 0, 1.05, 0, 0.032),))
        yield FigurePart(
            f"{side}_leg", dark, _box(f"{side}_foot", 0.03, (-0.01, 0.03), (-0.025, 0.07), 0.008)
        )
    yield FigurePart("torso", dark, _box("pelvis", 1.1, (-0.03, 0.05), (-0.045, 0.045), 0.01))
    yield FigurePart("torso", steel, _box("torso", 0.98, (0.2, 1.02), (-0.06, 0.06), 0.012))
    yield FigurePart("torso", (60, 226, 236), _box("torso", 0.55, (0.5, 0.84), (0.07, 0.075)), facing=True)
    yield FigurePart("torso", (250, 208, 50), _box("torso", 0.55, (0.3, 0.38), (0.07, 0.075)), facing=True)
    yield FigurePart("head", dark, (("head", 0, 0.6, 0, 0.16), ("head", 0, 2.3, 0, 0.12)))
    yield FigurePart("head", (236, 52, 46), (("head", 0, 2.35, 0, 0.34),))
    yield FigurePart("head", light, _box("head", 1.15, (-0.85, 1.15), (-0.95, 0.95), 0.12))
    yield FigurePart("head", dark, _box("head", 0.85, (-0.1, 0.55), (1.1, 1.1), 0.1), facing=True)
    yield from _eyes((255, 224, 60), 0.27)


def _panda() -> Iterator[FigurePart]:
    yield from _legs(BLACK, BLACK, width=1.5)
    yield FigurePart(
        "torso",
        WHITE,
        (("torso", 0, 0.3, 0.0, 0.105), ("torso", -0.4, 0.7, 0, 0.07), ("torso", 0.4, 0.7, 0, 0.07)),
    )
    yield FigurePart("torso", BLACK, tuple(("torso", x, 0.9, 0, 0.055) for x in (-0.85, 0.85)))
    yield from _arms(BLACK, BLACK, width=1.4)
    for x in (-1.1, 1.1):
        yield FigurePart("head", BLACK, (("head", x, 1.25, -0.1, 0.58),))
    yield FigurePart("head", WHITE, (("head", 0, 0.25, 0, 1.4), ("head", 0, -0.2, 0.2, 1.25)))
    for x in (-1, 1):
        yield FigurePart(
            "head", BLACK, (("head", 0.5 * x, 0.3, 1.1, 0.3), ("head", 0.68 * x, 0.0, 1.1, 0.3)), facing=True
        )
    yield FigurePart(
        "head", BLACK, (("head", -0.1, -0.35, 1.35, 0.2), ("head", 0.1, -0.35, 1.35, 0.2)), facing=True
    )


def _hulk() -> Iterator[FigurePart]:
    green, limb, purple = (112, 196, 66), (80, 152, 46), (120, 44, 160)
    yield from _legs(purple, limb, lower=limb, width=1.5)
    for side in ("l", "r"):
        yield FigurePart(
            f"{side}_leg", purple, ((f"{side}_shin", 0, 0, 0, 0.056), (f"{side}_shin", 0, 0.3, 0, 0.056))
        )
    yield FigurePart("torso", purple, tuple(("pelvis", x, 0.0, 0, 0.075) for x in (-0.85, 0.85)))
    chest = tuple(("torso", x, 0.88, 0, 0.075) for x in (-1, 1))
    yield FigurePart("torso", green, chest + tuple(("torso", x, 0.22, 0, 0.07) for x in (-0.3, 0.3)))
    for x in (-0.5, 0.5):
        yield FigurePart("torso", limb, (("torso", x, 0.74, 0.08, 0.036),), facing=True)
    yield from _arms(limb, green, width=1.7)
    yield from _face(green, BLACK)


def _iron_man() -> Iterator[FigurePart]:
    red, gold = (186, 22, 30), (246, 192, 62)
    yield from _legs(gold, red, lower=red, width=1.1, boot=0.5)
    yield from _torso(red, _darker(red), width=1.15)
    yield FigurePart("torso", (190, 250, 255), (("torso", 0, 0.68, 0.06, 0.026),), facing=True)
    yield from _arms(gold, red, lower=red, width=1.15)
    yield from _skull(red)
    yield FigurePart(
        "head", gold, (("head", 0, 0.25, 0.6, 0.66), ("head", 0, -0.55, 0.55, 0.48)), facing=True
    )
    yield from _eyes((225, 255, 255), 0.19)


def _stormtrooper() -> Iterator[FigurePart]:
    plate = (232, 234, 240)
    for side in ("l", "r"):
        for group, bones, size in (
            ("arm", ("upper_arm", "forearm"), 0.03),
            ("leg", ("thigh", "shin"), 0.043),
        ):
            for bone in bones:
                name = f"{side}_{bone}"
                yield FigurePart(
                    f"{side}_{group}", BLACK, ((name, 0, 0, 0, size * 0.9), (name, 0, 1, 0, size * 0.75))
                )
                yield FigurePart(
                    f"{side}_{group}", plate, ((name, 0, 0.3, 0, size * 1.1), (name, 0, 0.72, 0, size * 0.95))
                )
        yield FigurePart(f"{side}_arm", BLACK, ((f"{side}_forearm", 0, 1.07, 0, 0.027),))
        yield FigurePart(
            f"{side}_leg",
            WHITE,
            ((f"{side}_foot", 0, 0.01, 0, 0.028), (f"{side}_foot", 0, 0.022, 0.06, 0.022)),
        )
    yield from _torso(WHITE, BLACK, width=1.1)
    yield FigurePart("torso", WHITE, tuple(("pelvis", x, 0.0, 0, 0.045) for x in (-0.4, 0.4)))
    yield _belt(BLACK)
    yield FigurePart(
        "torso", BLACK, (("torso", -0.5, 0.5, 0.055, 0.007), ("torso", 0.5, 0.5, 0.055, 0.007)), facing=True
    )
    yield FigurePart("torso", BLACK, (("torso", 0, 1.05, 0, 0.04),))
    yield FigurePart("head", WHITE, (("head", 0, 0.4, 0, 1.2), ("head", 0, -0.5, 0.1, 1.05)))
    for x in (-1, 1):
        eye = (
            ("head", 0.28 * x, 0.22, 1.1, 0.1),
            ("head", 0.85 * x, 0.1, 0.9, 0.16),
            ("head", 0.6 * x, 0.42, 1.0, 0.16),
        )
        yield FigurePart("head", BLACK, eye, facing=True)
    yield FigurePart(
        "head",
        BLACK,
        tuple(("head", x, y, 1.1, 0.08) for x, y in ((-0.6, -0.8), (0.6, -0.8), (0, -0.45))),
        facing=True,
    )


def _policeman() -> Iterator[FigurePart]:
    navy = (34, 52, 128)
    yield from _legs(_darker(navy, 0.72), BLACK)
    yield from _torso(navy, _darker(navy, 0.72), width=1.05)
    yield _belt(BLACK)
    yield FigurePart("torso", (250, 210, 60), (("torso", 0, 0.17, 0.06, 0.016),), facing=True)
    yield _badge((250, 210, 60), 0.45, 0.74, 0.2, 0.08)
    yield from _arms(_darker(navy), SKIN, width=1.05)
    yield from _face(SKIN, (60, 42, 32))
    yield FigurePart("head", _darker(navy, 0.72), tuple(("head", x, 0.75, 0.1, 0.42) for x in (-0.8, 0.8)))
    yield FigurePart("head", navy, tuple(("head", x, 1.35, 0, 0.42) for x in (-1.05, 1.05)))
    yield FigurePart("head", BLACK, tuple(("head", x, 0.62, 1.1, 0.2) for x in (-0.7, 0.7)), facing=True)
    yield FigurePart("head", (250, 210, 60), (("head", 0, 1.2, 1.0, 0.3),), facing=True)


def _fireman() -> Iterator[FigurePart]:
    coat, lime, red = (214, 112, 34), (222, 250, 70), (214, 32, 36)
    yield from _legs(_darker(coat), BLACK, width=1.2, boot=0.32)
    yield from _torso(coat, _darker(coat), width=1.25, waist=0.064)
    yield FigurePart("torso", lime, tuple(("torso", x, y, 0, 0.014) for x in (-1, 1) for y in (0.52, 0.58)))
    yield _belt(lime, 1.3)
    yield from _arms(_darker(coat), BLACK, width=1.25)
    for side in ("l", "r"):
        yield FigurePart(f"{side}_arm", lime, tuple((f"{side}_forearm", 0, y, 0, 0.034) for y in (0.4, 0.6)))
        yield FigurePart(f"{side}_leg", lime, tuple((f"{side}_shin", 0, y, 0, 0.042) for y in (0.3, 0.5)))
    yield from _face(SKIN, (60, 42, 32))
    yield FigurePart("head", red, (("head", 0, 0.85, -0.1, 1.0),))
    yield FigurePart(
        "head",
        red,
        (
            ("head", -1.1, 0.55, 0, 0.2),
            ("head", 1.1, 0.55, 0, 0.2),
            ("head", 0, 0.6, 1.1, 0.2),
            ("head", 0, 0.5, -1.7, 0.2),
        ),
    )
    yield FigurePart(
        "head", (252, 214, 60), (("head", 0, 0.9, 0.9, 0.18), ("head", 0, 1.5, 0.6, 0.28)), facing=True
    )


def _batman() -> Iterator[FigurePart]:
    gray, black, yellow = (112, 116, 130), (22, 22, 34), (250, 206, 40)
    yield _cape((30, 30, 46))
    yield from _legs(gray, black, width=1.1, boot=0.55)
    yield from _torso(gray, black, width=1.15)
    yield _badge(yellow, 0, 0.7, 0.5, 0.11, 0.05)
    yield _belt(yellow)
    yield from _arms(_darker(gray, 0.9), black, width=1.15)
    for side in ("l", "r"):
        yield FigurePart(
            f"{side}_arm",
            black,
            ((f"{side}_forearm", 0, 0.45, 0, 0.032), (f"{side}_forearm", 0, 1, 0, 0.028)),
        )
    for x in (-0.75, 0.75):
        yield FigurePart("head", black, (("head", x, 0.8, 0, 0.4), ("head", x, 2.1, 0, 0.06)))
    yield from _skull(black)
    yield FigurePart(
        "head", SKIN, (("head", -0.2, -0.62, 0.75, 0.42), ("head", 0.2, -0.62, 0.75, 0.42)), facing=True
    )
    yield from _eyes(WHITE, 0.22)


def _superman() -> Iterator[FigurePart]:
    blue, red, yellow = (30, 88, 214), (220, 28, 38), (252, 212, 50)
    yield _cape((200, 22, 34))
    yield from _legs(_darker(blue, 0.9), red, width=1.1, boot=0.55)
    yield from _torso(blue, red, width=1.15)
    yield _badge(yellow, 0, 0.68, 0.55, 0.16, 0.05)
    yield _badge(red, 0, 0.69, 0.3, 0.09, 0.055)
    yield _belt(yellow)
    yield from _arms(_darker(blue, 0.9), SKIN, width=1.15)
    yield from _face(SKIN, BLACK)


def _spiderman() -> Iterator[FigurePart]:
    red, blue = (216, 28, 40), (38, 62, 172)
    yield from _legs(blue, red, boot=0.6)
    yield from _torso(red, blue)
    for x in (-1, 1):
        yield FigurePart(
            "torso", blue, (("torso", 0.75 * x, 0.62, 0, 0.022), ("torso", 0.5 * x, 0.25, 0, 0.03))
        )
    yield _badge(BLACK, 0, 0.72, 0.14, 0.1)
    yield from _arms(blue, red)
    for side in ("l", "r"):
        yield FigurePart(
            f"{side}_arm", red, ((f"{side}_forearm", 0, 0.2, 0, 0.029), (f"{side}_forearm", 0, 1, 0, 0.025))
        )
    yield from _skull(red)
    for x in (-1, 1):
        eye = (("head", 0.25 * x, -0.05, 1.05, 0.2), ("head", 0.68 * x, 0.32, 0.9, 0.3))
        yield FigurePart("head", WHITE, eye, facing=True)


def _santa() -> Iterator[FigurePart]:
    red = (206, 24, 34)
    yield from _legs(_darker(red), BLACK, width=1.2, boot=0.4)
    yield from _torso(red, red, width=1.3, waist=0.085)
    yield FigurePart("torso", WHITE, tuple(("pelvis", x, -0.04, 0, 0.026) for x in (-1.3, 1.3)))
    yield FigurePart(
        "torso", BLACK, tuple(("torso", x, y, 0, 0.016) for x in (-0.95, 0.95) for y in (0.14, 0.2))
    )
    yield FigurePart("torso", (250, 208, 60), (("torso", 0, 0.17, 0.09, 0.026),), facing=True)
    yield from _arms(_darker(red), WHITE, width=1.25)
    yield from _face(SKIN, WHITE)
    yield FigurePart(
        "head", WHITE, (("head", 0, -0.85, 0.55, 0.68), ("head", 0, -1.5, 0.5, 0.45)), facing=True
    )
    yield FigurePart("head", red, (("head", 0, 1.05, -0.1, 0.95), ("head", 0.9, 2.1, -0.2, 0.2)))
    yield FigurePart("head", WHITE, tuple(("head", x, 0.92, 0.05, 0.32) for x in (-0.85, 0.85)))
    yield FigurePart("head", WHITE, (("head", 1.0, 2.0, -0.2, 0.4),))


def _man() -> Iterator[FigurePart]:
    teal, brown = (24, 176, 166), (112, 78, 52)
    yield from _legs(brown, (70, 44, 30))
    yield from _torso(teal, brown)
    yield FigurePart("torso", WHITE, _box("torso", 0.2, (0.4, 0.95), (0.05, 0.055), 0.008), facing=True)
    yield from _arms(_darker(teal), SKIN, lower=SKIN)
    yield from _face(SKIN, (84, 52, 28))


def _woman() -> Iterator[FigurePart]:
    pink, hair = (240, 84, 164), (166, 62, 24)
    yield FigurePart(
        "back",
        hair,
        (("head", 0, 0.3, -0.4, 1.05), ("torso", -0.5, 0.7, -0.05, 0.03), ("torso", 0.5, 0.7, -0.05, 0.03)),
    )
    yield from _legs(SKIN, (200, 30, 60), width=0.85)
    hem = tuple((f"{side}_thigh", 0, 0.7, 0, 0.055) for side in "lr")
    yield FigurePart("torso", _darker(pink), tuple(("pelvis", x, 0.0, 0, 0.05) for x in (-0.8, 0.8)) + hem)
    yield FigurePart(
        "torso",
        pink,
        (*tuple(("torso", x, 0.92, 0, 0.034) for x in (-0.9, 0.9)), ("torso", 0, 0.2, 0, 0.058)),
    )
    yield _belt(WHITE, 0.85)
    yield _badge(WHITE, 0, 0.84, 0.45, 0.12)
    yield from _arms(SKIN, SKIN, width=0.85)
    yield from _face(SKIN, hair)


_BUILDERS = {
    "astronaut": _astronaut, "robot": _robot, "panda": _panda, "hulk": _hulk, "iron man": _iron_man,
    "stormtrooper": _stormtrooper, "policeman": _policeman, "fireman": _fireman, "batman": _batman,
    "superman": _superman, "spiderman": _spiderman, "santa": _santa, "man": _man, "woman": _woman,
}  # fmt: skip
CHARACTERS = tuple(_BUILDERS)


@cache
def figure(character: str) -> Figure:
    """The parts of a character; raises KeyError for an unknown name."""
    return Figure.build(list(_BUILDERS[character]()))
