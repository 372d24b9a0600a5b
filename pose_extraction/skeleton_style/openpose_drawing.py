"""Joints read from a skeleton in OpenPose's colours, as ControlNet's and ComfyUI's OpenPose and DWPose draw it.

Every joint is a bright dot and every link a darker line, in hues 20 degrees apart
(https://github.com/huggingface/controlnet_aux: ``draw_bodypose``), so each hue belongs to one joint and one link.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from pose_extraction.keypoint_files.joint_layouts import as_coco
from pose_extraction.skeleton import draw_skeleton

_JOINTS = 18
# Pairs of joints in the order in which they are drawn; link i has the hue of joint i.
_LINKS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
_HUE_STEP = 10  # in OpenCV's steps of two degrees
_SATURATED, _BRIGHT, _LIT = 110, 200, 70  # of 255; links have 0.6 of a dot's brightness
_SMALLEST_DOT = 8  # pixels
_LEAST_SIZE = (
    0.3  # of the usual area of dots; smaller ones are mixed colours at the edges of others, or hands
)
_FILLED = 0.5  # of the box around a dot: less is the line of a drawing whose lines are as bright as its dots
_LONGEST = 2  # a dot's width by its height, or the other way round
_MOST_DOTS = 20  # of one hue; more are no joints
_SAMPLES = np.linspace(0.2, 0.8, 13)[:, None]  # along a link, outside its dots
_SHORT = 6  # dot radii: the dots of a shorter link hide its colour
_SUPPORT = 0.6  # share of a link in its colour
_LEAST_LINKS = 5  # in a frame that was read
_FRAGMENT = 2  # joints: so few, beside more of somebody, are of hands
_EXPLAINED = 0.6  # least share of the coloured pixels at links that were read; the rest are hands

_Dot = tuple[int, int]  # the joint, and which of its dots


@dataclass(frozen=True)
class _Drawing:
    """Hue as the number of a joint, saturation and brightness of a frame, each (H, W)."""

    number: np.ndarray
    saturated: np.ndarray
    value: np.ndarray

    @classmethod
    def of(cls, frame: np.ndarray) -> "_Drawing":
        hue, saturation, value = cv2.split(cv2.cvtColor(frame, cv2.COLOR_RGB2HSV))
        number = np.round(hue / _HUE_STEP).astype(int) % _JOINTS
        return cls(number, saturation > _SATURATED, value)

    @property
    def lit(self) -> np.ndarray:
        return self.value > _LIT

    def dots(self, joint: int) -> tuple[np.ndarray, np.ndarray]:
        """(N, 2) centres and (N,) areas of the dots of a joint."""
        mask = self.saturated & (self.value > _BRIGHT) & (self.number == joint)
        _, _, parts, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        width, height, areas = parts[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA]].T
        is_dot = (areas >= _SMALLEST_DOT) & (areas >= _FILLED * width * height)
        is_dot &= np.maximum(width, height) <= _LONGEST * np.minimum(width, height)
        largest = [part for part in areas.argsort()[::-1] if part and is_dot[part]]
        return centres[largest[:_MOST_DOTS]], areas[largest[:_MOST_DOTS]]

    def support(self, link: int, start: np.ndarray, end: np.ndarray, radius: float) -> float:
        """Share of the way from one dot to another that is drawn as the link."""
        x, y = (start + (end - start) * _SAMPLES).round().astype(int).T
        drawn = self.lit[y, x]
        if np.linalg.norm(end - start) > _SHORT * radius:
            away = np.abs(self.number[y, x] - link)
            drawn &= np.minimum(away, _JOINTS - away) <= 1
        return float(drawn.mean())


def is_readable(frames: Sequence[np.ndarray]) -> bool:
    """Whether in most of (H, W, 3) uint8 RGB frames most coloured pixels belong to links that are found."""
    return 2 * sum(map(_is_explained, frames)) > len(frames)


def redraw(frame: np.ndarray) -> np.ndarray:
    """The people of an (H, W, 3) uint8 RGB frame in our style; joints whose dots are hidden are left out."""
    people = as_coco(read_people(frame))
    height, width = frame.shape[:2]
    joints = np.stack(people) if people else np.zeros((0, 17, 3), np.float32)
    return draw_skeleton(joints[..., :2], joints[..., 2], height, width)


def read_people(frame: np.ndarray) -> list[np.ndarray]:
    """(18, 3) x, y and score in OpenPose's order for each person; 0 where a joint is not seen."""
    drawing = _Drawing.of(frame)
    found = [drawing.dots(joint) for joint in range(_JOINTS)]
    largest = [sizes[0] for _, sizes in found if len(sizes)]
    if not largest:
        return []
    usual = np.median(largest)
    centres = [places[sizes >= _LEAST_SIZE * usual] for places, sizes in found]
    radius = float(np.sqrt(usual / np.pi))
    people: list[dict[int, int]] = []
    for start, end in _links(drawing, centres, radius):
        _join(people, start, end)
    most = max(map(len, people), default=0)
    bodies = []
    for person in people:
        if len(person) <= _FRAGMENT < most:
            continue
        body = np.zeros((_JOINTS, 3), np.float32)
        for joint, dot in person.items():
            body[joint] = *centres[joint][dot], 1
        bodies.append(body)
    return bodies


def _links(drawing: _Drawing, centres: Sequence[np.ndarray], radius: float) -> list[tuple[_Dot, _Dot]]:
    """Pairs of dots with a link between them; of each link a dot belongs to one at most."""
    links: list[tuple[_Dot, _Dot]] = []
    for link, (first, second) in enumerate(_LINKS):
        pairs = [
            (-drawing.support(link, centres[first][a], centres[second][b], radius), a, b)
            for a, b in product(range(len(centres[first])), range(len(centres[second])))
        ]
        starts, ends = set(), set()
        for support, a, b in sorted(pairs):  # of equal ones, those of the largest dots
            if -support >= _SUPPORT and a not in starts and b not in ends:
                links.append(((first, a), (second, b)))
                starts.add(a)
                ends.add(b)
    return links


def _join(people: list[dict[int, int]], start: _Dot, end: _Dot) -> None:
    """Put two dots into one person, unless that would give somebody a joint twice."""
    owners = [next((p for p in people if p.get(joint) == dot), None) for joint, dot in (start, end)]
    parts = [{joint: dot} if owner is None else owner for owner, (joint, dot) in zip(owners, (start, end))]
    if parts[0] is parts[1] or parts[0].keys() & parts[1].keys():
        return
    for owner in owners:
        if owner is not None:
            people.remove(owner)
    people.append(parts[0] | parts[1])


def _is_explained(frame: np.ndarray) -> bool:
    people = read_people(frame)
    drawing = _Drawing.of(frame)
    coloured = drawing.saturated & drawing.lit
    links = np.zeros(frame.shape[:2], np.uint8)
    count = 0
    width = max(3, round(0.03 * max(frame.shape)))
    for body, (first, second) in product(people, _LINKS):
        if body[first, 2] and body[second, 2]:
            ends = body[[first, second], :2].round().astype(int).tolist()
            cv2.line(links, ends[0], ends[1], 1, width)
            count += 1
    return bool(count >= _LEAST_LINKS and coloured.any() and links[coloured].mean() > _EXPLAINED)
