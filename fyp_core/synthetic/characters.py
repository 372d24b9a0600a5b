"""The characters: what each character is made of.

No two are alike in colour and shape, also from far; large areas come first, details for large pictures last.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np

from .canvas import Color, tone
from .clothing import (
    BLACK,
    GOLD,
    SKIN,
    WHITE,
    arms,
    badge,
    beard,
    belt,
    box,
    buttons,
    cape,
    collar,
    eyes,
    face,
    hand,
    legs,
    mouth,
    on_head,
    on_limb,
    on_torso,
    ring,
    shoe,
    skull,
    star,
    stripe,
    torso,
)
from .figures import BACK, FRONT, Figure, FigurePart

Parts = Iterator[FigurePart]


def _astronaut() -> Parts:
    trim, suit = (243, 132, 36), (226, 228, 236)
    pack = tuple(("torso", *place) for place in box(0.85, (0.3, 1.05), (-0.14, -0.06), 0.02))
    yield FigurePart("back", (150, 156, 170), pack)
    yield from legs(suit, trim, width=1.3, boot=0.3, cuff=(150, 156, 170))
    yield from torso(WHITE, suit, width=1.3, waist=0.066)
    yield stripe((150, 156, 170), 0.18, 0.85, 0.015)
    yield on_torso((214, 52, 44), *box(0.42, (0.5, 0.74), (0.06, 0.07)), facing=FRONT)
    yield on_torso((60, 74, 110), *box(0.28, (0.64, 0.7), (0.075, 0.075)), facing=FRONT)
    yield from buttons(GOLD, (0.55,), -0.2)
    yield from buttons((90, 220, 120), (0.55,), 0.2)
    for x in (-0.75, 0.75):
        yield on_torso(
            (40, 90, 190), (x - 0.12, 0.84, 0.05, 0.008), (x + 0.12, 0.84, 0.05, 0.008), facing=FRONT
        )
    yield from arms(suit, trim, width=1.3, cuff=(150, 156, 170))
    for side in "lr":
        yield ring(f"{side}_upper_arm", trim, 0.55, 0.032)
        yield on_limb(f"{side}_shin", (150, 156, 170), (0, 0.0, 0.03, 0.032), (0, 0.12, 0.02, 0.03))
    yield on_head(WHITE, (0, 0.2, 0, 1.6))
    for x in (-1.5, 1.5):
        yield on_head((150, 156, 170), (x, 0.1, 0, 0.34))
    yield on_head((190, 150, 60), *((x, 0.15, 0.9, 0.9) for x in (-0.4, 0.4)), facing=FRONT)
    yield on_head((26, 48, 120), *((x, 0.15, 0.95, 0.78) for x in (-0.4, 0.4)), facing=FRONT)
    yield on_head((120, 190, 250), (0.35, 0.6, 1.2, 0.16), (0.75, 0.35, 1.2, 0.2), facing=FRONT)


def _robot_limbs(steel: Color, dark: Color) -> Parts:
    for side in "lr":
        for bone, size in (("upper_arm", 0.028), ("forearm", 0.028), ("thigh", 0.036), ("shin", 0.036)):
            name = f"{side}_{bone}"
            yield on_limb(name, dark, (0, 0, 0, size), (0, 1, 0, size * 0.8))
            yield on_limb(name, steel, *box(size * 1.05, (0.2, 0.86), (-size, size)))
            for y in (0.32, 0.74):
                yield on_limb(
                    name, tone(steel, 0.7), (-size * 0.8, y, size, 0.004), (size * 0.8, y, size, 0.004)
                )
        fore, foot = f"{side}_forearm", f"{side}_foot"
        yield on_limb(fore, dark, (0, 1.05, 0, 0.03))
        for x in (-0.026, 0.026):
            yield on_limb(fore, dark, (x, 1.1, 0, 0.012), (0.7 * x, 1.3, 0, 0.009))
        yield on_limb(foot, dark, *box(0.03, (-0.01, 0.03), (-0.025, 0.07), 0.008))
        yield on_limb(foot, steel, *box(0.024, (-0.012, -0.004), (0.0, 0.05), 0.004))


def _robot() -> Parts:
    steel, dark, light = (112, 146, 178), (58, 72, 96), (150, 182, 208)
    yield from _robot_limbs(steel, dark)
    hips = tuple(("pelvis", *place) for place in box(1.1, (-0.03, 0.05), (-0.045, 0.045), 0.01))
    yield FigurePart("torso", dark, hips)
    yield on_torso(steel, *box(0.98, (0.2, 1.02), (-0.06, 0.06), 0.012))
    yield on_torso((60, 226, 236), *box(0.55, (0.5, 0.84), (0.07, 0.075)), facing=FRONT)
    yield on_torso(
        (20, 120, 150),
        (-0.45, 0.6, 0.08, 0.005),
        (-0.1, 0.6, 0.08, 0.005),
        (-0.28, 0.76, 0.08, 0.005),
        facing=FRONT,
    )
    yield on_torso((20, 120, 150), (0.1, 0.6, 0.08, 0.006), (0.4, 0.76, 0.08, 0.006), facing=FRONT)
    yield on_torso(GOLD, *box(0.55, (0.3, 0.38), (0.07, 0.075)), facing=FRONT)
    for x in (-0.4, 0.0, 0.4):
        yield from buttons((206, 60, 50), (0.34,), x)
    for x in (-0.86, 0.86):
        yield from buttons(dark, (0.28, 0.94), x, 0.007)
    yield on_head(dark, (0, 0.6, 0, 0.16), (0, 2.3, 0, 0.12))
    yield on_head((236, 52, 46), (0, 2.35, 0, 0.34))
    for x in (-1.3, 1.3):
        yield on_head(dark, (x, 0.1, 0, 0.3))
    yield on_head(light, *box(1.15, (-0.85, 1.15), (-0.95, 0.95), 0.12))
    yield on_head(dark, *box(0.85, (-0.1, 0.55), (1.1, 1.1), 0.1), facing=FRONT)
    for x in (-0.42, 0.42):
        yield on_head((255, 224, 60), (x, 0.22, 1.12, 0.27), facing=FRONT)
        yield on_head((150, 90, 20), (x, 0.22, 1.14, 0.11), facing=FRONT)
    yield on_head(dark, *box(0.55, (-0.68, -0.5), (1.1, 1.1), 0.05), facing=FRONT)
    for x in (-0.35, 0.0, 0.35):
        yield on_head(light, (x, -0.7, 1.12, 0.05), (x, -0.48, 1.12, 0.05), facing=FRONT)


def _bear_head(fur: Color, ears: Color, inner: Color, muzzle: Color) -> Parts:
    for x in (-1.1, 1.1):
        yield on_head(ears, (x, 1.25, -0.1, 0.58))
        yield on_head(inner, (x, 1.25, 0.2, 0.34), facing=FRONT)
    yield on_head(fur, (0, 0.25, 0, 1.4), (0, -0.2, 0.2, 1.25))
    yield on_head(muzzle, (-0.22, -0.5, 1.15, 0.5), (0.22, -0.5, 1.15, 0.5), facing=FRONT)


def _bear_mouth() -> Parts:
    yield on_head(BLACK, (-0.12, -0.3, 1.35, 0.2), (0.12, -0.3, 1.35, 0.2), facing=FRONT)
    for side in (-1, 1):
        yield on_head(BLACK, (0, -0.62, 1.4, 0.05), (0.26 * side, -0.76, 1.35, 0.05), facing=FRONT)


def _paws(fur: Color, pad: Color, width: float) -> Parts:
    for side in "lr":
        yield on_limb(f"{side}_forearm", fur, (0, 0.95, 0, 0.03 * width), (0, 1.15, 0, 0.03 * width))
        yield on_limb(f"{side}_forearm", pad, (0, 1.12, 0.02, 0.016 * width))
        for x in (-0.022, 0.0, 0.022):
            yield on_limb(f"{side}_forearm", pad, (x * width, 1.26, 0.012, 0.007 * width))


def _panda() -> Parts:
    pad = (120, 116, 126)
    yield from legs(BLACK, BLACK, width=1.5)
    yield on_torso(WHITE, (0, 0.3, 0.0, 0.105), (-0.4, 0.7, 0, 0.07), (0.4, 0.7, 0, 0.07))
    yield on_torso(BLACK, *((x, 0.9, 0, 0.055) for x in (-0.85, 0.85)))
    yield on_torso((214, 212, 220), (0, 0.16, 0.1, 0.006), facing=FRONT)
    for side in "lr":
        yield on_limb(f"{side}_upper_arm", BLACK, (0, 0.02, 0, 0.05), (0, 1, 0, 0.039))
        yield on_limb(f"{side}_forearm", BLACK, (0, 0, 0, 0.039), (0, 0.95, 0, 0.034))
    yield from _paws(BLACK, pad, 1.35)
    yield from _bear_head(WHITE, BLACK, (72, 68, 78), WHITE)
    for x in (-1, 1):
        yield on_head(BLACK, (0.5 * x, 0.3, 1.1, 0.3), (0.68 * x, 0.0, 1.1, 0.3), facing=FRONT)
        yield on_head(WHITE, (0.5 * x, 0.22, 1.3, 0.15), facing=FRONT)
        yield on_head(BLACK, (0.48 * x, 0.22, 1.32, 0.085), facing=FRONT)
    yield from _bear_mouth()


def _hulk() -> Parts:
    green, limb, purple = (112, 196, 66), (80, 152, 46), (120, 44, 160)
    yield from legs(purple, limb, lower=limb, width=1.5)
    for side in "lr":
        shin = f"{side}_shin"
        yield on_limb(shin, purple, (0, 0, 0, 0.056), (0, 0.3, 0, 0.056))
        for x in (-0.035, 0.0, 0.035):
            yield on_limb(
                shin,
                purple,
                (x - 0.016, 0.32, 0.02, 0.004),
                (x + 0.016, 0.32, 0.02, 0.004),
                (x, 0.46, 0.02, 0.003),
            )
    yield FigurePart("torso", purple, tuple(("pelvis", x, 0.0, 0, 0.075) for x in (-0.85, 0.85)))
    chest = tuple((x, 0.88, 0, 0.075) for x in (-1, 1))
    yield on_torso(green, *chest, *((x, 0.22, 0, 0.07) for x in (-0.3, 0.3)))
    for x in (-0.5, 0.5):
        yield on_torso(limb, (x, 0.74, 0.08, 0.036), (0.6 * x, 0.72, 0.08, 0.03), facing=FRONT)
    for y in (0.28, 0.42, 0.55):
        yield on_torso(limb, (-0.3, y, 0.08, 0.005), (0.3, y, 0.08, 0.005), facing=FRONT)
    yield on_torso(limb, (0, 0.2, 0.08, 0.005), (0, 0.84, 0.08, 0.005), facing=FRONT)
    yield on_torso(limb, (0, 0.3, -0.08, 0.006), (0, 0.95, -0.08, 0.006), facing=BACK)
    yield from arms(limb, green, width=1.7)
    for side in "lr":
        yield on_limb(f"{side}_upper_arm", green, (0, 0.35, 0.02, 0.038), (0, 0.6, 0.02, 0.036))
    yield from face(green, BLACK, slant=-0.12, lips=(52, 96, 36))
    yield on_head(WHITE, (-0.2, -0.52, 0.95, 0.05), (0.2, -0.52, 0.95, 0.05), facing=FRONT)
    yield on_head(BLACK, (-0.6, 0.85, 0.7, 0.28), (0.6, 0.85, 0.7, 0.28), facing=FRONT)


def _iron_man() -> Parts:
    red, gold = (186, 22, 30), (246, 192, 62)
    light = (190, 250, 255)
    yield from legs(gold, red, lower=red, width=1.1, boot=0.5, cuff=tone(gold, 0.9))
    yield from torso(red, tone(red, 0.86), width=1.15)
    for x in (-1, 1):
        yield on_torso(gold, (0.62 * x, 0.3, 0.05, 0.012), (0.72 * x, 0.5, 0.05, 0.008), facing=FRONT)
        yield on_torso(
            tone(red, 0.7), (0.2 * x, 0.52, 0.06, 0.005), (0.8 * x, 0.62, 0.05, 0.005), facing=FRONT
        )
        yield on_torso(gold, (0.55 * x, 0.96, 0.04, 0.01), (0.85 * x, 0.9, 0.04, 0.01), facing=FRONT)
    yield on_torso(gold, (0, 0.68, 0.06, 0.034), facing=FRONT)
    yield on_torso(light, (0, 0.68, 0.065, 0.026), facing=FRONT)
    for y in (0.24, 0.36):
        yield on_torso(tone(red, 0.7), (-0.3, y, 0.06, 0.005), (0.3, y, 0.06, 0.005), facing=FRONT)
    yield from belt(tone(gold, 0.9))
    yield from arms(gold, red, lower=red, width=1.15, cuff=gold)
    for side in "lr":
        yield on_limb(f"{side}_forearm", light, (0, 1.09, 0.02, 0.012))
        yield on_limb(f"{side}_shin", tone(gold, 0.9), (0, 0.0, 0.03, 0.024), (0, 0.1, 0.02, 0.016))
    yield from skull(red)
    yield on_head(gold, (0, 0.25, 0.6, 0.66), (0, -0.55, 0.55, 0.48), facing=FRONT)
    for x in (-1, 1):
        yield on_head((225, 255, 255), (0.26 * x, 0.06, 1.0, 0.1), (0.56 * x, 0.13, 0.95, 0.1), facing=FRONT)
        yield on_head(
            tone(gold, 0.72), (0.45 * x, -0.25, 0.9, 0.04), (0.3 * x, -0.75, 0.9, 0.04), facing=FRONT
        )
        yield on_head(tone(red, 0.7), (1.0 * x, 0.1, 0.05, 0.22))
    yield mouth(tone(gold, 0.55), half=0.2, radius=0.05)


def _stormtrooper() -> Parts:
    plate, line = (232, 234, 240), (120, 124, 136)
    for side in "lr":
        for bone, size in (("upper_arm", 0.03), ("forearm", 0.03), ("thigh", 0.043), ("shin", 0.043)):
            name = f"{side}_{bone}"
            yield on_limb(name, BLACK, (0, 0, 0, size * 0.9), (0, 1, 0, size * 0.75))
            yield on_limb(name, plate, (0, 0.3, 0, size * 1.1), (0, 0.72, 0, size * 0.95))
        yield on_limb(f"{side}_upper_arm", WHITE, (0, 0.0, 0, 0.04), (0, 0.14, 0, 0.038))
        yield on_limb(f"{side}_shin", WHITE, (0, 0.04, 0.024, 0.024))
        yield from hand(side, BLACK)
        yield from shoe(side, WHITE)
    yield from torso(WHITE, BLACK, width=1.1)
    yield FigurePart("torso", WHITE, tuple(("pelvis", x, 0.0, 0, 0.045) for x in (-0.4, 0.4)))
    yield on_torso(line, (-0.7, 0.5, 0.055, 0.005), (0.7, 0.5, 0.055, 0.005), facing=FRONT)
    yield on_torso(line, (0, 0.52, 0.055, 0.005), (0, 0.8, 0.055, 0.005), facing=FRONT)
    yield on_torso(BLACK, *box(0.3, (0.3, 0.42), (0.06, 0.06), 0.006), facing=FRONT)
    for x in (-0.2, 0.0, 0.2):
        yield from buttons((170, 176, 190), (0.36,), x, 0.009)
    yield on_torso(BLACK, *box(0.4, (0.6, 0.9), (-0.06, -0.06), 0.01), facing=BACK)
    yield from belt(BLACK)
    for x in (-0.45, 0.45):
        yield on_torso(
            (90, 92, 104), (x - 0.07, 0.17, 0.07, 0.012), (x + 0.07, 0.17, 0.07, 0.012), facing=FRONT
        )
    yield on_torso(BLACK, (0, 1.05, 0, 0.04))
    yield on_head(WHITE, (0, 0.4, 0, 1.2), (0, -0.5, 0.1, 1.05))
    yield on_head(BLACK, (-0.95, 0.55, 0.65, 0.06), (0.95, 0.55, 0.65, 0.06), facing=FRONT)
    for x in (-1, 1):
        eye = ((0.28 * x, 0.22, 1.1, 0.1), (0.85 * x, 0.1, 0.9, 0.16), (0.6 * x, 0.42, 1.0, 0.16))
        yield on_head(BLACK, *eye, facing=FRONT)
        yield on_head((70, 110, 150), (0.55 * x, -0.6, 1.0, 0.13), facing=FRONT)
    yield on_head(
        BLACK, *((x, y, 1.1, 0.08) for x, y in ((-0.6, -0.85), (0.6, -0.85), (0, -0.45))), facing=FRONT
    )
    yield on_head(WHITE, (-0.25, -0.78, 1.15, 0.05), (0.25, -0.78, 1.15, 0.05), facing=FRONT)


def _policeman() -> Parts:
    navy = (34, 52, 128)
    dark = tone(navy, 0.72)
    yield from legs(dark, BLACK)
    yield from torso(navy, dark, width=1.05)
    yield from belt(BLACK, 1.0, GOLD)
    for x in (-0.5, 0.52):
        yield on_torso((56, 56, 64), (x, 0.08, 0.06, 0.012), (x, 0.18, 0.06, 0.012), facing=FRONT)
    yield on_torso(
        BLACK, (0, 0.94, 0.055, 0.008), (-0.05, 0.4, 0.065, 0.01), (0.05, 0.4, 0.065, 0.01), facing=FRONT
    )
    yield from collar((70, 92, 178))
    yield badge(GOLD, 0.5, 0.74, 0.16, 0.075, 0.05)
    for x in (-0.5, 0.5):
        yield on_torso(dark, (x - 0.2, 0.62, 0.05, 0.006), (x + 0.2, 0.62, 0.05, 0.006), facing=FRONT)
        yield on_torso(GOLD, (x * 1.5, 0.99, 0.03, 0.008), (x * 1.9, 0.96, 0.02, 0.008), facing=FRONT)
    yield from arms(tone(navy, 0.86), SKIN, width=1.05, cuff=GOLD)
    yield from face(SKIN, (60, 42, 32))
    yield on_head(dark, *((x, 0.75, 0.1, 0.42) for x in (-0.8, 0.8)))
    yield on_head(navy, *((x, 1.35, 0, 0.42) for x in (-1.05, 1.05)))
    yield on_head(BLACK, *((x, 0.62, 1.1, 0.2) for x in (-0.7, 0.7)), facing=FRONT)
    yield on_head(GOLD, (-0.7, 0.85, 0.9, 0.06), (0.7, 0.85, 0.9, 0.06), facing=FRONT)
    yield on_head(GOLD, (0, 1.2, 1.0, 0.26), (0, 1.5, 0.9, 0.1), facing=FRONT)


def _fireman() -> Parts:
    coat, lime, red = (214, 112, 34), (222, 250, 70), (214, 32, 36)
    yield from legs(tone(coat, 0.86), BLACK, width=1.2, boot=0.32, cuff=(110, 110, 116))
    yield from torso(coat, tone(coat, 0.86), width=1.25, waist=0.064)
    yield on_torso(tone(coat, 0.6), (0, 0.22, 0.07, 0.005), (0, 0.96, 0.05, 0.005), facing=FRONT)
    yield stripe(lime, 0.55, 1.0, 0.035, 0.014)
    yield stripe((226, 228, 232), 0.55, 1.05, 0.006, 0.004)
    yield from belt(lime, 1.3, (110, 110, 116))
    yield from buttons((70, 64, 60), (0.4, 0.72, 0.86), 0.0, 0.011)
    yield from collar(tone(coat, 0.7))
    yield from arms(tone(coat, 0.86), BLACK, width=1.25)
    for side in "lr":
        yield ring(f"{side}_forearm", lime, 0.5, 0.02, 0.016)
        yield ring(f"{side}_shin", lime, 0.4, 0.025, 0.018)
        yield on_limb(f"{side}_forearm", (226, 228, 232), (-0.03, 0.5, 0.02, 0.004), (0.03, 0.5, 0.02, 0.004))
    yield from face(SKIN, (60, 42, 32))
    yield on_head(red, (0, 0.85, -0.1, 1.0))
    yield on_head(red, (-1.1, 0.55, 0, 0.2), (1.1, 0.55, 0, 0.2), (0, 0.6, 1.1, 0.2), (0, 0.5, -1.7, 0.2))
    yield on_head(tone(red, 0.7), (-0.95, 0.62, 0.75, 0.05), (0.95, 0.62, 0.75, 0.05), facing=FRONT)
    yield on_head(tone(red, 0.76), (0, 0.9, 0.3, 0.08), (0, 1.75, -0.1, 0.12), facing=BACK)
    yield on_head(
        (252, 214, 60), (-0.2, 0.95, 0.9, 0.14), (0.2, 0.95, 0.9, 0.14), (0, 1.55, 0.6, 0.24), facing=FRONT
    )
    yield on_head(red, (0, 1.25, 0.95, 0.13), facing=FRONT)


def _bat(color: Color, y: float, size: float) -> Parts:
    """The emblem: a body and two wings, on the chest."""
    yield on_torso(color, (0, y + 0.05 * size, 0.06, 0.006), (0, y - 0.09 * size, 0.06, 0.004), facing=FRONT)
    for side in (-1, 1):
        wing = ((0, y, 0.004), (0.36, y + 0.055 * size, 0.004), (0.2, y - 0.06 * size, 0.004))
        yield on_torso(color, *((side * x * size, v, 0.06, r) for x, v, r in wing), facing=FRONT)


def _batman() -> Parts:
    gray, black, yellow = (112, 116, 130), (22, 22, 34), (250, 206, 40)
    yield cape((30, 30, 46))
    yield from legs(gray, black, width=1.1, boot=0.55)
    yield from torso(gray, black, width=1.15)
    for y in (0.3, 0.42):
        yield on_torso(tone(gray, 0.76), (-0.3, y, 0.06, 0.005), (0.3, y, 0.06, 0.005), facing=FRONT)
    yield badge(yellow, 0, 0.7, 0.52, 0.11, 0.055)
    yield from _bat(black, 0.7, 1.15)
    yield from belt(yellow, 1.0, tone(yellow, 0.7))
    for x in (-0.5, -0.28, 0.28, 0.5):
        yield on_torso(tone(yellow, 0.8), (x, 0.14, 0.07, 0.008), (x, 0.2, 0.07, 0.008), facing=FRONT)
    yield from arms(tone(gray, 0.9), black, width=1.15)
    for side in "lr":
        fore, out = f"{side}_forearm", 1 if side == "l" else -1
        yield on_limb(fore, black, (0, 0.45, 0, 0.032), (0, 1, 0, 0.028))
        for y in (0.55, 0.75):
            yield on_limb(fore, black, (out * 0.024, y, 0, 0.008), (out * 0.052, y - 0.1, 0, 0.003))
    for x in (-0.75, 0.75):
        yield on_head(black, (x, 0.8, 0, 0.4), (x, 2.1, 0, 0.06))
    yield from skull(black)
    yield on_head(SKIN, (-0.2, -0.62, 0.75, 0.42), (0.2, -0.62, 0.75, 0.42), facing=FRONT)
    for x in (-1, 1):
        yield on_head(WHITE, (0.25 * x, 0.02, 1.0, 0.1), (0.62 * x, 0.2, 0.95, 0.15), facing=FRONT)
    yield on_head(black, (-0.1, -0.3, 1.1, 0.08), (0.1, -0.3, 1.1, 0.08), (0, 0.1, 1.1, 0.08), facing=FRONT)
    yield mouth(y=-0.72)


def _superman() -> Parts:
    blue, red, yellow = (30, 88, 214), (220, 28, 38), (252, 212, 50)
    yield cape((200, 22, 34))
    yield from legs(tone(blue, 0.9), red, width=1.1, boot=0.55)
    yield from torso(blue, red, width=1.15)
    yield badge(yellow, 0, 0.68, 0.55, 0.16, 0.055)
    yield badge(red, 0, 0.69, 0.38, 0.115, 0.06)
    for y, x in ((0.76, 0.14), (0.69, 0.0), (0.62, -0.1)):
        yield on_torso(yellow, (x - 0.12, y, 0.065, 0.006), (x + 0.08, y - 0.02, 0.065, 0.006), facing=FRONT)
    yield from belt(yellow, 1.0, tone(yellow, 0.7))
    for x in (-0.25, 0.25):
        yield on_torso(tone(blue, 0.8), (x * 0.3, 0.4, 0.06, 0.004), (x, 0.42, 0.06, 0.004), facing=FRONT)
    yield from arms(tone(blue, 0.9), SKIN, width=1.15)
    yield from face(SKIN, BLACK)
    yield on_head(BLACK, (-0.55, 0.8, 0.6, 0.3), (0.6, 0.85, 0.6, 0.25), facing=FRONT)
    yield on_head(BLACK, (0.05, 0.75, 0.95, 0.1), (-0.1, 0.5, 1.0, 0.08), facing=FRONT)


def _spiderman() -> Parts:
    red, blue, web = (216, 28, 40), (38, 62, 172), (120, 10, 24)
    yield from legs(blue, red, boot=0.6)
    yield from torso(red, blue)
    for x in (-1.0, 1.0):
        yield on_torso(blue, (0.75 * x, 0.62, 0, 0.022), (0.5 * x, 0.25, 0, 0.03))
    for y in (0.36, 0.5, 0.88):
        yield on_torso(web, (-0.42, y, 0.055, 0.003), (0.42, y, 0.055, 0.003), facing=FRONT)
    for x in (-0.3, 0.0, 0.3):
        yield on_torso(web, (x * 0.7, 0.26, 0.055, 0.003), (x, 0.96, 0.055, 0.003), facing=FRONT)
    for y in (-0.07, 0.02, 0.09):
        for x in (-1.0, 1.0):
            yield on_torso(
                BLACK, (0, 0.72, 0.06, 0.004), (0.26 * x, 0.72 + y * 1.4, 0.06, 0.004), facing=FRONT
            )
    yield on_torso(BLACK, (0, 0.76, 0.06, 0.012), (0, 0.66, 0.06, 0.014), facing=FRONT)
    yield from belt(red)
    yield from arms(blue, red)
    for side in "lr":
        yield on_limb(f"{side}_forearm", red, (0, 0.2, 0, 0.029), (0, 1, 0, 0.025))
    yield from skull(red)
    for x in (-0.8, 0.0, 0.8):
        yield on_head(web, (0, -0.1, 1.0, 0.035), (x, 1.1, 0.4, 0.035), facing=FRONT)
        yield on_head(web, (0, -0.1, 1.0, 0.035), (x * 0.8, -1.0, 0.5, 0.035), facing=FRONT)
    for y in (0.62, -0.62):
        yield on_head(web, (-0.6, y, 0.8, 0.035), (0.6, y, 0.8, 0.035), facing=FRONT)
    for x in (-1, 1):
        for color, grow in ((BLACK, 0.07), (WHITE, 0.0)):
            eye = ((0.28 * x, -0.05, 1.05, 0.17 + grow), (0.68 * x, 0.32, 0.9, 0.26 + grow))
            yield on_head(color, *eye, facing=FRONT)


def _santa() -> Parts:
    red = (206, 24, 34)
    yield from legs(tone(red, 0.86), BLACK, width=1.2, boot=0.4, cuff=WHITE)
    yield from torso(red, red, width=1.3, waist=0.085)
    yield FigurePart("torso", WHITE, tuple(("pelvis", x, -0.04, 0, 0.026) for x in (-1.3, 1.3)))
    yield on_torso(WHITE, (0, 0.2, 0.09, 0.016), (0, 0.95, 0.05, 0.016), facing=FRONT)
    yield on_torso(BLACK, *((x, y, 0, 0.016) for x in (-0.95, 0.95) for y in (0.14, 0.2)))
    yield on_torso(GOLD, *box(0.2, (0.13, 0.21), (0.1, 0.1), 0.01), facing=FRONT)
    yield on_torso(BLACK, *box(0.08, (0.155, 0.185), (0.105, 0.105), 0.006), facing=FRONT)
    yield from buttons(BLACK, (0.36, 0.52), 0.0, 0.011)
    yield from arms(tone(red, 0.86), WHITE, width=1.25, cuff=WHITE)
    yield from face(SKIN, WHITE)
    for x in (-0.5, 0.5):
        yield on_head((240, 150, 130), (x, -0.22, 0.95, 0.17), facing=FRONT)
    yield on_head((228, 128, 108), (0, -0.12, 1.15, 0.17), facing=FRONT)
    yield from beard(WHITE, 0.5)
    yield on_head(red, (0, 1.05, -0.1, 0.95), (0.9, 2.1, -0.2, 0.2))
    yield on_head(tone(red, 0.7), (0.2, 1.3, 0.8, 0.04), (0.75, 1.85, 0.2, 0.04), facing=FRONT)
    yield on_head(WHITE, *((x, 0.92, 0.05, 0.32) for x in (-0.85, 0.85)))
    yield on_head(WHITE, (1.0, 2.0, -0.2, 0.4))


def _man() -> Parts:
    teal, brown, tie = (24, 176, 166), (112, 78, 52), (206, 60, 56)
    yield from legs(brown, (70, 44, 30))
    yield from torso(teal, brown)
    yield on_torso(WHITE, *box(0.2, (0.4, 0.95), (0.05, 0.055), 0.008), facing=FRONT)
    yield on_torso(
        tie, (0, 0.92, 0.06, 0.008), (-0.06, 0.5, 0.065, 0.008), (0.06, 0.5, 0.065, 0.008), facing=FRONT
    )
    yield from collar(tone(teal, 0.76), 0.3)
    for x in (-0.5, 0.5):
        yield on_torso(
            tone(teal, 0.76), (x - 0.14, 0.38, 0.055, 0.006), (x + 0.14, 0.38, 0.055, 0.006), facing=FRONT
        )
    yield on_torso(tone(teal, 0.76), (0, 0.28, -0.06, 0.004), (0, 0.94, -0.05, 0.004), facing=BACK)
    yield from belt((58, 38, 28), 0.95, GOLD)
    yield from arms(tone(teal, 0.86), SKIN, lower=SKIN)
    for side in "lr":
        yield ring(f"{side}_upper_arm", tone(teal, 0.7), 0.97, 0.022)
        yield ring(f"{side}_shin", tone(brown, 0.8), 0.94, 0.02)
    yield ring("l_forearm", (60, 60, 70), 0.88, 0.016, 0.008)
    yield from face(SKIN, (84, 52, 28))
    yield on_head((84, 52, 28), (-0.5, 0.78, 0.65, 0.3), (0.55, 0.9, 0.6, 0.22), facing=FRONT)


def _woman() -> Parts:
    pink, hair = (240, 84, 164), (166, 62, 24)
    yield FigurePart(
        "back",
        hair,
        (("head", 0, 0.3, -0.4, 1.05), ("torso", -0.5, 0.7, -0.05, 0.03), ("torso", 0.5, 0.7, -0.05, 0.03)),
    )
    yield from legs(SKIN, (200, 30, 60), width=0.85)
    hem = tuple((f"{side}_thigh", 0, 0.7, 0, 0.055) for side in "lr")
    yield FigurePart("torso", tone(pink, 0.86), tuple(("pelvis", x, 0.0, 0, 0.05) for x in (-0.8, 0.8)) + hem)
    rim = tuple((f"{side}_thigh", x, 0.86, 0, 0.008) for side in "lr" for x in (-0.045, 0.045))
    yield FigurePart("torso", WHITE, rim)
    for side in "lr":
        for x, y in ((-0.02, 0.25), (0.02, 0.45), (-0.02, 0.65)):
            yield FigurePart("torso", WHITE, ((f"{side}_thigh", x, y, 0.05, 0.007),), FRONT)
    yield on_torso(pink, *((x, 0.92, 0, 0.034) for x in (-0.9, 0.9)), (0, 0.2, 0, 0.058))
    yield from belt(WHITE, 0.85, GOLD)
    yield badge(WHITE, 0, 0.86, 0.45, 0.11)
    yield on_torso(
        SKIN, (-0.26, 0.97, 0.055, 0.006), (0.26, 0.97, 0.055, 0.006), (0, 0.86, 0.06, 0.006), facing=FRONT
    )
    yield on_torso(GOLD, (0, 0.84, 0.065, 0.009), facing=FRONT)
    yield from arms(SKIN, SKIN, width=0.85)
    for side in "lr":
        yield on_limb(f"{side}_upper_arm", pink, (0, 0.02, 0, 0.034), (0, 0.3, 0, 0.031))
        yield ring(f"{side}_forearm", GOLD, 0.9, 0.013, 0.006)
    yield from face(SKIN, hair, lips=(214, 30, 70))
    for x in (-1, 1):
        yield on_head(hair, (0.15 * x, 0.85, 0.75, 0.25), (0.85 * x, 0.25, 0.5, 0.22), facing=FRONT)
        yield on_head(GOLD, (0.95 * x, -0.4, 0.2, 0.12), facing=FRONT)


def _disc_on_back(color: Color, radius: float) -> FigurePart:
    """A round plate behind the torso; ``radius`` in standing heights."""
    turns = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    rim = tuple(
        ("torso", radius / 0.1 * np.cos(turn), 0.55 + radius / 0.29 * np.sin(turn), -0.075, 0.004)
        for turn in turns
    )
    return FigurePart("back", color, rim)


def _captain_america() -> Parts:
    blue, red = (44, 74, 160), (196, 34, 44)
    for color, radius in ((red, 0.17), (WHITE, 0.13), (red, 0.095), (blue, 0.06)):
        yield _disc_on_back(color, radius)
    for part in star(WHITE, 0, 0.55, 0.05, -0.08):
        yield FigurePart("back", part.color, part.spheres)
    yield from legs(tone(blue, 0.86), red, width=1.1, boot=0.45, cuff=WHITE)
    yield from torso(blue, tone(blue, 0.86), width=1.15)
    yield on_torso(WHITE, *box(0.62, (0.22, 0.44), (0.045, 0.055), 0.012), facing=FRONT)
    for x in (-0.52, -0.18, 0.18, 0.52):
        yield on_torso(red, (x, 0.2, 0.06, 0.009), (x, 0.46, 0.06, 0.009), facing=FRONT)
    yield from star(WHITE, 0, 0.72, 0.055)
    yield from belt((120, 76, 44), 1.0, GOLD)
    yield from arms(blue, red, lower=WHITE, width=1.15)
    for side in "lr":
        yield on_limb(f"{side}_forearm", red, (0, 0.5, 0, 0.031), (0, 1.0, 0, 0.028))
    yield from skull(blue)
    yield on_head(SKIN, (-0.22, -0.6, 0.72, 0.46), (0.22, -0.6, 0.72, 0.46), facing=FRONT)
    yield from eyes()
    yield on_head(tone(SKIN, 0.84), (0, -0.05, 1.1, 0.08), (0, -0.2, 1.1, 0.13), facing=FRONT)
    yield mouth(y=-0.68)
    for x in (-1, 1):
        yield on_head(WHITE, (0.22 * x, 0.52, 1.0, 0.06), (0, 1.0, 0.85, 0.06), facing=FRONT)
        yield on_head(WHITE, (1.0 * x, 0.2, 0.1, 0.14), (1.05 * x, 0.75, -0.1, 0.05))
    yield on_head(WHITE, (-0.14, 0.66, 1.0, 0.05), (0.14, 0.66, 1.0, 0.05), facing=FRONT)


def _darth_vader() -> Parts:
    black, gray, silver = (26, 26, 32), (70, 72, 82), (150, 154, 166)
    yield cape((18, 18, 24), 1.45, 2.1)
    yield from legs(black, black, width=1.15, boot=0.5, cuff=gray)
    yield from torso(black, black, width=1.25)
    for x in (-1.0, 1.0):
        yield on_torso(gray, (0.95 * x, 0.98, 0.02, 0.026), (0.35 * x, 0.9, 0.05, 0.012))
    yield on_torso(silver, *box(0.42, (0.44, 0.66), (0.06, 0.07), 0.006), facing=FRONT)
    for x, color in ((-0.28, (230, 40, 40)), (0.0, (60, 210, 90)), (0.28, (70, 130, 250))):
        yield on_torso(color, *((x + dx, 0.6, 0.08, 0.007) for dx in (-0.06, 0.06)), facing=FRONT)
        yield on_torso(gray, *((x + dx, 0.5, 0.08, 0.006) for dx in (-0.08, 0.08)), facing=FRONT)
    yield from belt(gray, 1.05, silver)
    yield from arms(black, black, width=1.2, cuff=gray)
    yield on_limb("r_forearm", silver, (0.0, 1.14, 0.0, 0.013), (-0.03, 1.36, 0.03, 0.013))
    yield on_limb("r_forearm", (255, 60, 60), (-0.035, 1.42, 0.035, 0.014), (-0.17, 2.6, 0.12, 0.01))
    yield on_limb("r_forearm", (255, 206, 200), (-0.035, 1.42, 0.035, 0.005), (-0.17, 2.6, 0.12, 0.004))
    yield on_head(black, (0, 0.5, -0.05, 1.2), (-1.0, -0.75, -0.2, 0.5), (1.0, -0.75, -0.2, 0.5))
    yield on_head(gray, (0, 0.25, 0.6, 0.78), (0, -0.75, 0.8, 0.42), facing=FRONT)
    yield on_head(silver, (0, 0.8, 1.0, 0.06), (0, 1.55, 0.4, 0.06), facing=FRONT)
    for x in (-1.0, 1.0):
        yield on_head(black, (0.28 * x, 0.1, 1.0, 0.2), (0.55 * x, 0.0, 0.95, 0.24), facing=FRONT)
        yield on_head((200, 60, 56), (0.46 * x, 0.12, 1.05, 0.07), facing=FRONT)
    yield on_head(
        black, (0, -0.3, 1.2, 0.06), (-0.34, -0.85, 1.1, 0.08), (0.34, -0.85, 1.1, 0.08), facing=FRONT
    )
    for x in (-0.2, 0.0, 0.2):
        yield on_head(silver, (x * 0.5, -0.5, 1.25, 0.035), (x, -0.86, 1.2, 0.035), facing=FRONT)


def _king() -> Parts:
    gold, mantle, ermine = (240, 190, 52), (142, 18, 58), (246, 244, 238)
    yield cape(mantle, 1.2, 1.9)
    hem = tuple(("torso", x, y, -0.2, 0.022) for x in (-1.9, 1.9) for y in (-1.2, -1.1))
    yield FigurePart("back", ermine, hem)
    yield from legs(ermine, (120, 70, 40), boot=0.4, cuff=gold)
    yield from torso(gold, gold, width=1.15, waist=0.064)
    skirt = tuple((f"{side}_thigh", 0, 0.35, 0, 0.056) for side in "lr")
    yield FigurePart(
        "torso", tone(gold, 0.88), tuple(("pelvis", x, 0.0, 0, 0.055) for x in (-0.9, 0.9)) + skirt
    )
    for x in (-0.3, 0.0, 0.3):
        yield on_torso(tone(gold, 0.76), (x * 0.8, 0.24, 0.065, 0.005), (x, 0.8, 0.055, 0.005), facing=FRONT)
    yield from belt(mantle, 1.1, ermine)
    yield on_torso(ermine, (-0.95, 0.98, 0.0, 0.036), (0.95, 0.98, 0.0, 0.036), (0, 0.84, 0.04, 0.026))
    for x, y in ((-0.7, 0.96), (-0.35, 0.9), (0.35, 0.9), (0.7, 0.96), (0.0, 0.82)):
        yield on_torso(BLACK, (x, y, 0.07, 0.006), (x, y + 0.03, 0.07, 0.004), facing=FRONT)
    yield from arms(mantle, SKIN, width=1.15, cuff=ermine)
    yield from face(SKIN, (112, 74, 44))
    yield from beard((112, 74, 44))
    yield on_head(
        gold, (-0.85, 0.85, 0.0, 0.22), (0.85, 0.85, 0.0, 0.22), (-0.85, 1.1, 0.0, 0.2), (0.85, 1.1, 0.0, 0.2)
    )
    for x in (-0.95, -0.48, 0.0, 0.48, 0.95):
        yield on_head(gold, (x * 0.95, 1.1, 0.1, 0.22), (x * 1.12, 1.85, 0.1, 0.07))
        yield on_head((226, 40, 60), (x * 1.12, 1.9, 0.1, 0.12))
    for x, color in ((-0.5, (60, 120, 230)), (0.0, (226, 40, 60)), (0.5, (60, 120, 230))):
        yield on_head(color, (x, 0.98, 0.95, 0.13), facing=FRONT)


def _chef() -> Parts:
    trousers, red, crease = (58, 62, 78), (222, 44, 46), (196, 198, 208)
    yield from legs(trousers, BLACK)
    yield from torso(WHITE, trousers, width=1.1)
    apron = tuple((f"{side}_thigh", 0, 0.6, 0.045, 0.03) for side in "lr")
    yield FigurePart(
        "torso", WHITE, (("torso", -0.55, 0.2, 0.05, 0.01), ("torso", 0.55, 0.2, 0.05, 0.01), *apron), FRONT
    )
    yield on_torso(crease, (-0.62, 0.2, 0.06, 0.006), (0.62, 0.2, 0.06, 0.006))
    yield on_torso(crease, (0.42, 0.3, 0.055, 0.004), (0.3, 0.9, 0.05, 0.004), facing=FRONT)
    for x in (-0.22, 0.22):
        yield from buttons(BLACK, (0.36, 0.52, 0.68), x, 0.008)
    yield from arms((230, 232, 240), SKIN, width=1.1, cuff=crease)
    yield from face(SKIN, (64, 44, 34))
    yield on_torso(red, (-0.34, 1.0, 0.02, 0.02), (0.34, 1.0, 0.02, 0.02), (0, 0.9, 0.055, 0.008))
    yield on_torso(red, (0, 0.92, 0.06, 0.012), (0.12, 0.78, 0.065, 0.012), facing=FRONT)
    for side in (-1, 1):
        yield on_head(
            (64, 44, 34), (0.06 * side, -0.38, 1.05, 0.11), (0.55 * side, -0.3, 0.95, 0.05), facing=FRONT
        )
    yield on_head(WHITE, (-0.95, 2.0, 0, 0.62), (0.95, 2.0, 0, 0.62), (0, 2.35, 0, 0.7))
    yield on_head(WHITE, *((x, y, 0, 0.3) for x in (-0.72, 0.72) for y in (0.85, 1.7)))
    yield on_head(crease, (-0.95, 0.75, 0.3, 0.08), (0.95, 0.75, 0.3, 0.08), facing=FRONT)
    for x in (-0.5, 0.0, 0.5):
        yield on_head(crease, (x * 0.8, 1.2, 0.7, 0.05), (x * 1.3, 2.3, 0.6, 0.05), facing=FRONT)


def _pirate() -> Parts:
    red, coat, breeches = (206, 40, 44), (52, 44, 66), (122, 86, 54)
    yield from legs(breeches, BLACK, boot=0.5, cuff=(90, 70, 60), sides="l")
    yield on_limb("r_thigh", breeches, (0, 0, 0, 0.053), (0, 1, 0, 0.037))
    yield on_limb("r_shin", (190, 136, 76), (0, 0.15, 0, 0.026), (0, 1.1, 0, 0.015))
    yield on_limb("r_shin", breeches, (0, 0, 0, 0.038), (0, 0.2, 0, 0.034))
    yield from torso(WHITE, breeches, width=1.05)
    for y, half in ((0.3, 0.55), (0.46, 0.68), (0.62, 0.8), (0.78, 0.92), (0.93, 1.1)):
        yield stripe(red, y, half, 0.012, 0.012)
    for x in (-1.0, 1.0):
        yield on_torso(
            coat,
            (0.98 * x, 0.95, 0.02, 0.03),
            (0.62 * x, 0.96, 0.04, 0.02),
            (0.66 * x, -0.1, 0.03, 0.03),
            (0.9 * x, -0.1, 0.0, 0.03),
        )
        yield from buttons(GOLD, (0.4, 0.6, 0.8), 0.58 * x)
    yield on_torso(
        coat,
        (-0.95, 0.94, -0.03, 0.035),
        (0.95, 0.94, -0.03, 0.035),
        (-0.7, -0.1, -0.03, 0.05),
        (0.7, -0.1, -0.03, 0.05),
        facing=BACK,
    )
    yield on_torso((230, 170, 40), (-0.6, 0.17, 0.04, 0.016), (0.6, 0.17, 0.04, 0.016), facing=FRONT)
    yield from arms(coat, SKIN, width=1.05, cuff=GOLD)
    yield from face(SKIN, (40, 30, 28))
    yield from beard((40, 30, 28))
    yield on_head(BLACK, (-0.42, 0.08, 1.05, 0.26), facing=FRONT)
    yield on_head(BLACK, (-0.9, 0.4, 0.7, 0.05), (0.8, 0.5, 0.7, 0.05), facing=FRONT)
    yield on_head(red, (-0.8, 0.62, 0.15, 0.34), (0.8, 0.62, 0.15, 0.34))
    yield on_head(
        BLACK,
        (-1.7, 1.1, 0, 0.16),
        (1.7, 1.1, 0, 0.16),
        (-0.7, 0.85, 0.2, 0.2),
        (0.7, 0.85, 0.2, 0.2),
        (0, 1.85, 0, 0.35),
    )
    yield on_head(GOLD, (-1.6, 1.06, 0.4, 0.05), (-0.6, 0.76, 0.6, 0.05), facing=FRONT)
    yield on_head(GOLD, (1.6, 1.06, 0.4, 0.05), (0.6, 0.76, 0.6, 0.05), facing=FRONT)
    for side in (-1, 1):
        yield on_head(WHITE, (-0.34 * side, 1.02, 0.85, 0.07), (0.34 * side, 1.3, 0.85, 0.07), facing=FRONT)
    yield on_head(WHITE, (0, 1.42, 0.85, 0.25), (0, 1.15, 0.9, 0.16), facing=FRONT)
    for x in (-0.11, 0.11):
        yield on_head(BLACK, (x, 1.4, 0.95, 0.08), facing=FRONT)
    yield on_head(GOLD, (0.98, -0.35, 0.1, 0.13))


def _wizard() -> Parts:
    robe, yellow, snow = (92, 66, 196), (255, 224, 80), (240, 240, 246)
    yield from legs(robe, (96, 62, 40), width=1.05)
    for side in "lr":
        yield on_limb(
            f"{side}_shin",
            tone(robe, 0.86),
            (0, 0, 0, 0.046),
            (-0.02, 0.72, 0, 0.044),
            (0.02, 0.72, 0, 0.044),
        )
        yield on_limb(f"{side}_shin", yellow, (-0.03, 0.84, 0.0, 0.036), (0.03, 0.84, 0.0, 0.036))
    yield from torso(robe, tone(robe, 0.9), width=1.15, waist=0.066)
    skirt = tuple((f"{side}_thigh", 0, 0.8, 0, 0.062) for side in "lr")
    yield FigurePart(
        "torso", tone(robe, 0.9), tuple(("pelvis", x, 0.0, 0, 0.06) for x in (-0.9, 0.9)) + skirt
    )
    for x, y, size in ((-0.62, 0.72, 0.024), (0.66, 0.5, 0.02), (-0.4, -0.1, 0.024), (0.42, -0.3, 0.024)):
        yield from star(yellow, x, y, size, 0.065)
    yield from star(yellow, 0, 0.6, 0.05, -0.065, BACK)
    yield from belt((150, 104, 60), 1.1, yellow)
    for side in "lr":
        yield on_limb(f"{side}_upper_arm", robe, (0, 0.02, 0, 0.04), (0, 1, 0, 0.034))
        yield from hand(side, SKIN)
        yield on_limb(f"{side}_forearm", robe, (0, 0, 0, 0.034), (0, 0.86, 0, 0.048))
        yield on_limb(f"{side}_forearm", yellow, (-0.034, 0.96, 0, 0.012), (0.034, 0.96, 0, 0.012))
    yield from face(SKIN, snow)
    yield FigurePart(
        "head", snow,
        (("head", -0.4, -0.7, 0.7, 0.42), ("head", 0.4, -0.7, 0.7, 0.42), ("head", 0, -3.6, 0.9, 0.16)), FRONT,
    )  # fmt: skip
    for x in (-0.2, 0.18):
        yield on_head((204, 204, 216), (x, -1.2, 1.1, 0.05), (x * 0.5, -2.6, 1.1, 0.04), facing=FRONT)
    yield from beard(snow)
    yield on_head(robe, (0, 0.95, 0, 0.85), (0.35, 3.6, -0.3, 0.08))
    yield on_head(
        tone(robe, 0.8),
        (-1.75, 0.72, 0, 0.14),
        (1.75, 0.72, 0, 0.14),
        (0, 0.75, 1.3, 0.14),
        (0, 0.75, -1.3, 0.14),
    )
    yield on_head(yellow, (-0.8, 0.95, 0.6, 0.12), (0.8, 0.95, 0.6, 0.12), facing=FRONT)
    for x, y, size in ((-0.2, 1.6, 0.2), (0.25, 2.3, 0.16)):
        yield on_head(
            yellow,
            (x, y + size, 0.7, 0.02),
            (x - size, y - 0.6 * size, 0.7, 0.02),
            (x + size, y - 0.6 * size, 0.7, 0.02),
            facing=FRONT,
        )
        yield on_head(
            yellow,
            (x, y - size, 0.7, 0.02),
            (x - size, y + 0.6 * size, 0.7, 0.02),
            (x + size, y + 0.6 * size, 0.7, 0.02),
            facing=FRONT,
        )


def _teddy_bear() -> Parts:
    fur, tan, red = (158, 100, 52), (226, 186, 128), (220, 40, 52)
    dark = tone(fur, 0.88)
    yield from legs(dark, fur, width=1.5)
    yield on_torso(fur, (0, 0.3, 0.0, 0.105), (-0.55, 0.82, 0, 0.066), (0.55, 0.82, 0, 0.066))
    yield on_torso(tan, (0, 0.32, 0.09, 0.07), (0, 0.5, 0.08, 0.06), facing=FRONT)
    yield on_torso(tone(tan, 0.76), (0, 0.12, 0.12, 0.004), (0, 0.66, 0.12, 0.004), facing=FRONT)
    yield on_torso(tan, (0, 0.05, -0.1, 0.04), facing=BACK)
    for side in "lr":
        yield on_limb(f"{side}_upper_arm", dark, (0, 0.02, 0, 0.05), (0, 1, 0, 0.039))
        yield on_limb(f"{side}_forearm", dark, (0, 0, 0, 0.039), (0, 0.95, 0, 0.034))
        yield on_limb(f"{side}_foot", tan, (0, 0.03, 0.082, 0.018))
    yield from _paws(dark, tan, 1.35)
    yield from _bear_head(fur, dark, tan, tan)
    for x in (-0.5, 0.5):
        yield on_head(BLACK, (x, 0.28, 1.25, 0.2), facing=FRONT)
        yield on_head(WHITE, (x + 0.06, 0.35, 1.3, 0.07), facing=FRONT)
    yield from _bear_mouth()
    for x in (-1.0, 1.0):
        yield on_head(red, (0, -1.35, 0.9, 0.1), (0.75 * x, -1.12, 0.8, 0.16), (0.75 * x, -1.62, 0.8, 0.16))
    yield on_head(tone(red, 0.7), (0, -1.37, 1.0, 0.17), facing=FRONT)


def _skeleton() -> Parts:
    bone, dark = (240, 234, 214), (44, 40, 52)
    for side in "lr":
        for name, size in (("upper_arm", 0.013), ("forearm", 0.012), ("thigh", 0.016), ("shin", 0.014)):
            limb = f"{side}_{name}"
            yield on_limb(limb, bone, (0, 0, 0, size), (0, 1, 0, size))
            for y in (0.0, 0.97):
                yield on_limb(limb, bone, (-size * 0.9, y, 0, size), (size * 0.9, y, 0, size))
        yield from hand(side, bone, 0.85)
        yield on_limb(f"{side}_foot", bone, (0, 0.012, -0.012, 0.014), (0, 0.03, 0.02, 0.012))
        for x in (-0.014, 0.0, 0.014):
            yield on_limb(f"{side}_foot", bone, (0, 0.026, 0.01, 0.009), (x, 0.032, 0.065, 0.007))
    yield on_torso(
        dark, (-0.62, 0.86, 0, 0.03), (0.62, 0.86, 0, 0.03), (-0.42, 0.46, 0, 0.03), (0.42, 0.46, 0, 0.03)
    )
    yield on_torso(bone, (0, 0.0, 0, 0.017), (0, 1.0, 0, 0.017))
    for y in (0.1, 0.2, 0.3):
        yield on_torso(dark, (-0.16, y, 0.02, 0.003), (0.16, y, 0.02, 0.003))
    for y, half in ((0.4, 0.5), (0.53, 0.64), (0.66, 0.74), (0.79, 0.8)):
        yield on_torso(bone, (-half, y, 0, 0.011), (half, y, 0, 0.011))
    yield on_torso(bone, (-1.0, 0.97, 0, 0.013), (1.0, 0.97, 0, 0.013))
    yield on_torso(bone, (0, 0.56, 0.04, 0.012), (0, 0.94, 0.04, 0.014), facing=FRONT)
    hips = tuple(
        ("pelvis", x, y, 0, r) for x, y, r in ((-0.9, -0.03, 0.022), (0.9, -0.03, 0.022), (0, 0.03, 0.022))
    )
    yield FigurePart("torso", bone, hips)
    for x in (-0.5, 0.5):
        yield FigurePart("torso", dark, (("pelvis", x, 0.0, 0.02, 0.013),))
    yield FigurePart("torso", bone, (("torso", 0, 1.0, 0, 0.018), ("head", 0, -0.6, 0, 0.3)))
    yield on_head(bone, (0, -0.5, 0.25, 0.6), (0, -0.85, 0.3, 0.45))
    yield on_head(bone, (0, 0.4, -0.08, 1.1), (0, 0.0, 0.1, 0.9))
    for x in (-0.42, 0.42):
        yield on_head(dark, (x, 0.12, 0.98, 0.29), (x * 1.1, 0.02, 0.98, 0.25), facing=FRONT)
    yield on_head(
        dark, (0, -0.15, 1.05, 0.05), (-0.1, -0.36, 1.05, 0.07), (0.1, -0.36, 1.05, 0.07), facing=FRONT
    )
    yield mouth(dark, -0.72, 0.4, 0.05)
    for x in (-0.27, 0.0, 0.27):
        yield on_head(dark, (x, -0.86, 0.95, 0.035), (x, -0.58, 0.95, 0.035), facing=FRONT)


# New ones go to the end: the position of a name is its class for the judges.
_BUILDERS = {
    "astronaut": _astronaut, "robot": _robot, "panda": _panda, "hulk": _hulk, "iron man": _iron_man,
    "stormtrooper": _stormtrooper, "policeman": _policeman, "fireman": _fireman, "batman": _batman,
    "superman": _superman, "spiderman": _spiderman, "santa": _santa, "man": _man, "woman": _woman,
    "captain america": _captain_america, "darth vader": _darth_vader, "king": _king, "chef": _chef,
    "pirate": _pirate, "wizard": _wizard, "teddy bear": _teddy_bear, "skeleton": _skeleton,
}  # fmt: skip
CHARACTERS = tuple(_BUILDERS)


@cache
def figure(character: str) -> Figure:
    """The parts of a character; raises KeyError for an unknown name."""
    return Figure.build(list(_BUILDERS[character]()))
