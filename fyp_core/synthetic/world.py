"""The procedural world: clips of a character that moves in a scene, with keypoints and captions.

It stands in for LAION-Pose and HDVILA (paper, section 4.1) where training has to run on one CPU: the same
kinds of data, image-pose pairs and captioned video, at 128x128.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from pose_extraction.skeleton import draw_skeleton

from . import body
from .captions import caption as write_caption
from .characters import CHARACTERS, figure
from .figures import paint
from .motions import REGISTRY, mirror
from .scenes import SCENES, background
from .styles import STYLES, apply_style

MOTIONS = tuple(REGISTRY)
HELD_OUT_MOTIONS = frozenset({"kick", "disco"})
_TRAINED_MOTIONS = tuple(motion for motion in MOTIONS if motion not in HELD_OUT_MOTIONS)
# One scene in ten a character: never rendered for training, to tell understanding from memory.
HELD_OUT_PAIRS = frozenset(
    (character, SCENES[(4 * index + offset) % len(SCENES)])
    for index, character in enumerate(CHARACTERS)
    for offset in ((2, 9) if index % 2 else (2,))
)

_ALL_PAIRS = [(character, scene) for character in CHARACTERS for scene in SCENES]
_TRAINED_PAIRS = [pair for pair in _ALL_PAIRS if pair not in HELD_OUT_PAIRS]
_PAIRS = {
    "train": _TRAINED_PAIRS,
    "seen": _TRAINED_PAIRS,
    "held_out": sorted(HELD_OUT_PAIRS),
    "all": _ALL_PAIRS,
}
_MOTION_CHOICES = {"train": _TRAINED_MOTIONS, "held_out": tuple(sorted(HELD_OUT_MOTIONS)), "all": MOTIONS}

FRAME_RATE = 24.0
_STRIDES = (2, 8)  # 8 frames span 0.6 to 2 s
_FREESTYLE_SHARE = 0.45
_CROPPED_SHARE = 0.15
_SUPERSAMPLING = 2

PairSplit = Literal["train", "seen", "held_out", "all"]
MotionSplit = Literal["train", "held_out", "all"]


@dataclass(frozen=True)
class WorldClip:
    """A short video and all that is known about it."""

    frames: np.ndarray  # (F, H, W, 3) uint8 RGB
    keypoints: np.ndarray  # (F, 17, 2) float32, COCO-17, pixels; left is the person's left
    scores: np.ndarray  # (F, 17) float32: 1 in sight, towards 0 outside the picture or behind the head
    character: str
    scene: str
    motion: str
    style: str  # "" for none
    caption: str

    def skeletons(self) -> np.ndarray:
        """The skeleton video, (F, H, W, 3) uint8 RGB."""
        return render_skeletons(self.keypoints, self.scores, *self.frames.shape[1:3])


def render_skeletons(
    keypoints: np.ndarray, scores: np.ndarray, height: int, width: int, line_width: float | None = None
) -> np.ndarray:
    """(F, 17, 2) pixels and (F, 17) scores to (F, height, width, 3) uint8 RGB; see ``draw_skeleton``."""
    return np.stack(
        [
            draw_skeleton(points, score, height, width, line_width=line_width)
            for points, score in zip(keypoints, scores)
        ]
    )


@dataclass(frozen=True)
class _Camera:
    """Weak perspective: near things are a little larger."""

    scale: float  # pixels a standing height
    x: float  # pixels, where the world's origin lies
    y: float
    pitch: float  # radians, how far it looks down
    nearness: float = 0.12

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(..., 3) in space to (..., 2) pixels and (...) depths, larger is nearer."""
        x, y, z = points[..., 0], points[..., 1], points[..., 2]
        cos, sin = np.cos(self.pitch), np.sin(self.pitch)
        zoom = self.scale * (1 + self.nearness * z)
        pixels = np.stack([self.x + zoom * x, self.y + zoom * (cos * y + sin * z)], axis=-1)
        return pixels, cos * z - sin * y


def sample_clip(
    rng: np.random.Generator,
    num_frames: int = 8,
    size: int = 128,
    *,
    split: PairSplit = "train",
    motions: MotionSplit = "train",
    character: str | None = None,
    scene: str | None = None,
    motion: str | None = None,
    stride: int | None = None,
    style: str | None = None,
    style_probability: float = 0.0,
    styles: Sequence[str] = STYLES,
) -> WorldClip:
    """Draw a random clip; the same state of ``rng`` gives the same clip.

    Args:
        num_frames: frames, sampled from 24 a second.
        stride: of the sampling; by default drawn so that 8 frames span 0.6 to 2 seconds.
        size: side of the square frames in pixels.
        split: which pairs of character and scene to draw from. "train" and "seen" are the same pairs.
        motions: which motions to draw from.
        character, scene, motion: fix the choice, whatever the splits say.
        style: fix the style, "" for none; otherwise one of ``styles`` is drawn with ``style_probability``.

    Raises:
        ValueError: a name is unknown, or no pair of the split has the given character or scene.
    """
    character, scene = _choose_pair(rng, split, character, scene)
    motion = motion or _choose_motion(rng, motions)
    if style is None:
        style = str(rng.choice(styles)) if rng.random() < style_probability else ""
    for name, known in ((motion, MOTIONS), (style, ("", *STYLES))):
        if name not in known:
            raise ValueError(f"{name!r} is not one of {', '.join(known)}.")

    proportions = body.Proportions.sample(rng)
    time = np.arange(num_frames) * ((stride or rng.integers(*_STRIDES)) / FRAME_RATE)
    pose = REGISTRY[motion](rng, time)
    if rng.random() < 0.5:
        pose = mirror(pose)
    bones = body.rotate(body.solve(pose, proportions), np.radians(rng.normal(0, 2.5)))
    camera = _place_camera(rng, bones, proportions.height, size)

    frames = _render(rng, character, scene, bones, camera, size)
    if style:
        frames = apply_style(frames, style, rng)
    keypoints = camera.project(body.keypoints(bones))[0].astype(np.float32)
    scores = inside(keypoints, size) * body.visibility(bones)
    caption = write_caption(rng, character, scene, motion, style)
    return WorldClip(frames, keypoints, scores.astype(np.float32), character, scene, motion, style, caption)


def _choose_pair(
    rng: np.random.Generator, split: PairSplit, character: str | None, scene: str | None
) -> tuple[str, str]:
    allowed = _ALL_PAIRS if character and scene else _PAIRS[split]
    pairs = [pair for pair in allowed if character in (None, pair[0]) and scene in (None, pair[1])]
    if not pairs:
        raise ValueError(
            f"No {split} pair of a character and a scene has {character or 'any'} and {scene or 'any'}."
        )
    return pairs[rng.integers(len(pairs))]


def _choose_motion(rng: np.random.Generator, motions: MotionSplit) -> str:
    if motions != "held_out" and rng.random() < _FREESTYLE_SHARE:
        return "freestyle"
    choices = _MOTION_CHOICES[motions]
    return choices[rng.integers(len(choices))]


def _place_camera(rng: np.random.Generator, bones: np.ndarray, height: float, size: int) -> _Camera:
    """Frame the figure: 55 to 105 % of the picture's height, as a rule whole, its feet low."""
    share = 0.55 + 0.5 * rng.random() ** 0.75
    scale = share * size / height
    camera = _Camera(scale, 0.0, 0.0, pitch=np.radians(rng.uniform(0, 10)))
    points = camera.project(body.keypoints(bones))[0].reshape(-1, 2)
    margin = 0.06 * scale
    (left, _), (right, _) = points.min(0) - margin, points.max(0) + margin
    low, high = sorted((-left, size - right))
    x = rng.uniform(low, high)
    feet = rng.uniform(min(max(0.7, share), 0.97), 0.98) * size
    if rng.random() < _CROPPED_SHARE:
        x += rng.normal(0, 0.12) * size
        feet += rng.uniform(-0.04, 0.35) * share * size
    return replace(camera, x=x, y=feet)


def _render(
    rng: np.random.Generator, character: str, scene: str, bones: np.ndarray, camera: _Camera, size: int
) -> np.ndarray:
    """Paint at twice the size and average down, which is faster and crisper than anti-aliased polygons."""
    side = size * _SUPERSAMPLING
    canvases = np.repeat(background(scene, rng, side, side)[None], len(bones), axis=0)
    girth = rng.uniform(0.88, 1.12)

    def project(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        pixels, depths = camera.project(points)
        return (pixels + 0.5) * _SUPERSAMPLING - 0.5, depths

    paint(figure(character), bones, project, camera.scale * _SUPERSAMPLING, girth, canvases)
    frames = np.empty((len(bones), size, size, 3), np.uint8)
    for canvas, frame in zip(canvases, frames):
        cv2.resize(canvas, (size, size), dst=frame, interpolation=cv2.INTER_AREA)
    return frames


def inside(keypoints: np.ndarray, size: int) -> np.ndarray:
    """1 within the picture, falling to 0 within 4 % of its size outside: (F, 17)."""
    outside = np.maximum(-keypoints, keypoints - (size - 1)).max(-1)
    return np.clip(1 - outside / (0.04 * size), 0, 1)
