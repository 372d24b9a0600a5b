"""What scenes are painted on: flat shapes, and the few things that several scenes share."""

from collections.abc import Sequence

import cv2
import numpy as np

Color = tuple[int, int, int]
Point = tuple[float, float]

_SUBPIXEL_BITS = 4


class Canvas:
    """Paints with lengths in picture heights, (0, 0) at the top left; the right border is at x = ``wide``."""

    def __init__(self, height: int, width: int):
        self.height = height
        self.wide = width / height
        self.image = np.empty((height, width, 3), np.uint8)

    def across(self, rng: np.random.Generator, low: float = 0.0, high: float = 1.0) -> float:
        """A random x between two shares of the width."""
        return float(rng.uniform(low, high)) * self.wide

    def side(self, rng: np.random.Generator) -> float:
        """A random x near the left or the right border, away from the figures."""
        return self.across(rng, *((0.03, 0.22) if rng.random() < 0.5 else (0.78, 0.97)))

    def spread(self, rng: np.random.Generator, spacing: float, jitter: float = 0.3) -> np.ndarray:
        """Positions x over the whole width, about ``spacing`` apart; ``jitter`` in spacings."""
        count = max(2, round(self.wide / spacing) + 1)
        return np.linspace(0, self.wide, count) + rng.uniform(-jitter, jitter, count) * spacing

    def gradient(self, top: float, bottom: float, first: Sequence[float], last: Sequence[float]) -> None:
        """Fill the rows between two heights, from the first colour to the last."""
        start, end = (round(share * self.height) for share in (top, bottom))
        blend = np.linspace(0, 1, end - start)[:, None]
        rows = ((1 - blend) * np.array(first) + blend * np.array(last)).astype(np.uint8)
        area = self.image[start:end]
        cv2.resize(rows[:, None], area.shape[1::-1], dst=area, interpolation=cv2.INTER_NEAREST)

    def polygon(self, color: Color, *points: Point) -> None:
        cv2.fillPoly(self.image, [self._fixed(points)], color, cv2.LINE_8, _SUBPIXEL_BITS)

    def line(self, color: Color, thickness: float, *points: Point) -> None:
        pixels = max(1, round(thickness * self.height))
        cv2.polylines(self.image, [self._fixed(points)], False, color, pixels, cv2.LINE_8, _SUBPIXEL_BITS)

    def box(self, color: Color, left: float, top: float, right: float, bottom: float) -> None:
        self.polygon(color, (left, top), (right, top), (right, bottom), (left, bottom))

    def band(self, color: Color, top: float, bottom: float) -> None:
        """A box over the whole width."""
        self.box(color, 0, top, self.wide, bottom)

    def ellipse(self, color: Color, x: float, y: float, width: float, height: float, tilt: float = 0) -> None:
        """Half axes ``width`` and ``height``; ``tilt`` in degrees, clockwise."""
        center, axes = self._fixed([(x, y), (width, height)])[:, 0].tolist()
        cv2.ellipse(self.image, center, axes, tilt, 0, 360, color, -1, cv2.LINE_8, _SUBPIXEL_BITS)

    def disc(self, color: Color, x: float, y: float, radius: float) -> None:
        self.ellipse(color, x, y, radius, radius)

    def veil(self, color: Color, opacity: float, *shapes: Sequence[Point]) -> None:
        """Polygons that let the picture below shine through."""
        tinted = self.image.copy()
        cv2.fillPoly(tinted, [self._fixed(points) for points in shapes], color, cv2.LINE_8, _SUBPIXEL_BITS)
        cv2.addWeighted(tinted, opacity, self.image, 1 - opacity, 0, dst=self.image)

    def _fixed(self, points: Sequence[Point]) -> np.ndarray:
        return (np.array(points) * (self.height << _SUBPIXEL_BITS)).astype(np.int32).reshape(-1, 1, 2)


def tone(color: Color, factor: float) -> Color:
    """The colour, darker (factor below 1) or lighter."""
    red, green, blue = (min(255, int(channel * factor)) for channel in color)
    return red, green, blue


def clouds(c: Canvas, rng: np.random.Generator, bottom: float, color: Color = (250, 252, 255)) -> None:
    for _ in range(rng.integers(0, 2 + round(2 * c.wide))):
        x, y, size = c.across(rng), rng.uniform(0.05, bottom), rng.uniform(0.04, 0.075)
        for dx, dy, grow in ((-1.3, 0.1, 0.7), (-0.4, -0.3, 0.9), (0.5, -0.15, 1), (1.4, 0.1, 0.75)):
            c.ellipse(
                tone(color, 0.93), x + dx * size, y + dy * size + 0.01, size * grow * 1.2, size * grow * 0.7
            )
        for dx, dy, grow in ((-1.3, 0.1, 0.7), (-0.4, -0.3, 0.9), (0.5, -0.15, 1), (1.4, 0.1, 0.75)):
            c.ellipse(color, x + dx * size, y + dy * size, size * grow * 1.2, size * grow * 0.6)


def sun(c: Canvas, rng: np.random.Generator, color: Color = (255, 232, 120)) -> None:
    x, y, radius = c.across(rng, 0.08, 0.92), rng.uniform(0.07, 0.25), rng.uniform(0.055, 0.085)
    c.disc(color, x, y, radius)
    c.disc(tone(color, 1.08), x, y, radius * 0.78)


def stars(c: Canvas, rng: np.random.Generator, bottom: float, spacing: float) -> None:
    for x in c.spread(rng, spacing, 0.8):
        radius = rng.uniform(0.002, 0.007)
        c.disc((236, 236, 250), x, rng.uniform(0, bottom), radius)


def fir(c: Canvas, color: Color, x: float, base: float, height: float, snow: Color | None = None) -> None:
    c.box((92, 64, 44), x - height * 0.04, base - height * 0.15, x + height * 0.04, base)
    for level, half in ((0.1, 0.28), (0.32, 0.23), (0.54, 0.17), (0.74, 0.1)):
        y, half = base - height * level, height * half
        peak = (x, y - height * 0.32)
        c.polygon(color, (x - half, y), (x - half * 0.5, y + height * 0.03), (x, y),
                  (x + half * 0.5, y + height * 0.03), (x + half, y), peak)  # fmt: skip
        c.polygon(tone(color, 0.78), (x, y), (x + half * 0.5, y + height * 0.03), (x + half, y), peak)
        if snow:
            c.polygon(
                snow, (x - half * 0.6, y - height * 0.12), peak, (x + half * 0.6, y - height * 0.12),
                (x + half * 0.2, y - height * 0.16), (x - half * 0.15, y - height * 0.1),
            )  # fmt: skip


def crown(c: Canvas, color: Color, x: float, y: float, radius: float) -> None:
    """Foliage of a broad-leaved tree: lobes, darker below, lighter above."""
    for dx, dy, size in ((-0.6, 0.25, 0.62), (0.6, 0.25, 0.62), (0, 0.35, 0.66)):
        c.disc(tone(color, 0.8), x + dx * radius, y + dy * radius, size * radius)
    for dx, dy, size in ((-0.5, -0.05, 0.6), (0.5, -0.05, 0.6), (0, -0.35, 0.66)):
        c.disc(color, x + dx * radius, y + dy * radius, size * radius)
    for dx, dy in ((-0.45, -0.25), (0.15, -0.6), (0.5, -0.15), (-0.05, -0.1)):
        c.ellipse(tone(color, 1.22), x + dx * radius, y + dy * radius, 0.17 * radius, 0.11 * radius)


def tufts(c: Canvas, rng: np.random.Generator, color: Color, top: float, spacing: float) -> None:
    """Grass: small fans of three blades, larger where nearer."""
    for x in c.spread(rng, spacing, 0.6):
        y = rng.uniform(top, 1)
        size = 0.012 + 0.03 * (y - top)
        for lean in (-0.6, 0, 0.6):
            c.polygon(color, (x - size * 0.2, y), (x + lean * size, y - size), (x + size * 0.2, y))


def rock(c: Canvas, x: float, y: float, half: float, color: Color = (140, 134, 130)) -> None:
    c.polygon(
        tone(color, 0.72), (x - half, y), (x - half * 0.7, y - half * 0.6), (x + half * 0.1, y - half * 0.9),
        (x + half * 0.8, y - half * 0.45), (x + half, y), (x + half * 0.3, y + half * 0.2),
    )  # fmt: skip
    c.polygon(
        color, (x - half * 0.7, y - half * 0.6), (x + half * 0.1, y - half * 0.9),
        (x + half * 0.35, y - half * 0.4), (x - half * 0.3, y - half * 0.1), (x - half * 0.95, y),
    )  # fmt: skip


def waves(c: Canvas, color: Color, x: float, y: float, half: float, thickness: float = 0.008) -> None:
    """A crest line of three bows."""
    steps = np.linspace(-1, 1, 13)
    c.line(color, thickness, *((x + half * s, y - 0.1 * half * abs(np.sin(1.5 * np.pi * s))) for s in steps))
