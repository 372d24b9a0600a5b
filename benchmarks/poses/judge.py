"""What the judge of poses sees of figures that lean or are small: ``python -m benchmarks.poses.judge``.

On renders, turned or made smaller, and on what mini's autoencoder leaves of them: the best that a model's pictures
can be judged to be.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from fyp_core.evaluation import PCK
from fyp_core.evaluation.scoring.judges import Judges
from fyp_core.evaluation.scoring.measures import correct_keypoints, visible_boxes
from fyp_core.evaluation.variants import reconstruct
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.synthetic import sample_clip
from fyp_core.training.stages.judges import turn
from fyp_core.weights.checkpoints import bundled

_SIZE, _SEED = 128, 77  # pixels; of renders that no judge was trained on
_TURNED_ZOOM = 0.8  # so that they stay in the picture
_AT_ONCE = 50  # pictures in the autoencoder


def measure(
    judges: Judges, pipeline: FollowYourPosePipeline, angle: float, zoom: float, count: int
) -> dict[str, Any]:
    """PCK over renders of all characters, scenes and motions.

    Args:
        angle: degrees by which they are turned.
        zoom: times the size at which they are drawn.
        count: renders.
    """
    pictures, keypoints, visible = map(np.stack, zip(*(_render(i, angle, zoom) for i in range(count))))
    sides = visible_boxes(keypoints, visible)[:, 2:].max(-1)
    chunks = np.array_split(pictures, range(_AT_ONCE, count, _AT_ONCE))
    shown = {"renders": chunks, "autoencoder": [reconstruct(pipeline, chunk) for chunk in chunks]}
    row: dict[str, float | dict[str, float]] = {
        "degrees": angle,
        "zoom": zoom,
        "share of the picture": round(float(np.median(sides)) / _SIZE, 2),
    }
    for source, parts in shown.items():
        found = np.concatenate([judges.find_joints(part)[0] for part in parts])
        row[source] = {
            name: round(correct_keypoints(found, keypoints, visible, threshold), 3)
            for name, threshold in PCK.items()
        }
    return row


def _render(index: int, angle: float, zoom: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Picture, joints and which of them are in sight; every other one is turned the other way."""
    clip = sample_clip(np.random.default_rng((_SEED, index)), 1, _SIZE, split="all", motions="all")
    parts = clip.frames[0], clip.keypoints[0, 0], clip.scores[0, 0]
    picture, keypoints, scores = turn(*parts, angle if index % 2 else -angle, zoom)
    return picture, keypoints, scores > 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--judges", type=Path, default=bundled("judges"))
    parser.add_argument("--pictures", type=int, default=300, help="of each kind; default: %(default)s")
    parser.add_argument("--angles", type=float, nargs="*", default=[0, 20, 40, 60], help="degrees")
    parser.add_argument("--zooms", type=float, nargs="*", default=[1, 0.6, 0.5, 0.4], help="upright")
    options = parser.parse_args()
    judges, pipeline = Judges.load(options.judges), FollowYourPosePipeline.from_pretrained("mini")
    kinds = [(angle, _TURNED_ZOOM) for angle in options.angles] + [(0, zoom) for zoom in options.zooms]
    for angle, zoom in kinds:
        print(json.dumps(measure(judges, pipeline, angle, zoom, options.pictures)), flush=True)


if __name__ == "__main__":
    main()
