"""What the judges see of people who are small, several or lean: ``python -m benchmarks.poses.judge``.

On renders, and on what a model's autoencoder leaves of them: the best that its pictures can be judged to be.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import cv2
import numpy as np

from fyp_core.evaluation import PCK
from fyp_core.evaluation.scoring.judges import Judges
from fyp_core.evaluation.scoring.measures import correct_keypoints_of_people
from fyp_core.evaluation.variants import reconstruct
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.synthetic import WorldClip, sample_clip
from fyp_core.training.data.people import moved_points
from fyp_core.weights.checkpoints import bundled

_SEED, _FRAMES = 77, 2  # of renders that no judge was trained on; frames a clip
_SHARES = ((0.25, 0.35), (0.35, 0.5), (0.5, 0.7), (0.7, 1.0))  # heights of people, of the picture's
_ANGLES = (20, 40, 60)  # degrees
_LEANING = (0.5, 0.7)  # height of those who lean, so that they stay in the picture


@dataclass(frozen=True)
class Kind:
    """Of clips: how many people, how tall in the picture, and by how many degrees it is turned."""

    people: int
    height_share: tuple[float, float]
    degrees: int = 0


def measure(
    judges: Judges, pipeline: FollowYourPosePipeline | None, kind: Kind, clips: list[WorldClip]
) -> Any:
    """PCK, and shares of characters and scenes that are named right."""
    shown = {"renders": [clip.frames for clip in clips]}
    if pipeline:
        shown["autoencoder"] = [reconstruct(pipeline, clip.frames) for clip in clips]
    row: dict[str, Any] = {"people": kind.people, "height": kind.height_share, "degrees": kind.degrees}
    for source, videos in shown.items():
        measured = [_measure(judges, clip, video) for clip, video in zip(clips, videos)]
        row[source] = {name: round(fmean(each[name] for each in measured), 3) for name in measured[0]}
    return row


def _measure(judges: Judges, clip: WorldClip, video: np.ndarray) -> dict[str, float]:
    asked = clip.keypoints, clip.scores > 0.5
    found, _ = judges.find_joints(video, *asked)
    characters, scene = judges.classify(video, *asked)
    pck = {name: correct_keypoints_of_people(found, *asked, threshold) for name, threshold in PCK.items()}
    right = fmean(one == other for one, other in zip(characters, clip.characters))
    return {**pck, "character": right, "scene": float(scene == clip.scene)}


def renders(kind: Kind, count: int, size: int) -> Iterator[WorldClip]:
    """Clips of all characters, scenes and motions; every other one is turned the other way."""
    for index in range(count):
        clip = sample_clip(
            np.random.default_rng((_SEED, index)),
            _FRAMES,
            size,
            split="all",
            motions="all",
            people=kind.people,
            height_share=kind.height_share,
        )
        yield _turned(clip, kind.degrees if index % 2 else -kind.degrees) if kind.degrees else clip


def _turned(clip: WorldClip, degrees: float) -> WorldClip:
    """About the middle of the picture, whose edge is continued."""
    size = clip.frames.shape[1]
    matrix = cv2.getRotationMatrix2D(((size - 1) / 2,) * 2, degrees, 1.0)
    frames = [cv2.warpAffine(f, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE) for f in clip.frames]
    keypoints = moved_points(clip.keypoints, matrix)
    inside = ((keypoints >= 0) & (keypoints <= size - 1)).all(-1)
    return replace(clip, frames=np.stack(frames), keypoints=keypoints, scores=clip.scores * inside)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--judges", type=Path, default=bundled("judges"))
    parser.add_argument("--model", help="whose autoencoder is used as well; mini or a folder")
    parser.add_argument("--clips", type=int, default=100, help="of each kind; default: %(default)s")
    parser.add_argument(
        "--size", type=int, default=256, help="of the renders in pixels; default: %(default)s"
    )
    options = parser.parse_args()
    judges = Judges.load(options.judges)
    pipeline = FollowYourPosePipeline.from_pretrained(options.model) if options.model else None
    kinds = [Kind(people, share) for people, share in product((1, 2, 3), _SHARES)]
    for kind in [*kinds, *(Kind(1, _LEANING, angle) for angle in _ANGLES)]:
        clips = list(renders(kind, options.clips, options.size))
        print(json.dumps(measure(judges, pipeline, kind, clips)), flush=True)


if __name__ == "__main__":
    main()
