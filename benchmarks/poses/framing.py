"""Pose accuracy of one person anywhere in an upright or a wide picture: ``python -m benchmarks.poses.framing``.

Clips of the procedural world, square with the person in the middle, are what a model was trained on. The same people
are put anywhere into a 9:16 and a 16:9 picture and shown through the window of ``--fit people``, at the model's own
size and at one of the picture's proportions. With the truth for the joints the window alone is measured.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

import numpy as np

from fyp_core.evaluation import Case, evaluate, world_cases
from fyp_core.evaluation.report import PCK
from fyp_core.evaluation.scoring.judges import Judges
from fyp_core.evaluation.variants import MODEL
from fyp_core.generation.engine import Engine
from fyp_core.generation.pose.framing import FITS, windows_of_people
from fyp_core.generation.result_size import ModelSize
from fyp_core.weights.checkpoints import bundled
from pose_extraction.skeleton import draw_skeleton

_PICTURES = {"9:16": (9, 16), "16:9": (16, 9)}
_FPS = 6.0
_PEOPLE = (0.5, 0.95)  # size of the world's square in the shorter side of the picture


def placed(case: Case, picture: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """(F, P, 17, 2) joints of a square case somewhere in a picture of (height, width)."""
    scale = rng.uniform(*_PEOPLE) * min(picture) / case.skeletons.shape[1]
    room = np.array(picture[::-1]) - scale * case.skeletons.shape[1]
    return (case.keypoints + 0.5) * scale - 0.5 + rng.uniform(0, 1, 2) * room


def framed(
    case: Case, group: str, picture: tuple[int, int], size: tuple[int, int], args: argparse.Namespace
) -> Case:
    """A square case's person in a picture, shown at a size (height, width)."""
    points = placed(case, picture, np.random.default_rng((args.seed, case.index)))
    known = np.where(case.visible[..., None], points, np.nan)
    windows = windows_of_people(
        args.fit, known.reshape(len(known), -1, 2), picture, size, _FPS, follow=args.follow
    )
    joints = np.stack([window.map_points(each) for window, each in zip(windows, points)])
    last = np.array(size[::-1]) - 1
    visible = case.visible & ((joints >= 0) & (joints <= last)).all(-1)
    skeletons = [draw_skeleton(each, seen.astype(float), *size) for each, seen in zip(joints, case.visible)]
    return replace(
        case, group=group, skeletons=np.stack(skeletons), keypoints=joints, visible=visible, frames=None
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fit", choices=FITS, default="people")
    parser.add_argument("--follow", action="store_true")
    args = parser.parse_args()

    engine = Engine(args.model)
    model = ModelSize.of(engine.load())
    square = world_cases("seen", args.clips, 8, model.height, args.seed)
    cases = [replace(case, group="square") for case in square]
    for name, (width, height) in _PICTURES.items():
        picture = 40 * height, 40 * width
        for size in ((model.height, model.width), model.with_aspect(width, height)):
            group = f"{name} at {size[1]}x{size[0]}"
            cases += [framed(case, group, picture, size, args) for case in square]
    judges = Judges.load(bundled("judges"))
    for result in evaluate(engine.pipeline, judges, cases, sources=[MODEL]):
        print(
            json.dumps(
                {
                    "group": result.group,
                    **{k: round(v.mean, 3) for k, v in result.measures.items() if k in PCK},
                }
            )
        )


if __name__ == "__main__":
    main()
