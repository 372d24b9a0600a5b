"""How well a model follows poses and words, measured on the procedural world, where the truth is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from tqdm import tqdm

from fyp_core.judges import Judges
from fyp_core.sheets import save_sheet, to_pictures
from fyp_core.synthetic import HELD_OUT_PAIRS, Clip, sample_clip
from fyp_core.synthetic.world import CHARACTERS, SCENES

if TYPE_CHECKING:
    from fyp_core.pipeline import FollowYourPosePipeline

PCK_THRESHOLDS = (0.05, 0.1)
PAIRS = ("seen", "held_out")
SOURCES = ("renders", "autoencoder", "model", "pose off")
_FIGURE_WIDTH = 0.2  # of the picture: what lies farther from the skeleton than half of it is background
_STRIDE = 4  # of the clips' 24 frames a second
_SHOWN_CLIPS = 12


@dataclass(frozen=True)
class Measures:
    """Of one clip or, averaged, of many.

    pck: share of the joints in sight that are found within 0.05 and 0.1 of the longer side of the box around them
        (percentage of correct keypoints, Yang and Ramanan 2013).
    character, scene: share named rightly.
    flicker: mean difference of neighbouring frames' background, of 255.
    """

    pck: tuple[float, ...]
    character: float
    scene: float
    flicker: float

    @classmethod
    def of(cls, frames: np.ndarray, clip: Clip, judges: Judges) -> Measures:
        """Compare (F, H, W, 3) uint8 RGB frames with what they should show."""
        found, _ = judges.find_joints(frames)
        character, scene = judges.classify(frames)
        return cls(
            tuple(correct_keypoints(found, clip.keypoints, clip.scores > 0.5, t) for t in PCK_THRESHOLDS),
            float(character == clip.character),
            float(scene == clip.scene),
            background_flicker(frames, clip.skeletons()),
        )

    def values(self) -> tuple[float, ...]:
        return (*self.pck, self.character, self.scene, self.flicker)


@dataclass(frozen=True)
class Result:
    """Mean measures of one source (see ``SOURCES``) on seen or held-out pairs, with standard errors over clips."""

    source: str
    pairs: str
    mean: Measures
    error: Measures
    clips: int


def evaluate(
    pipeline: FollowYourPosePipeline,
    judges: Judges,
    *,
    clips: int = 24,
    frames: int = 8,
    seed: int = 0,
    pairs: Sequence[str] = PAIRS,
    sheet: Path | None = None,
) -> Iterator[Result]:
    """Measure a model on motions it was not trained on: the same poses for seen and for held-out pairs.

    Args:
        clips: of each kind of pair.
        frames: of each clip.
        seed: of clips and noise.
        pairs: which kinds of pairs.
        sheet: PNG to write: skeletons over generated frames of the first clips.
    """
    rows: list[np.ndarray] = []
    size = pipeline.config.default_height
    for kind in pairs:
        world = [_sample(seed, index, kind, frames, size) for index in range(clips)]
        for source in SOURCES:
            measured = []
            for index, clip in enumerate(tqdm(world, desc=f"{kind}, {source}", disable=None, leave=False)):
                video = _show(source, pipeline, clip, seed + index)
                measured.append(Measures.of(video, clip, judges).values())
                if source == "model" and index < _SHOWN_CLIPS // 2:
                    rows += [clip.skeletons(), video]
            values = np.array(measured)
            error = values.std(0, ddof=1) / np.sqrt(clips) if clips > 1 else np.zeros(values.shape[1])
            yield Result(source, kind, _measures(values.mean(0)), _measures(error), clips)
    if sheet:
        save_sheet(sheet, rows)


def as_table(results: Sequence[Result]) -> str:
    """A Markdown table, seen / held-out in every cell."""
    head = (
        "| | PCK@0.1 | PCK@0.05 | character | scene | background flicker (0–255) |\n|---|---|---|---|---|---|"
    )
    lines = []
    for source in dict.fromkeys(result.source for result in results):
        means = [result.mean for result in results if result.source == source]
        columns = [[m.pck[1] for m in means], [m.pck[0] for m in means], [m.character for m in means]]
        columns += [[m.scene for m in means], [m.flicker for m in means]]
        cells = [
            " / ".join(f"{value:.3f}" if i < 4 else f"{value:.2f}" for value in c)
            for i, c in enumerate(columns)
        ]
        lines.append(f"| {source} | {' | '.join(cells)} |")
    return "\n".join([head, *lines])


def correct_keypoints(found: np.ndarray, truth: np.ndarray, visible: np.ndarray, threshold: float) -> float:
    """Share of visible joints found within ``threshold`` times the longer side of their box.

    Args:
        found, truth: (F, 17, 2) pixels.
        visible: (F, 17).
    """
    shown = np.where(visible[..., None], truth, np.nan)
    boxes = np.nanmax(shown, axis=1) - np.nanmin(shown, axis=1)
    distances = np.linalg.norm(found - truth, axis=-1)
    return float((distances <= threshold * boxes.max(-1, keepdims=True))[visible].mean())


def background_flicker(frames: np.ndarray, skeletons: np.ndarray) -> float:
    """Mean absolute difference of neighbouring (F, H, W, 3) uint8 frames away from both figures; 0 for one frame."""
    if len(frames) < 2:
        return 0.0
    width = round(_FIGURE_WIDTH * frames.shape[1])
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    figures = np.stack([cv2.dilate(skeleton.max(-1), kernel) > 0 for skeleton in skeletons])
    background = ~(figures[1:] | figures[:-1])
    difference = np.abs(np.diff(frames.astype(np.int16), axis=0)).mean(-1)
    return float(difference[background].mean()) if background.any() else 0.0


def _sample(seed: int, index: int, pairs: str, frames: int, size: int) -> Clip:
    held_out = sorted(HELD_OUT_PAIRS)
    seen = [(c, s) for c in CHARACTERS for s in SCENES if (c, s) not in HELD_OUT_PAIRS]
    chosen = held_out if pairs == "held_out" else seen
    character, scene = chosen[np.random.default_rng((seed, index, 1)).permutation(len(chosen))[0]]
    return sample_clip(
        np.random.default_rng((seed, index)),
        frames,
        size,
        motions="held_out",
        character=character,
        scene=scene,
        stride=_STRIDE,
    )


def _show(source: str, pipeline: FollowYourPosePipeline, clip: Clip, seed: int) -> np.ndarray:
    """(F, H, W, 3) uint8 RGB."""
    if source == "renders":
        return clip.frames
    if source == "autoencoder":
        return _reconstruct(pipeline, clip.frames)
    video = pipeline(
        clip.caption,
        clip.skeletons(),
        pose_scale=float(source != "pose off"),
        generator=torch.Generator().manual_seed(seed),
    ).frames[0]
    return (video * 255).round().astype(np.uint8)


@torch.inference_mode()
def _reconstruct(pipeline: FollowYourPosePipeline, frames: np.ndarray) -> np.ndarray:
    pictures = torch.from_numpy(frames).permute(0, 3, 1, 2) / 127.5 - 1
    vae = pipeline.vae
    decoded = vae.decode(vae.encode(pictures.to(vae.device, vae.dtype)).latent_dist.mean).sample
    return to_pictures(decoded.float())


def _measures(values: np.ndarray) -> Measures:
    *pck, character, scene, flicker = map(float, values)
    return Measures(tuple(pck), character, scene, flicker)
