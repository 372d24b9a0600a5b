"""The scenes: what each background shows. The layout differs from clip to clip and fits any aspect."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from .canvas import Canvas, Color, clouds, crown, fir, rock, stars, sun, tone, tufts, waves

_STEEL = (70, 70, 80)


def _palm(c: Canvas, x: float, foot: float, top: float, lean: float) -> None:
    bark = (132, 88, 48)
    c.polygon(
        bark,
        (x - 0.018, foot),
        (x + 0.022, foot),
        (x + lean + 0.012, top),
        (x + lean - 0.012, top),
    )
    for share in np.arange(0.08, 1, 0.12):
        y, at = foot + share * (top - foot), x + share * lean
        c.line(tone(bark, 0.7), 0.005, (at - 0.016, y), (at + 0.018, y - 0.008))
    for angle in np.radians((-165, -205, -125, -55, -15, 25)):
        tip = (x + lean + 0.17 * np.cos(angle), top + 0.12 * np.sin(angle) + 0.05)
        bow = (x + lean + 0.1 * np.cos(angle), top + 0.1 * np.sin(angle) - 0.03)
        c.polygon((30, 134, 66), (x + lean, top - 0.012), bow, tip, (x + lean, top + 0.018))
        c.line((74, 176, 96), 0.004, (x + lean, top), bow, tip)
    for dx in (-0.014, 0.014):
        c.disc((96, 60, 34), x + lean + dx, top + 0.02, 0.013)


def _umbrella(c: Canvas, x: float, foot: float, color: Color) -> None:
    c.line((236, 232, 224), 0.008, (x, foot), (x + 0.03, foot - 0.2))
    rim = [(x + 0.03 + 0.13 * s, foot - 0.17 + 0.02 * s * s) for s in np.linspace(-1, 1, 7)]
    for index, (a, b) in enumerate(pairwise(rim)):
        c.polygon((color, (250, 248, 240))[index % 2], a, b, (x + 0.03, foot - 0.27))


def _beach(c: Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.34, 0.46)
    shore = horizon + rng.uniform(0.1, 0.16)
    c.gradient(0, horizon, (104, 190, 238), (206, 236, 250))
    sun(c, rng)
    clouds(c, rng, 0.2)
    c.gradient(horizon, shore, (24, 122, 190), (44, 188, 204))
    for x in c.spread(rng, 0.22):
        waves(
            c, (150, 220, 236), x, rng.uniform(horizon + 0.02, shore - 0.02), rng.uniform(0.04, 0.08), 0.005
        )
    c.gradient(shore, 1, (240, 220, 160), (222, 186, 118))
    foam = [(x, shore + 0.008 * np.sin(18 * x)) for x in np.linspace(0, c.wide, 40)]
    c.line((214, 188, 130), 0.03, *((x, y + 0.012) for x, y in foam))
    c.line((248, 248, 240), 0.02, *foam)
    for x in c.spread(rng, 0.12, 0.8):
        y = rng.uniform(shore + 0.06, 0.98)
        c.line((206, 168, 104), 0.005, (x - 0.03, y), (x, y - 0.006), (x + 0.03, y))
    for x in c.spread(rng, 0.5, 0.4):
        y = rng.uniform(shore + 0.1, 0.97)
        for angle in np.arange(5) * 2 * np.pi / 5:
            c.line((232, 120, 84), 0.009, (x, y), (x + 0.018 * np.cos(angle), y + 0.012 * np.sin(angle)))
    if rng.random() < 0.8:
        foot, top = shore + rng.uniform(0.05, 0.2), rng.uniform(0.16, 0.28)
        _palm(c, c.side(rng), foot, top, rng.uniform(-0.05, 0.05))
    if rng.random() < 0.4:
        _umbrella(c, c.side(rng), shore + rng.uniform(0.12, 0.2), (226, 66, 58))


def _boat(c: Canvas, x: float, y: float) -> None:
    c.polygon((150, 62, 40), (x - 0.07, y - 0.02), (x + 0.07, y - 0.02), (x + 0.045, y + 0.02),
              (x - 0.045, y + 0.02))  # fmt: skip
    c.line((250, 246, 236), 0.006, (x - 0.064, y - 0.012), (x + 0.064, y - 0.012))
    c.line((96, 64, 44), 0.006, (x, y - 0.02), (x, y - 0.16))
    c.polygon((250, 250, 250), (x + 0.004, y - 0.15), (x + 0.06, y - 0.03), (x + 0.004, y - 0.03))
    c.polygon((232, 226, 220), (x - 0.004, y - 0.13), (x - 0.045, y - 0.03), (x - 0.004, y - 0.03))


def _sea(c: Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.28, 0.42)
    c.gradient(0, horizon, (140, 200, 244), (226, 236, 250))
    sun(c, rng)
    clouds(c, rng, 0.18)
    c.gradient(horizon, 1, (30, 116, 190), (8, 46, 118))
    if rng.random() < 0.6:
        _boat(c, c.across(rng, 0.08, 0.92), horizon + 0.01)
    for row in np.linspace(horizon + 0.06, 0.97, 8):
        near = 0.5 + row - horizon
        for x in c.spread(rng, 0.55, 0.4):
            waves(c, (96, 172, 224), x, row, rng.uniform(0.08, 0.14) * near, 0.014 * near)
            waves(c, (190, 226, 246), x - 0.01, row - 0.012 * near, 0.07 * near, 0.005)


def _earth(c: Canvas, x: float, y: float, radius: float) -> None:
    c.disc((44, 110, 214), x, y, radius)
    land = (70, 166, 92)
    c.ellipse(land, x - radius * 0.3, y - radius * 0.25, radius * 0.42, radius * 0.4, 30)
    c.ellipse(land, x - radius * 0.1, y + radius * 0.35, radius * 0.22, radius * 0.4, -15)
    c.ellipse(land, x + radius * 0.5, y + radius * 0.1, radius * 0.28, radius * 0.3)
    for dx, dy, half in ((0.1, -0.7, 0.4), (-0.4, 0.12, 0.35), (0.3, 0.55, 0.35)):
        c.ellipse((236, 242, 250), x + dx * radius, y + dy * radius, half * radius, 0.08 * radius, -8)


def _moon(c: Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.5, 0.64)
    c.gradient(0, horizon, (6, 6, 22), (22, 20, 48))
    stars(c, rng, horizon, 0.03)
    _earth(c, c.across(rng, 0.1, 0.9), rng.uniform(0.1, 0.26), rng.uniform(0.07, 0.1))
    for x in c.spread(rng, 0.5, 0.4):
        c.ellipse((136, 136, 142), x, horizon + 0.03, rng.uniform(0.15, 0.3), rng.uniform(0.05, 0.1))
    c.gradient(horizon, 1, (168, 168, 172), (112, 112, 120))
    for x in c.spread(rng, 0.16, 0.5):
        y = rng.uniform(horizon + 0.05, 0.97)
        half = rng.uniform(0.05, 0.1) * (0.4 + (y - horizon) * 1.6)
        c.ellipse((188, 188, 192), x, y - half * 0.06, half * 1.1, half * 0.46)
        c.ellipse((92, 92, 100), x, y, half, half * 0.4)
        c.ellipse((128, 128, 134), x, y + half * 0.1, half * 0.8, half * 0.28)
    for x in c.spread(rng, 0.3, 0.5):
        rock(c, x, rng.uniform(horizon + 0.05, 0.98), rng.uniform(0.01, 0.03), (150, 150, 156))


def _snow(c: Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.44, 0.56)
    white = (240, 244, 250)
    c.gradient(0, horizon + 0.04, (150, 164, 196), (204, 212, 228))
    for x in c.spread(rng, 0.8):
        c.ellipse((206, 214, 232), x, horizon + 0.1, 0.6, rng.uniform(0.14, 0.22))
    c.gradient(horizon + 0.03, 1, (232, 236, 246), (206, 216, 236))
    for x in c.spread(rng, 0.24, 0.2):
        fir(c, (30, 88, 70), x, horizon + rng.uniform(0.03, 0.12), rng.uniform(0.26, 0.44), white)
    for x in c.spread(rng, 0.3, 0.5):
        y, half = rng.uniform(horizon + 0.16, 0.98), rng.uniform(0.06, 0.16)
        c.ellipse((196, 208, 232), x + 0.01, y + 0.008, half, half * 0.14)
        c.ellipse((246, 249, 254), x, y, half, half * 0.12)
    for x in c.spread(rng, 0.035, 1.0):
        c.disc((252, 252, 255), x, rng.uniform(0, 1), rng.uniform(0.004, 0.01))


def _iceberg(c: Canvas, rng: np.random.Generator, x: float, base: float) -> None:
    half, height = rng.uniform(0.1, 0.2), rng.uniform(0.14, 0.3)
    shoulder, tip = rng.uniform(0.4, 0.7), rng.uniform(-0.3, 0.3)
    peak, ridge = (x + tip * half, base - height), (x + half * 0.1, base)
    right = (x + half * 0.8, base - height * 0.5)
    left = (x - half * 0.7, base - height * shoulder)
    c.polygon((190, 232, 250), (x - half, base), left, peak, right, (x + half, base))
    c.polygon((116, 190, 230), peak, right, (x + half, base), ridge)
    c.polygon((226, 246, 254), left, peak, (x - half * 0.2, base - height * 0.45))
    c.line((90, 160, 206), 0.004, peak, (x + half * 0.3, base - height * 0.5), ridge)
    c.box((228, 246, 252), x - half * 1.1, base - 0.006, x + half * 1.1, base + 0.006)


def _penguin(c: Canvas, x: float, y: float) -> None:
    black = (26, 28, 38)
    c.ellipse(black, x, y - 0.045, 0.026, 0.05)
    c.ellipse((248, 248, 248), x, y - 0.033, 0.016, 0.034)
    for side in (-1, 1):
        c.ellipse(black, x + side * 0.026, y - 0.045, 0.007, 0.028, side * -18)
        c.ellipse((250, 160, 40), x + side * 0.012, y + 0.005, 0.011, 0.005)
        c.disc((248, 248, 248), x + side * 0.008, y - 0.078, 0.005)
    c.polygon((250, 160, 40), (x - 0.007, y - 0.07), (x + 0.007, y - 0.07), (x, y - 0.058))


def _antarctica(c: Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.36, 0.46)
    shelf = horizon + rng.uniform(0.14, 0.22)
    c.gradient(0, horizon, (70, 146, 226), (176, 222, 250))
    c.gradient(horizon, shelf, (16, 84, 148), (20, 112, 168))
    for x in c.spread(rng, 0.36, 0.2):
        _iceberg(c, rng, x, horizon + rng.uniform(0.01, 0.06))
    for x in c.spread(rng, 0.3):
        waves(c, (96, 172, 214), x, rng.uniform(horizon + 0.08, shelf - 0.02), 0.05, 0.005)
    c.gradient(shelf, 1, (206, 236, 250), (150, 204, 234))
    c.band((244, 252, 255), shelf - 0.01, shelf + 0.015)
    for x in c.spread(rng, 0.3, 0.5):
        y, turn = rng.uniform(shelf + 0.1, 0.98), rng.uniform(-0.02, 0.02)
        c.line((110, 178, 216), 0.005, (x - 0.08, y), (x - 0.02, y - 0.012 + turn), (x + 0.03, y + 0.008),
               (x + 0.09, y - turn))  # fmt: skip
    for _ in range(rng.integers(1, 4)):
        _penguin(c, c.side(rng), shelf + rng.uniform(0.05, 0.14))


def _forest(c: Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.56, 0.66)
    c.gradient(0, horizon, (96, 156, 96), (150, 190, 120))
    c.gradient(horizon, 1, (62, 92, 40), (44, 68, 30))
    for depth in (0, 1):
        bark, leaves = (((96, 72, 48), (44, 118, 58)), ((78, 54, 34), (26, 88, 44)))[depth]
        for x in c.spread(rng, 0.25, 0.4) + 0.1 * depth:
            half, base = 0.014 + 0.012 * depth, horizon + 0.02 + 0.05 * depth
            c.polygon(bark, (x - half, 0.1), (x + half, 0.1), (x + half, base - 0.05), (x + 1.8 * half, base),
                      (x - 1.8 * half, base), (x - half, base - 0.05))  # fmt: skip
            for y in np.arange(0.24, base - 0.05, 0.07):
                at = x + rng.uniform(-0.5, 0.5) * half
                c.line(tone(bark, 0.7), 0.005, (at, y), (at + 0.003, y + 0.035))
            crown(c, leaves, x, rng.uniform(0.0, 0.2), rng.uniform(0.11, 0.16))
    tufts(c, rng, (96, 136, 56), horizon + 0.1, 0.045)
    for x in c.spread(rng, 0.5, 0.5):
        y = rng.uniform(horizon + 0.14, 0.97)
        c.box((236, 224, 204), x - 0.006, y - 0.022, x + 0.006, y)
        c.ellipse((206, 52, 44), x, y - 0.024, 0.02, 0.012)
        c.disc((250, 244, 236), x - 0.006, y - 0.027, 0.003)


def _cactus(c: Canvas, x: float, base: float, size: float) -> None:
    green = (46, 120, 62)

    def column(at: float, top: float, bottom: float, half: float) -> None:
        c.box(green, at - half, top, at + half, bottom)
        c.disc(green, at, top, half)
        for shift in (-0.4, 0.25):
            c.line((84, 160, 92), 0.004, (at + shift * half, top), (at + shift * half, bottom))

    for sign, level in ((-1, 0.5), (1, 0.65)):
        arm = x + sign * size * 0.33
        c.box(green, min(x, arm), base - size * level, max(x, arm), base - size * (level - 0.15))
        column(arm, base - size * (level + 0.2), base - size * (level - 0.15), size * 0.075)
    column(x, base - size, base, size * 0.11)


def _desert(c: Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.44, 0.56)
    c.gradient(0, horizon + 0.04, (250, 186, 100), (255, 226, 160))
    sun(c, rng, (255, 246, 206))
    for x in c.spread(rng, 0.7):
        c.ellipse((206, 128, 66), x, horizon + 0.04, rng.uniform(0.35, 0.5), rng.uniform(0.1, 0.18))
        c.ellipse((220, 142, 76), x + 0.3, horizon + 0.06, rng.uniform(0.3, 0.5), rng.uniform(0.08, 0.14))
    c.gradient(horizon + 0.03, 1, (230, 158, 88), (196, 108, 54))
    for x in c.spread(rng, 0.14, 0.6):
        y = rng.uniform(horizon + 0.06, 0.98)
        half = 0.03 + 0.1 * (y - horizon)
        bow = [(x + half * s, y - 0.15 * half * (1 - s * s)) for s in np.linspace(-1, 1, 7)]
        c.line((184, 100, 50), 0.006, *bow)
        c.line((240, 176, 108), 0.004, *((u, v - 0.008) for u, v in bow))
    for x in c.spread(rng, 0.5, 0.4):
        rock(c, x, rng.uniform(horizon + 0.1, 0.97), rng.uniform(0.02, 0.04), (176, 108, 74))
    for _ in range(rng.integers(1, 3)):
        _cactus(c, c.side(rng), horizon + rng.uniform(0.06, 0.18), rng.uniform(0.18, 0.28))


def _house(c: Canvas, color: Color, left: float, width: float, top: float, curb: float) -> None:
    c.box(color, left, top, left + width, curb)
    c.box(tone(color, 0.8), left, top, left + width, top + 0.02)
    c.box(tone(color, 0.86), left + width - 0.012, top, left + width, curb)
    columns = 2 if width < 0.23 else 3
    for column in range(columns):
        at = left + width * (column + 0.5) / columns
        for y in np.arange(top + 0.05, curb - 0.16, 0.12):
            c.box(tone(color, 0.68), at - 0.027, y - 0.005, at + 0.027, y + 0.068)
            c.box((252, 226, 140), at - 0.022, y, at + 0.022, y + 0.06)
            c.line(tone(color, 0.68), 0.005, (at, y), (at, y + 0.06))
            c.line(tone(color, 0.68), 0.005, (at - 0.022, y + 0.028), (at + 0.022, y + 0.028))
    door = left + width * 0.5
    c.box(tone(color, 0.5), door - 0.03, curb - 0.1, door + 0.03, curb)
    c.disc((250, 214, 90), door + 0.02, curb - 0.05, 0.005)


def _lamp(c: Canvas, x: float, base: float) -> None:
    c.line(
        (52, 56, 66), 0.011, (x, base), (x, base - 0.36), (x + 0.02, base - 0.385), (x + 0.06, base - 0.385)
    )
    c.ellipse((255, 244, 190), x + 0.065, base - 0.376, 0.02, 0.011)


def _street(c: Canvas, rng: np.random.Generator) -> None:
    curb = rng.uniform(0.58, 0.68)
    c.gradient(0, curb, (150, 196, 236), (206, 226, 244))
    colors = [(170, 92, 72), (190, 164, 116), (128, 138, 158), (148, 120, 138), (108, 140, 142)]
    order = rng.permutation(len(colors))
    x, index = -rng.uniform(0, 0.1), 0
    while x < c.wide:
        width = rng.uniform(0.18, 0.28)
        _house(c, colors[order[index % len(colors)]], x, width, rng.uniform(0.04, 0.32), curb)
        x, index = x + width, index + 1
    c.band((176, 174, 176), curb, curb + 0.06)
    for x in np.arange(rng.uniform(0, 0.1), c.wide, 0.1):
        c.line((146, 144, 148), 0.004, (x, curb), (x - 0.02, curb + 0.05))
    c.band((128, 128, 132), curb + 0.05, curb + 0.06)
    c.gradient(curb + 0.06, 1, (84, 84, 92), (60, 60, 68))
    for left in np.arange(-0.3, c.wide, 0.3) + rng.uniform(0, 0.3):
        c.box((240, 236, 214), left, curb + 0.17, left + 0.15, curb + 0.195)
    for x in np.arange(rng.uniform(0, 0.5), c.wide, 0.6):
        _lamp(c, x, curb + 0.04)


def _bench(c: Canvas, x: float, base: float) -> None:
    for dx in (-0.1, 0.08):
        c.box((90, 60, 44), x + dx, base - 0.12, x + dx + 0.02, base + 0.03)
    for top in (0.0, 0.045, 0.09):
        c.box((178, 90, 46), x - 0.12, base - 0.12 + top, x + 0.12, base - 0.095 + top)
        c.box((206, 118, 68), x - 0.12, base - 0.12 + top, x + 0.12, base - 0.113 + top)


def _park(c: Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.46, 0.56)
    c.gradient(0, horizon, (128, 202, 246), (214, 240, 252))
    clouds(c, rng, 0.2)
    for x in c.spread(rng, 0.16, 0.4):
        crown(c, (98, 168, 88), x, horizon, rng.uniform(0.05, 0.08))
    c.gradient(horizon, 1, (140, 204, 92), (98, 170, 66))
    bend = c.across(rng, 0.2, 0.8)
    path = ((bend - 0.02, horizon), (bend + 0.02, horizon), (c.across(rng, 0.6, 1.1), 1),
            (c.across(rng, -0.1, 0.4), 1))  # fmt: skip
    c.polygon((222, 200, 160), *path)
    tufts(c, rng, (74, 146, 52), horizon + 0.08, 0.06)
    for x in c.spread(rng, 0.07, 0.6):
        y = rng.uniform(horizon + 0.08, 0.98)
        petals = ((250, 240, 120), (250, 250, 250), (240, 120, 170))[int(rng.integers(3))]
        c.disc(petals, x, y, 0.008)
        c.disc((232, 150, 40), x, y, 0.003)
    for x in c.spread(rng, 0.34, 0.4):
        base = horizon + rng.uniform(0.01, 0.05)
        c.polygon((124, 84, 52), (x - 0.013, base - 0.2), (x + 0.013, base - 0.2), (x + 0.022, base),
                  (x - 0.022, base))  # fmt: skip
        crown(c, (58, 150, 62), x, base - 0.24, rng.uniform(0.1, 0.14))
    _bench(c, c.side(rng), horizon + rng.uniform(0.1, 0.16))


def _peak(c: Canvas, color: Color, x: float, base: float, height: float, half: float) -> None:
    top = (x, base - height)
    c.polygon(color, (x - half, base), top, (x + half, base))
    c.polygon(
        tone(color, 0.8),
        top,
        (x + half, base),
        (x + half * 0.15, base),
        (x - half * 0.08, base - height * 0.5),
    )
    for level in (0.35, 0.6):
        left = x - half * level
        c.line(
            tone(color, 0.86),
            0.005,
            (left, base - height * 0.55 * (1 - level)),
            (left + half * 0.12, base - height * 0.3),
        )
    snow = (246, 248, 252)
    c.polygon(
        snow, (x - half * 0.35, base - height * 0.65), top, (x + half * 0.35, base - height * 0.65),
        (x + half * 0.18, base - height * 0.73), (x + half * 0.05, base - height * 0.6),
        (x - half * 0.12, base - height * 0.72), (x - half * 0.22, base - height * 0.62),
    )  # fmt: skip
    c.polygon(
        (206, 216, 234), top, (x + half * 0.35, base - height * 0.65), (x + half * 0.18, base - height * 0.73),
        (x + half * 0.05, base - height * 0.6),
    )  # fmt: skip


def _mountain(c: Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.54, 0.62)
    c.gradient(0, horizon + 0.06, (110, 170, 232), (220, 232, 244))
    clouds(c, rng, 0.16)
    for index, x in enumerate(rng.permutation(c.spread(rng, 0.36, 0.25))):
        shade = 14 * (index % 3)
        color = (124 - shade, 118 - shade, 136 - shade)
        _peak(c, color, x, horizon + 0.06, rng.uniform(0.36, 0.54), rng.uniform(0.3, 0.42))
    for x in c.spread(rng, 0.7):
        c.ellipse((104, 132, 76), x, horizon + 0.06, 0.5, 0.1)
    c.gradient(horizon + 0.05, 1, (112, 138, 80), (86, 104, 60))
    for x in c.spread(rng, 0.28, 0.5):
        fir(c, (44, 92, 62), x, horizon + rng.uniform(0.05, 0.09), rng.uniform(0.08, 0.14))
    tufts(c, rng, (70, 96, 48), horizon + 0.12, 0.07)
    for x in c.spread(rng, 0.24, 0.5):
        rock(c, x, rng.uniform(horizon + 0.12, 0.97), rng.uniform(0.03, 0.06))


def _gym(c: Canvas, rng: np.random.Generator) -> None:
    floor = rng.uniform(0.64, 0.74)
    c.gradient(0, floor, (206, 198, 190), (226, 220, 212))
    for left in np.arange(rng.uniform(-0.1, 0.1), c.wide, 0.34):
        c.box((170, 162, 156), left + 0.03, 0.06, left + 0.27, 0.23)
        c.box((128, 196, 232), left + 0.04, 0.07, left + 0.26, 0.22)
        c.polygon(
            (176, 222, 244),
            (left + 0.06, 0.22),
            (left + 0.12, 0.07),
            (left + 0.15, 0.07),
            (left + 0.09, 0.22),
        )
        c.box((244, 248, 252), left + 0.14, 0.07, left + 0.16, 0.22)
    bars = c.side(rng)
    for y in np.arange(0.27, floor - 0.22, 0.035):
        c.line((172, 118, 66), 0.009, (bars - 0.08, y), (bars + 0.08, y))
    for dx in (-0.08, 0.08):
        c.line((140, 92, 50), 0.012, (bars + dx, 0.25), (bars + dx, floor))
    c.band((176, 60, 54), floor - 0.2, floor - 0.13)
    c.band((206, 96, 84), floor - 0.2, floor - 0.193)
    c.gradient(floor, 1, (214, 158, 98), (186, 128, 74))
    center = 0.5 * c.wide
    for x in np.arange(-c.wide, 2 * c.wide, 0.14):
        c.line((176, 120, 68), 0.004, (x, floor), (center + 1.9 * (x - center), 1))
    c.band((140, 96, 58), floor - 0.012, floor + 0.006)
    for _ in range(2):
        x, y = c.side(rng), floor + rng.uniform(0.05, 0.12)
        c.box(_STEEL, x - 0.12, y - 0.062, x + 0.12, y - 0.046)
        for dx in (-0.12, -0.09, 0.09, 0.12):
            c.ellipse((40, 42, 50), x + dx, y - 0.054, 0.02, 0.06 if abs(dx) > 0.1 else 0.045)
            c.ellipse((96, 98, 110), x + dx, y - 0.054, 0.007, 0.016)


def _plain(color: Color) -> Callable[[Canvas, np.random.Generator], None]:
    def paint(c: Canvas, rng: np.random.Generator) -> None:
        shade = rng.uniform(0.94, 1.04)
        top = tuple(np.clip(np.array(color) * shade, 0, 255))
        c.gradient(0, 1, top, tuple(0.92 * channel for channel in top))

    return paint


_STONE = (164, 158, 160)


def _battlements(c: Canvas, left: float, right: float, top: float) -> None:
    step = 0.032
    for x in np.arange(left, right - step / 2, step):
        c.box(_STONE, x, top - 0.025, x + 0.6 * step, top + 0.01)


def _masonry(
    c: Canvas, rng: np.random.Generator, left: float, top: float, right: float, bottom: float
) -> None:
    c.box(_STONE, left, top, right, bottom)
    c.box(tone(_STONE, 0.84), right - 0.2 * (right - left), top, right, bottom)
    for y in np.arange(top + 0.03, bottom, 0.04):
        for x in np.arange(left + rng.uniform(0.01, 0.05), right - 0.03, 0.09):
            c.line(tone(_STONE, 0.76), 0.005, (x, y), (x + 0.026, y))


def _tower(c: Canvas, rng: np.random.Generator, x: float, half: float, top: float, base: float) -> None:
    _masonry(c, rng, x - half, top, x + half, base)
    _battlements(c, x - half, x + half, top)
    roof = (176, 54, 50)
    c.polygon(roof, (x - half * 1.25, top - 0.02), (x, top - 0.2), (x + half * 1.25, top - 0.02))
    c.polygon(tone(roof, 0.78), (x + half * 0.3, top - 0.02), (x, top - 0.2), (x + half * 1.25, top - 0.02))
    c.line((70, 60, 60), 0.005, (x, top - 0.2), (x, top - 0.26))
    c.polygon((246, 206, 60), (x, top - 0.26), (x + 0.055, top - 0.242), (x, top - 0.224))
    for y in (top + 0.06, top + 0.18):
        c.box((56, 50, 62), x - 0.013, y, x + 0.013, y + 0.05)
        c.disc((56, 50, 62), x, y, 0.013)


def _castle(c: Canvas, rng: np.random.Generator) -> None:
    ground = rng.uniform(0.58, 0.66)
    c.gradient(0, ground, (120, 178, 228), (226, 232, 236))
    clouds(c, rng, 0.16)
    x, wall = c.across(rng, 0.35, 0.65), ground - rng.uniform(0.2, 0.26)
    for sign in (-1, 1):
        _tower(c, rng, x + 0.17 * sign, 0.06, wall - rng.uniform(0.06, 0.12), ground)
    _masonry(c, rng, x - 0.42, wall, x + 0.42, ground)
    _battlements(c, x - 0.42, x + 0.42, wall)
    for sign in (-1, 1):
        _tower(c, rng, x + 0.4 * sign, 0.075, wall - rng.uniform(0.0, 0.06), ground)
    c.disc((74, 48, 34), x, ground - 0.12, 0.07)
    c.box((74, 48, 34), x - 0.07, ground - 0.12, x + 0.07, ground)
    for dx in (-0.04, 0, 0.04):
        c.line((36, 26, 24), 0.006, (x + dx, ground - 0.17), (x + dx, ground))
    c.gradient(ground, 1, (116, 150, 70), (84, 116, 52))
    c.polygon((186, 170, 146), (x - 0.07, ground), (x + 0.07, ground), (x + 0.24, 1), (x - 0.24, 1))
    for y in np.arange(ground + 0.04, 1, 0.07):
        half = 0.07 + 0.17 * (y - ground) / (1 - ground)
        c.line((150, 136, 118), 0.006, (x - half, y), (x + half, y))
    tufts(c, rng, (66, 98, 42), ground + 0.06, 0.08)


def _curtain(c: Canvas, left: float, right: float, bottom: float) -> None:
    red = (150, 22, 36)
    c.box(red, left, 0, right, bottom)
    for x in np.arange(left, right - 0.01, 0.045):
        c.box(tone(red, 0.68), x, 0, x + 0.012, bottom)
        c.box(tone(red, 1.28), x + 0.022, 0, x + 0.031, bottom)
    c.box((226, 178, 70), left, bottom - 0.02, right, bottom)


def _stage(c: Canvas, rng: np.random.Generator) -> None:
    floor = rng.uniform(0.66, 0.74)
    c.gradient(0, floor, (26, 14, 44), (66, 30, 84))
    for x in c.spread(rng, 0.2):
        c.disc((110, 60, 130), x, rng.uniform(0.2, floor - 0.1), rng.uniform(0.01, 0.02))
    c.gradient(floor, 1, (150, 96, 62), (106, 64, 44))
    center = 0.5 * c.wide
    for x in np.arange(-c.wide, 2 * c.wide, 0.12):
        c.line((92, 56, 40), 0.004, (x, floor), (center + 1.8 * (x - center), 1))
    beams = [
        [(x - 0.015, 0.08), (x + 0.015, 0.08), (x + lean + 0.15, floor + 0.1), (x + lean - 0.15, floor + 0.1)]
        for x, lean in zip(c.spread(rng, 0.42, 0.15), rng.uniform(-0.2, 0.2, 99))
    ]
    colors = ((255, 236, 150), (120, 200, 255), (255, 130, 220))
    for index, color in enumerate(colors):
        c.veil(color, 0.34, *beams[index :: len(colors)])
    c.band((40, 40, 50), 0.05, 0.068)
    for beam in beams:
        c.box((24, 24, 32), beam[0][0] - 0.012, 0.05, beam[1][0] + 0.012, 0.1)
        c.ellipse((255, 250, 226), sum(beam[index][0] for index in (0, 1)) / 2, 0.1, 0.022, 0.012)
    side = rng.uniform(0.12, 0.17) * min(1.0, c.wide)
    _curtain(c, 0, side, floor + 0.03)
    _curtain(c, c.wide - side, c.wide, floor + 0.03)
    _curtain(c, 0, c.wide, 0.05)
    for x in np.arange(0.06, c.wide, 0.13):
        c.ellipse((255, 226, 130), x, 0.985, 0.022, 0.014)


def _ringed_planet(c: Canvas, x: float, y: float, radius: float) -> None:
    sand = (232, 168, 96)
    c.ellipse((206, 190, 214), x, y, radius * 1.9, radius * 0.5, -18)
    c.ellipse((58, 34, 98), x, y, radius * 1.4, radius * 0.3, -18)
    c.disc(sand, x, y, radius)
    for dy, half in ((-0.45, 0.8), (0.1, 0.95), (0.55, 0.75)):
        c.ellipse(tone(sand, 0.82), x, y + dy * radius, half * radius, 0.1 * radius, -18)
    bow = np.radians(np.linspace(8, 172, 15))
    turn = np.radians(-18)
    ring = np.stack([1.65 * radius * np.cos(bow), 0.4 * radius * np.sin(bow)])
    at = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ ring
    c.line((206, 190, 214), 0.2 * radius, *zip(x + at[0], y + at[1]))


def _galaxy(c: Canvas, rng: np.random.Generator) -> None:
    c.gradient(0, 1, (16, 8, 48), (50, 14, 76))
    x, y, tilt = c.across(rng, 0.25, 0.75), rng.uniform(0.25, 0.6), rng.uniform(-35, 35)
    for size, color in ((1.0, (48, 20, 92)), (0.72, (82, 30, 128)), (0.46, (134, 56, 168))):
        c.ellipse(color, x, y, 0.62 * size, 0.34 * size, tilt)
    turn = np.radians(tilt)
    for arm in (0, np.pi):
        for step in np.linspace(0.4, 4.6, 34):
            reach = 0.11 * step
            u, v = reach * np.cos(step + arm), 0.55 * reach * np.sin(step + arm)
            arm_x, arm_y = x + u * np.cos(turn) - v * np.sin(turn), y + u * np.sin(turn) + v * np.cos(turn)
            c.disc((206, 130, 226), arm_x, arm_y, 0.028 - 0.004 * step)
    c.ellipse((252, 214, 236), x, y, 0.09, 0.06, tilt)
    stars(c, rng, 1, 0.014)
    _ringed_planet(c, c.side(rng), rng.uniform(0.12, 0.3), rng.uniform(0.06, 0.09))
    at, low, radius = c.side(rng), rng.uniform(0.7, 0.9), rng.uniform(0.05, 0.08)
    c.disc((52, 176, 186), at, low, radius)
    for dx, dy in ((-0.4, -0.2), (0.3, 0.3), (0.2, -0.5)):
        c.disc((36, 132, 150), at + dx * radius, low + dy * radius, 0.22 * radius)


def _fish(c: Canvas, rng: np.random.Generator, x: float, y: float) -> None:
    color = ((250, 150, 40), (250, 220, 70), (236, 90, 120))[int(rng.integers(3))]
    size, way = rng.uniform(0.025, 0.04), 1 if rng.random() < 0.5 else -1
    c.polygon(color, (x - way * 0.7 * size, y), (x - way * 1.7 * size, y - 0.6 * size),
              (x - way * 1.7 * size, y + 0.6 * size))  # fmt: skip
    c.ellipse(color, x, y, size, 0.6 * size)
    c.box((250, 246, 240), x - 0.12 * size, y - 0.5 * size, x + 0.12 * size, y + 0.5 * size)
    c.disc((20, 20, 30), x + way * 0.6 * size, y - 0.1 * size, 0.14 * size)


def _underwater(c: Canvas, rng: np.random.Generator) -> None:
    bed = rng.uniform(0.74, 0.82)
    c.gradient(0, bed + 0.02, (70, 206, 214), (8, 76, 128))
    rays = [
        [(x - 0.03, 0), (x + 0.05, 0), (x + 0.26, bed), (x + 0.1, bed)] for x in c.spread(rng, 0.3) - 0.15
    ]
    c.veil((190, 246, 240), 0.2, *rays)
    for x in c.spread(rng, 0.3, 0.5):
        c.ellipse((20, 66, 96), x, bed + 0.02, rng.uniform(0.1, 0.2), rng.uniform(0.06, 0.14))
    c.gradient(bed, 1, (190, 186, 140), (140, 146, 116))
    for x in c.spread(rng, 0.14, 0.5):
        foot, tall = bed + rng.uniform(0.0, 0.06), rng.uniform(0.14, 0.32)
        weed = [(x + 0.018 * np.sin(16 * s + 20 * x), foot - tall * s) for s in np.linspace(0, 1, 9)]
        c.line((28, 128, 84), 0.018, *weed)
        c.line((76, 182, 112), 0.006, *weed)
    for x in c.spread(rng, 0.34, 0.4):
        y, color = rng.uniform(bed + 0.03, 0.98), ((236, 96, 110), (240, 150, 190))[int(rng.integers(2))]
        for lean in (-0.05, -0.02, 0.02, 0.05):
            c.line(color, 0.014, (x, y), (x + 0.5 * lean, y - 0.03), (x + lean, y - 0.075))
            c.disc(tone(color, 1.15), x + lean, y - 0.075, 0.011)
    for x in c.spread(rng, 0.28, 0.5):
        _fish(c, rng, x, rng.uniform(0.08, bed - 0.1))
    for x in c.spread(rng, 0.1, 0.6):
        at, radius = rng.uniform(0.05, bed), rng.uniform(0.006, 0.014)
        c.disc((206, 244, 248), x, at, radius)
        c.disc((110, 206, 220), x, at, 0.7 * radius)


_PAINTERS: dict[str, Callable[[Canvas, np.random.Generator], None]] = {
    "beach": _beach, "sea": _sea, "moon": _moon, "snow": _snow, "antarctica": _antarctica, "forest": _forest,
    "desert": _desert, "street": _street, "park": _park, "mountain": _mountain, "gym": _gym,
    "red background": _plain((226, 70, 62)), "blue background": _plain((96, 150, 240)),
    "green background": _plain((38, 132, 84)), "yellow background": _plain((248, 216, 92)),
    "castle": _castle, "stage": _stage, "galaxy": _galaxy, "underwater": _underwater,
}  # fmt: skip
SCENES = tuple(_PAINTERS)


def background(scene: str, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint a scene with a random layout: (height, width, 3) uint8 RGB. KeyError for an unknown name."""
    canvas = Canvas(height, width)
    _PAINTERS[scene](canvas, rng)
    return canvas.image
