"""The procedural world: clips of characters that move in a scene, with keypoints and captions.

It stands in for LAION-Pose and HDVILA (paper, section 4.1) where training has to run on one CPU: the same
kinds of data, image-pose pairs and captioned video, at any size.
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
# One scene in ten a character: never rendered for training, to distinguish generalisation from memorised pairs.
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

MAX_PEOPLE = 3
_TWO_CHARACTERS_SHARE = 0.3  # of the clips with several people
_TOGETHER_SHARE = 0.4  # of the clips with several people: all make the same motion
_ANYWHERE_SHARE = 0.3  # of the people in a group stand anywhere, and overlap others; the rest side by side
_CROSSING_SHARE = 0.15  # of the people in a group cross the picture
_SMALL_SHARE = 0.3  # of the clips show small figures
_SMALL, _LARGE = (0.25, 0.55), (0.55, 1.05)  # standing heights, in heights of the picture
_OF_A_GROUP = 0.85  # people in a group stand a little farther away
_WIDEST_FIGURE = 1.5  # standing height over the picture's width, at most

PairSplit = Literal["train", "seen", "held_out", "all"]
MotionSplit = Literal["train", "held_out", "all"]


@dataclass(frozen=True)
class WorldClip:
    """A short video of P people and all that is known about it."""

    frames: np.ndarray  # (F, H, W, 3) uint8 RGB
    keypoints: np.ndarray  # (F, P, 17, 2) float32, COCO-17, pixels; left is the person's left
    scores: np.ndarray  # (F, P, 17) float32: 1 in sight, towards 0 outside the picture or behind the own head
    characters: tuple[str, ...]  # of each person, from left to right in the first frame
    scene: str
    motions: tuple[str, ...]  # of each person
    style: str  # "" for none
    caption: str

    @property
    def character(self) -> str:
        """Of the first person."""
        return self.characters[0]

    @property
    def motion(self) -> str:
        """What a caption may name: "" where people make different motions."""
        return self.motions[0] if len(set(self.motions)) == 1 else ""

    def skeletons(self) -> np.ndarray:
        """The skeleton video, (F, H, W, 3) uint8 RGB."""
        return render_skeletons(self.keypoints, self.scores, *self.frames.shape[1:3])


def render_skeletons(
    keypoints: np.ndarray, scores: np.ndarray, height: int, width: int, line_width: float | None = None
) -> np.ndarray:
    """(F, P, 17, 2) pixels and (F, P, 17) scores to (F, height, width, 3) uint8 RGB; see ``draw_skeleton``."""
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
    size: int | tuple[int, int] = 128,
    *,
    split: PairSplit = "train",
    motions: MotionSplit = "train",
    people: int = 1,
    characters: Sequence[str] = (),
    character: str | None = None,
    scene: str | None = None,
    motion: str | None = None,
    stride: int | None = None,
    style: str | None = None,
    style_probability: float = 0.0,
    styles: Sequence[str] = STYLES,
    height_share: tuple[float, float] | None = None,
) -> WorldClip:
    """Draw a random clip; the same state of ``rng`` gives the same clip.

    Args:
        num_frames: frames, sampled from 24 a second.
        size: side of square frames, or height and width, in pixels.
        split: which pairs of character and scene to draw from. "train" and "seen" are the same pairs.
        motions: which motions to draw from.
        people: how many, 1 to 3. Several are the same character, or now and then two different ones.
        characters: fixes that of each person.
        character, scene, motion: fix the choice, of all people, whatever the splits say.
        stride: of the sampling; by default drawn so that 8 frames span 0.6 to 2 seconds.
        style: fix the style, "" for none; otherwise one of ``styles`` is drawn with ``style_probability``.
        height_share: lowest and highest standing height as a share of the picture's; by default 0.25 to 1.05.

    Raises:
        ValueError: a name is unknown, no pair of the split has the given character or scene, or there are too many
            people.
    """
    if not 1 <= people <= MAX_PEOPLE:
        raise ValueError(f"A clip has 1 to {MAX_PEOPLE} people, not {people}.")
    first, scene = _choose_pair(rng, split, characters[0] if characters else character, scene)
    cast = tuple(characters) or _choose_others(
        rng, split, first, scene, people, is_fixed=character is not None
    )
    moves = _choose_motions(rng, motions, motion, len(cast))
    if style is None:
        style = str(rng.choice(styles)) if rng.random() < style_probability else ""
    _check_names(moves[0], style)
    height, width = (size, size) if isinstance(size, int) else size
    time = np.arange(num_frames) * ((stride or rng.integers(*_STRIDES)) / FRAME_RATE)
    share = _choose_share(rng, height_share, len(cast))
    share = min(share, _WIDEST_FIGURE * width / height)
    actors = [
        _place_actor(rng, name, move, time, share, (height, width), (number, len(cast)))
        for number, (name, move) in enumerate(zip(cast, moves))
    ]
    actors.sort(key=lambda actor: actor.keypoints[0, :, 0].mean())
    return _film(rng, scene, actors, style, height, width)


def _check_names(motion: str, style: str) -> None:
    for name, known in ((motion, MOTIONS), (style, ("", *STYLES))):
        if name not in known:
            raise ValueError(f"{name!r} is not one of {', '.join(known)}.")


@dataclass(frozen=True)
class _Actor:
    """A person of a clip: their body in every frame, as the camera that belongs to their place sees it."""

    character: str
    motion: str
    bones: np.ndarray  # (F, B, 4, 3)
    camera: _Camera
    path: np.ndarray  # (F,) pixels to the right
    keypoints: np.ndarray  # (F, 17, 2) float32

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(F, ..., 3) in space to (F, ..., 2) pixels and (F, ...) depths."""
        pixels, depths = self.camera.project(points)
        pixels[..., 0] += self.path.reshape(-1, *[1] * (pixels.ndim - 2))
        return pixels, depths


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


def _choose_others(
    rng: np.random.Generator, split: PairSplit, first: str, scene: str, people: int, *, is_fixed: bool
) -> tuple[str, ...]:
    """The characters of all people: the first one's, or now and then a second character beside it."""
    if people == 1 or is_fixed or rng.random() >= _TWO_CHARACTERS_SHARE:
        return (first,) * people
    second, _ = _choose_pair(rng, split, None, scene)
    return (first, *[second if rng.random() < 0.5 else first for _ in range(people - 2)], second)


def _choose_motions(
    rng: np.random.Generator, motions: MotionSplit, fixed: str | None, people: int
) -> list[str]:
    if fixed:
        return [fixed] * people
    if people > 1 and rng.random() < _TOGETHER_SHARE:
        return [_choose_motion(rng, motions)] * people
    return [_choose_motion(rng, motions) for _ in range(people)]


def _choose_motion(rng: np.random.Generator, motions: MotionSplit) -> str:
    if motions != "held_out" and rng.random() < _FREESTYLE_SHARE:
        return "freestyle"
    choices = _MOTION_CHOICES[motions]
    return choices[rng.integers(len(choices))]


def _choose_share(rng: np.random.Generator, limits: tuple[float, float] | None, people: int) -> float:
    """The standing height, in heights of the picture."""
    if limits:
        return rng.uniform(*limits)
    if rng.random() < _SMALL_SHARE:
        return rng.uniform(*_SMALL)
    low, high = _LARGE
    share = low + (high - low) * rng.random() ** 0.75
    return share if people == 1 else _OF_A_GROUP * share


def _place_actor(
    rng: np.random.Generator,
    character: str,
    motion: str,
    time: np.ndarray,
    share: float,
    size: tuple[int, int],
    place: tuple[int, int],
) -> _Actor:
    """Let a person move, and put them into the picture: as a rule whole, their feet low.

    Args:
        time: (F,) seconds.
        share: standing height, in heights of the picture.
        size: height and width in pixels.
        place: number of the person from the left, and how many there are.
    """
    number, people = place
    height, width = size
    if people > 1:
        share *= rng.uniform(0.9, 1.1)
    proportions = body.Proportions.sample(rng)
    pose = REGISTRY[motion](rng, time)
    if rng.random() < 0.5:
        pose = mirror(pose)
    bones = body.rotate(body.solve(pose, proportions), np.radians(rng.normal(0, 2.5)))
    scale = share * height / proportions.height
    camera = _Camera(scale, 0.0, 0.0, pitch=np.radians(rng.uniform(0, 10)))
    points = camera.project(body.keypoints(bones))[0]
    xs = points[..., 0]
    margin = 0.06 * scale
    left, right = xs.min() - margin, xs.max() + margin
    low, high = sorted((-left, width - right))
    if people > 1 and rng.random() >= _ANYWHERE_SHARE:
        slot = width / people
        x = np.clip((number + rng.uniform(0.35, 0.65)) * slot, low, high)
    else:
        x = rng.uniform(low, high)
    highest = share + 0.05 if share < _SMALL[1] else min(max(0.7, share), 0.97)
    feet = rng.uniform(highest, 0.98) * height
    if rng.random() < _CROPPED_SHARE:
        x += rng.normal(0, 0.12) * width
        feet += rng.uniform(-0.04, 0.35) * share * height
    path = np.zeros(len(time))
    if people > 1 and rng.random() < _CROSSING_SHARE:
        towards = 1 if x < width / 2 else -1
        path = towards * np.linspace(0, rng.uniform(0.2, 0.6) * width, len(time))
    actor = _Actor(character, motion, bones, replace(camera, x=x, y=feet), path, np.empty(0))
    return replace(actor, keypoints=actor.project(body.keypoints(bones))[0].astype(np.float32))


def _film(
    rng: np.random.Generator, scene: str, actors: Sequence[_Actor], style: str, height: int, width: int
) -> WorldClip:
    """The clip of actors, from left to right."""
    frames = _render(rng, scene, actors, height, width)
    if style:
        frames = apply_style(frames, style, rng)
    keypoints = np.stack([actor.keypoints for actor in actors], axis=1)
    seen = np.stack([body.visibility(actor.bones) for actor in actors], axis=1)
    clip = WorldClip(
        frames,
        keypoints,
        (inside(keypoints, height, width) * seen).astype(np.float32),
        tuple(actor.character for actor in actors),
        scene,
        tuple(actor.motion for actor in actors),
        style,
        caption="",
    )
    return replace(clip, caption=write_caption(rng, clip.characters, scene, clip.motion, style))


def _render(
    rng: np.random.Generator, scene: str, actors: Sequence[_Actor], height: int, width: int
) -> np.ndarray:
    """Draw at twice the size and average down, which is faster and crisper than anti-aliased polygons.

    Who stands lower is nearer, and covers those behind.
    """
    picture = background(scene, rng, height * _SUPERSAMPLING, width * _SUPERSAMPLING)
    canvases = np.repeat(picture[None], len(actors[0].bones), axis=0)
    for actor in sorted(actors, key=lambda actor: actor.camera.y):
        girth = rng.uniform(0.88, 1.12)

        def project(points: np.ndarray, actor: _Actor = actor) -> tuple[np.ndarray, np.ndarray]:
            pixels, depths = actor.project(points)
            return (pixels + 0.5) * _SUPERSAMPLING - 0.5, depths

        scale = actor.camera.scale * _SUPERSAMPLING
        paint(figure(actor.character), actor.bones, project, scale, girth, canvases)
    frames = np.empty((len(canvases), height, width, 3), np.uint8)
    for canvas, frame in zip(canvases, frames):
        cv2.resize(canvas, (width, height), dst=frame, interpolation=cv2.INTER_AREA)
    return frames


def inside(keypoints: np.ndarray, height: int, width: int) -> np.ndarray:
    """1 within the picture, falling to 0 within 4 % of its longer side outside: (..., 2) to (...)."""
    outside = np.maximum(-keypoints, keypoints - (width - 1, height - 1)).max(-1)
    return np.clip(1 - outside / (0.04 * max(height, width)), 0, 1)
