"""Backgrounds of the procedural world: large flat shapes whose layout differs from clip to clip."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

Color = tuple[int, int, int]


class _Canvas:
    """Paints with coordinates in shares of the image's width and height, (0, 0) at the top left."""

    def __init__(self, height: int, width: int):
        self.size = np.array([width, height])
        self.image = np.empty((height, width, 3), np.uint8)

    def gradient(self, top: float, bottom: float, first: Sequence[float], last: Sequence[float]) -> None:
        start, end = (round(share * len(self.image)) for share in (top, bottom))
        blend = np.linspace(0, 1, end - start)[:, None]
        rows = (1 - blend) * np.array(first) + blend * np.array(last)
        area = self.image[start:end]
        cv2.resize(
            rows[:, None].astype(np.uint8), area.shape[1::-1], dst=area, interpolation=cv2.INTER_NEAREST
        )

    def polygon(self, color: Color, *points: tuple[float, float]) -> None:
        cv2.fillPoly(self.image, [self._fixed(points)], color, cv2.LINE_8, 4)

    def box(self, color: Color, left: float, top: float, right: float, bottom: float) -> None:
        self.polygon(color, (left, top), (right, top), (right, bottom), (left, bottom))

    def ellipse(self, color: Color, x: float, y: float, width: float, height: float) -> None:
        center, axes = self._fixed([(x, y), (width, height)])[:, 0]
        cv2.ellipse(
            self.image, tuple(map(int, center)), tuple(map(int, axes)), 0, 0, 360, color, -1, cv2.LINE_8, 4
        )

    def _fixed(self, points: tuple[tuple[float, float], ...] | list[tuple[float, float]]) -> np.ndarray:
        return (np.array(points) * self.size * 16).astype(np.int32).reshape(-1, 1, 2)


def _clouds(c: _Canvas, rng: np.random.Generator, bottom: float, color: Color = (250, 252, 255)) -> None:
    for _ in range(rng.integers(0, 4)):
        x, y, size = rng.uniform(0, 1), rng.uniform(0.05, bottom), rng.uniform(0.04, 0.075)
        for dx, grow in ((-1.2, 0.7), (0, 1), (1.2, 0.75)):
            c.ellipse(color, x + dx * size, y, size * grow * 1.3, size * grow * 0.7)


def _sun(c: _Canvas, rng: np.random.Generator, color: Color = (255, 232, 120)) -> None:
    x, y, radius = rng.uniform(0.08, 0.92), rng.uniform(0.07, 0.25), rng.uniform(0.055, 0.085)
    c.ellipse(color, x, y, radius, radius)


def _peak(
    c: _Canvas, color: Color, x: float, base: float, height: float, half: float, snow: Color | None = None
) -> None:
    c.polygon(color, (x - half, base), (x, base - height), (x + half, base))
    if snow:
        cap = 0.35
        c.polygon(
            snow, (x - half * cap, base - height * (1 - cap)), (x, base - height),
            (x + half * cap, base - height * (1 - cap)),
            (x + half * cap * 0.3, base - height * 0.78), (x - half * cap * 0.3, base - height * 0.62),
        )  # fmt: skip


def _beach(c: _Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.34, 0.46)
    shore = horizon + rng.uniform(0.1, 0.16)
    c.gradient(0, horizon, (104, 190, 238), (206, 236, 250))
    _sun(c, rng)
    _clouds(c, rng, 0.2)
    c.gradient(horizon, shore, (24, 122, 190), (44, 188, 204))
    c.gradient(shore, 1, (240, 220, 160), (222, 186, 118))
    c.box((248, 248, 240), 0, shore - 0.012, 1, shore + 0.006)
    if rng.random() < 0.8:
        x, lean = rng.choice([rng.uniform(0.04, 0.22), rng.uniform(0.78, 0.96)]), rng.uniform(-0.05, 0.05)
        foot, top = shore + rng.uniform(0.05, 0.2), rng.uniform(0.16, 0.28)
        c.polygon(
            (132, 88, 48),
            (x - 0.018, foot),
            (x + 0.022, foot),
            (x + lean + 0.012, top),
            (x + lean - 0.012, top),
        )
        for angle in np.radians((-165, -205, -125, -55, -15, 25)):
            tip = (x + lean + 0.17 * np.cos(angle), top + 0.12 * np.sin(angle) + 0.05)
            bow = (x + lean + 0.1 * np.cos(angle), top + 0.1 * np.sin(angle) - 0.03)
            c.polygon((30, 134, 66), (x + lean, top - 0.012), bow, tip, (x + lean, top + 0.018))


def _sea(c: _Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.28, 0.42)
    c.gradient(0, horizon, (140, 200, 244), (226, 236, 250))
    _sun(c, rng)
    _clouds(c, rng, 0.18)
    if rng.random() < 0.6:
        x = rng.uniform(0.08, 0.92)
        c.polygon(
            (150, 62, 40),
            (x - 0.07, horizon - 0.02),
            (x + 0.07, horizon - 0.02),
            (x + 0.045, horizon + 0.02),
            (x - 0.045, horizon + 0.02),
        )
        c.polygon((250, 250, 250), (x, horizon - 0.15), (x + 0.06, horizon - 0.03), (x, horizon - 0.03))
    c.gradient(horizon, 1, (30, 116, 190), (8, 46, 118))
    for row in np.linspace(horizon + 0.08, 0.96, 6):
        x, half = rng.uniform(0.05, 0.95), rng.uniform(0.07, 0.16)
        c.ellipse((96, 172, 224), x, row, half, 0.011)


def _moon(c: _Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.5, 0.64)
    c.gradient(0, horizon, (6, 6, 22), (22, 20, 48))
    for _ in range(22):
        radius = rng.uniform(0.004, 0.009)
        c.ellipse((236, 236, 250), rng.uniform(0, 1), rng.uniform(0, horizon), radius, radius)
    x, y, radius = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.26), rng.uniform(0.07, 0.1)
    c.ellipse((44, 110, 214), x, y, radius, radius)
    c.ellipse((70, 166, 92), x - radius * 0.3, y - radius * 0.2, radius * 0.42, radius * 0.5)
    c.ellipse((70, 166, 92), x + radius * 0.4, y + radius * 0.4, radius * 0.35, radius * 0.3)
    c.gradient(horizon, 1, (168, 168, 172), (112, 112, 120))
    for _ in range(7):
        y = rng.uniform(horizon + 0.05, 0.97)
        near = 0.4 + (y - horizon) * 1.6
        x, half = rng.uniform(0, 1), rng.uniform(0.05, 0.1) * near
        c.ellipse((92, 92, 100), x, y, half, half * 0.4)
        c.ellipse((128, 128, 134), x, y + half * 0.1, half * 0.8, half * 0.28)


def _fir(c: _Canvas, color: Color, x: float, base: float, height: float, snow: Color | None = None) -> None:
    c.box((92, 64, 44), x - height * 0.04, base - height * 0.15, x + height * 0.04, base)
    for level, half in ((0.1, 0.28), (0.36, 0.22), (0.62, 0.15)):
        y = base - height * level
        c.polygon(color, (x - height * half, y), (x, y - height * 0.42), (x + height * half, y))
        if snow:
            c.polygon(
                snow,
                (x - height * half * 0.45, y - height * 0.23),
                (x, y - height * 0.42),
                (x + height * half * 0.45, y - height * 0.23),
            )


def _snow(c: _Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.44, 0.56)
    c.gradient(0, horizon + 0.04, (150, 164, 196), (204, 212, 228))
    c.ellipse((206, 214, 232), rng.uniform(0.1, 0.9), horizon + 0.1, 0.6, rng.uniform(0.14, 0.22))
    c.gradient(horizon + 0.03, 1, (232, 236, 246), (206, 216, 236))
    for x in rng.permutation(np.linspace(0.04, 0.96, 6))[:4]:
        _fir(
            c,
            (30, 88, 70),
            x + rng.uniform(-0.04, 0.04),
            horizon + rng.uniform(0.03, 0.12),
            rng.uniform(0.26, 0.44),
            (240, 244, 250),
        )
    for _ in range(26):
        radius = rng.uniform(0.006, 0.011)
        c.ellipse((252, 252, 255), rng.uniform(0, 1), rng.uniform(0, 1), radius, radius)


def _antarctica(c: _Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.36, 0.46)
    shelf = horizon + rng.uniform(0.14, 0.22)
    c.gradient(0, horizon, (70, 146, 226), (176, 222, 250))
    c.gradient(horizon, shelf, (16, 84, 148), (20, 112, 168))
    for x in rng.permutation([0.1, 0.4, 0.7, 0.95])[:3]:
        x, half, height = x + rng.uniform(-0.08, 0.08), rng.uniform(0.1, 0.2), rng.uniform(0.14, 0.3)
        base = horizon + rng.uniform(0.01, 0.06)
        shoulder, tip = rng.uniform(0.4, 0.7), rng.uniform(-0.3, 0.3)
        c.polygon(
            (190, 232, 250),
            (x - half, base),
            (x - half * 0.7, base - height * shoulder),
            (x + tip * half, base - height),
            (x + half * 0.8, base - height * 0.5),
            (x + half, base),
        )
        c.polygon(
            (116, 190, 230),
            (x + tip * half, base - height),
            (x + half * 0.8, base - height * 0.5),
            (x + half, base),
            (x + half * 0.1, base),
        )
    c.gradient(shelf, 1, (206, 236, 250), (150, 204, 234))
    c.box((244, 252, 255), 0, shelf - 0.01, 1, shelf + 0.015)
    for _ in range(rng.integers(1, 4)):
        x, y = rng.choice([rng.uniform(0.03, 0.25), rng.uniform(0.75, 0.97)]), shelf + rng.uniform(0.03, 0.1)
        c.ellipse((26, 28, 38), x, y - 0.045, 0.026, 0.05)
        c.ellipse((248, 248, 248), x, y - 0.035, 0.015, 0.034)
        c.ellipse((250, 160, 40), x, y + 0.004, 0.02, 0.006)


def _forest(c: _Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.56, 0.66)
    c.gradient(0, horizon, (96, 156, 96), (150, 190, 120))
    c.gradient(horizon, 1, (62, 92, 40), (44, 68, 30))
    for depth in (0, 1):
        for x in np.linspace(0, 1, 5) + rng.uniform(-0.1, 0.1, 5) + 0.1 * depth:
            half, base = 0.014 + 0.012 * depth, horizon + 0.02 + 0.05 * depth
            c.box(((96, 72, 48), (78, 54, 34))[depth], x - half, 0.1, x + half, base)
            crown = rng.uniform(0.09, 0.14)
            c.ellipse(
                ((44, 118, 58), (26, 88, 44))[depth], x, rng.uniform(0.0, 0.2), crown * 1.2, crown * 1.3
            )


def _desert(c: _Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.44, 0.56)
    c.gradient(0, horizon + 0.04, (250, 186, 100), (255, 226, 160))
    _sun(c, rng, (255, 246, 206))
    x, half = rng.uniform(0.1, 0.9), rng.uniform(0.35, 0.6)
    c.ellipse((206, 128, 66), x, horizon + 0.04, half, rng.uniform(0.1, 0.18))
    c.ellipse((220, 142, 76), x + rng.choice([-0.5, 0.5]), horizon + 0.06, half, rng.uniform(0.08, 0.14))
    c.gradient(horizon + 0.03, 1, (230, 158, 88), (196, 108, 54))
    for _ in range(rng.integers(1, 3)):
        x, base = (
            rng.choice([rng.uniform(0.05, 0.24), rng.uniform(0.76, 0.95)]),
            horizon + rng.uniform(0.06, 0.18),
        )
        size, green = rng.uniform(0.16, 0.26), (46, 120, 62)
        c.box(green, x - size * 0.11, base - size, x + size * 0.11, base)
        c.ellipse(green, x, base - size, size * 0.11, size * 0.11)
        for sign, level in ((-1, 0.5), (1, 0.65)):
            c.box(
                green,
                min(x, x + sign * size * 0.35),
                base - size * level,
                max(x, x + sign * size * 0.35),
                base - size * (level - 0.16),
            )
            c.box(
                green,
                x + sign * size * 0.35 - size * 0.08,
                base - size * (level + 0.25),
                x + sign * size * 0.35 + size * 0.08,
                base - size * (level - 0.16),
            )


def _street(c: _Canvas, rng: np.random.Generator) -> None:
    curb = rng.uniform(0.58, 0.68)
    c.gradient(0, curb, (150, 196, 236), (206, 226, 244))
    colors = [(170, 92, 72), (190, 164, 116), (128, 138, 158), (148, 120, 138), (108, 140, 142)]
    order = rng.permutation(len(colors))
    x = -rng.uniform(0, 0.1)
    for index in range(6):
        width, top = rng.uniform(0.18, 0.28), rng.uniform(0.04, 0.32)
        c.box(colors[order[index % len(colors)]], x, top, x + width, curb)
        columns = 2 if width < 0.23 else 3
        for column in range(columns):
            for y in np.arange(top + 0.05, curb - 0.08, 0.12):
                left = x + width * (column + 0.5) / columns - 0.022
                c.box((252, 226, 140), left, y, left + 0.044, y + 0.06)
        x += width
    c.box((176, 174, 176), 0, curb, 1, curb + 0.06)
    c.gradient(curb + 0.06, 1, (84, 84, 92), (60, 60, 68))
    shift = rng.uniform(0, 0.3)
    for left in np.arange(-0.3, 1.3, 0.3) + shift:
        c.box((240, 236, 214), left, curb + 0.17, left + 0.15, curb + 0.195)


def _park(c: _Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.46, 0.56)
    c.gradient(0, horizon, (128, 202, 246), (214, 240, 252))
    _clouds(c, rng, 0.2)
    c.gradient(horizon, 1, (140, 204, 92), (98, 170, 66))
    bend = rng.uniform(0.2, 0.8)
    c.polygon(
        (222, 200, 160),
        (bend - 0.02, horizon),
        (bend + 0.02, horizon),
        (rng.uniform(0.6, 1.1), 1),
        (rng.uniform(-0.1, 0.4), 1),
    )
    for _ in range(rng.integers(2, 5)):
        x, base, crown = rng.uniform(0, 1), horizon + rng.uniform(0.01, 0.05), rng.uniform(0.08, 0.13)
        c.box((124, 84, 52), x - 0.016, base - 0.2, x + 0.016, base)
        c.ellipse((58, 150, 62), x, base - 0.22, crown, crown)
    x, base = rng.choice([0.14, 0.84]) + rng.uniform(-0.06, 0.06), horizon + rng.uniform(0.1, 0.16)
    for top in (0.0, 0.045, 0.09):
        c.box((178, 90, 46), x - 0.12, base - 0.12 + top, x + 0.12, base - 0.095 + top)
    c.box((90, 60, 44), x - 0.1, base - 0.12, x - 0.08, base + 0.03)
    c.box((90, 60, 44), x + 0.08, base - 0.12, x + 0.1, base + 0.03)


def _mountain(c: _Canvas, rng: np.random.Generator) -> None:
    horizon = rng.uniform(0.54, 0.62)
    c.gradient(0, horizon + 0.06, (110, 170, 232), (220, 232, 244))
    _clouds(c, rng, 0.16)
    for x, tone in zip(rng.permutation([0.15, 0.5, 0.85]) + rng.uniform(-0.1, 0.1, 3), (0, 14, 28)):
        _peak(
            c,
            (124 - tone, 118 - tone, 136 - tone),
            x,
            horizon + 0.06,
            rng.uniform(0.36, 0.54),
            rng.uniform(0.3, 0.42),
            (246, 248, 252),
        )
    c.ellipse((104, 132, 76), rng.uniform(0.2, 0.8), horizon + 0.06, 0.7, 0.12)
    c.gradient(horizon + 0.05, 1, (112, 138, 80), (86, 104, 60))
    for _ in range(4):
        x, y, half = rng.uniform(0, 1), rng.uniform(horizon + 0.1, 0.96), rng.uniform(0.03, 0.06)
        c.ellipse((140, 134, 130), x, y, half, half * 0.6)


def _gym(c: _Canvas, rng: np.random.Generator) -> None:
    floor = rng.uniform(0.64, 0.74)
    c.gradient(0, floor, (206, 198, 190), (226, 220, 212))
    c.box((176, 60, 54), 0, floor - 0.2, 1, floor - 0.13)
    c.gradient(floor, 1, (214, 158, 98), (186, 128, 74))
    c.box((140, 96, 58), 0, floor - 0.012, 1, floor + 0.006)
    for left in np.arange(rng.uniform(-0.1, 0.1), 1, 0.34):
        c.box((128, 196, 232), left + 0.04, 0.07, left + 0.26, 0.22)
        c.box((244, 248, 252), left + 0.14, 0.07, left + 0.16, 0.22)
    x, y = rng.choice([0.12, 0.88]) + rng.uniform(-0.06, 0.06), floor + rng.uniform(0.04, 0.1)
    c.box((70, 70, 80), x - 0.12, y - 0.062, x + 0.12, y - 0.046)
    for dx in (-0.12, 0.12):
        c.ellipse((40, 42, 50), x + dx, y - 0.054, 0.028, 0.06)


def _plain(color: Color) -> Callable[[_Canvas, np.random.Generator], None]:
    def paint(c: _Canvas, rng: np.random.Generator) -> None:
        shade = rng.uniform(0.94, 1.04)
        top = tuple(np.clip(np.array(color) * shade, 0, 255))
        c.gradient(0, 1, top, tuple(0.92 * channel for channel in top))

    return paint


_PAINTERS: dict[str, Callable[[_Canvas, np.random.Generator], None]] = {
    "beach": _beach, "sea": _sea, "moon": _moon, "snow": _snow, "antarctica": _antarctica, "forest": _forest,
    "desert": _desert, "street": _street, "park": _park, "mountain": _mountain, "gym": _gym,
    "red background": _plain((226, 70, 62)), "blue background": _plain((96, 150, 240)),
    "green background": _plain((38, 132, 84)), "yellow background": _plain((248, 216, 92)),
}  # fmt: skip
SCENES = tuple(_PAINTERS)


def background(scene: str, rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Paint a scene with a random layout: (height, width, 3) uint8 RGB. KeyError for an unknown name."""
    canvas = _Canvas(height, width)
    _PAINTERS[scene](canvas, rng)
    return canvas.image
