"""What the judge of poses sees of figures that lean, on turned renders: ``python -m benchmarks.judge_pose``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from fyp_core.checkpoints import bundled
from fyp_core.evaluation import PCK
from fyp_core.evaluation.measures import correct_keypoints
from fyp_core.judges import Judges
from fyp_core.synthetic import sample_clip
from fyp_core.training.judges import turn

_SIZE, _SEED = 128, 77  # pixels; of renders that no judge was trained on
_ZOOM = 0.8  # so that they stay in the picture


def measure(judges: Judges, angle: float, count: int) -> dict[str, float]:
    """PCK over ``count`` renders of all characters, scenes and motions turned by ``angle`` degrees."""
    pictures, keypoints, visible = zip(*(_render(index, angle) for index in range(count)))
    found, _ = judges.find_joints(np.stack(pictures))
    truth, seen = np.stack(keypoints), np.stack(visible)
    return {
        name: round(correct_keypoints(found, truth, seen, threshold), 3) for name, threshold in PCK.items()
    }


def _render(index: int, angle: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Picture, joints and which of them are in sight; every other one is turned the other way."""
    clip = sample_clip(np.random.default_rng((_SEED, index)), 1, _SIZE, split="all", motions="all")
    parts = clip.frames[0], clip.keypoints[0], clip.scores[0]
    picture, keypoints, scores = turn(*parts, angle if index % 2 else -angle, _ZOOM)
    return picture, keypoints, scores > 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--judges", type=Path, default=bundled("judges"))
    parser.add_argument("--pictures", type=int, default=300, help="an angle; default: %(default)s")
    parser.add_argument("--angles", type=float, nargs="+", default=[0, 20, 40, 60], help="degrees")
    options = parser.parse_args()
    judges = Judges.load(options.judges)
    print(json.dumps({f"{angle:g}": measure(judges, angle, options.pictures) for angle in options.angles}))


if __name__ == "__main__":
    main()
