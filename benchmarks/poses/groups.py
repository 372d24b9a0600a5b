"""People side by side against the truth, motion by motion: ``python -m benchmarks.poses.groups``.

Every motion of the procedural world in groups of 1, 2 and 3 people. One line of JSON a motion and group, and the means
of the groups: the share of people found, the PCK of the joints drawn (within a tenth of the body's longer side), and
the share of the joints in sight that are drawn.
"""

import argparse
import json
from collections import defaultdict

import numpy as np
from tqdm import tqdm

from fyp_core.evaluation.scoring.measures import visible_boxes
from fyp_core.synthetic import FRAME_RATE, MOTIONS, WorldClip, sample_clip
from pose_extraction.estimators.factory import ESTIMATOR_NAMES, choose_estimator
from pose_extraction.motion.motion import Motion
from pose_extraction.motion.temporal import clean
from pose_extraction.motion.tracking import link
from pose_extraction.poses import PoseEstimator
from pose_extraction.skeleton import SCORE_THRESHOLD

_CHARACTERS = "man", "woman", "man"
_SIZE, _STRIDE = 384, 2
_NEAR = 0.1  # of the longer side of the box around the joints in sight


def group(motion: str, people: int, frames: int) -> list[WorldClip]:
    """Clips of one motion, each with a person and a tempo of its own."""
    return [
        sample_clip(
            np.random.default_rng((seed, list(MOTIONS).index(motion))), frames, _SIZE, split="all",
            character=character, motion=motion, style="", stride=_STRIDE,
        )
        for seed, character in enumerate(_CHARACTERS[:people])
    ]  # fmt: skip


def measure(estimator: PoseEstimator, clips: list[WorldClip]) -> dict[str, float]:
    """People found, PCK of the joints drawn, share of the joints in sight that are drawn."""
    frames = np.concatenate([clip.frames for clip in clips], axis=2)
    found = clean(link(list(estimator.estimate(frames)), *frames.shape[1:3], FRAME_RATE / _STRIDE))
    figures = np.array([_person(found, clip, column * _SIZE) for column, clip in enumerate(clips)])
    return dict(zip(("found", "pck", "drawn"), figures.mean(axis=0).round(3).tolist()))


def _person(found: Motion, clip: WorldClip, left: int) -> tuple[float, float, float]:
    """The figures of one person, who is each frame's nearest pose."""
    truth, visible = clip.keypoints + np.array([left, 0]), clip.scores > 0.5
    sides = visible_boxes(truth, visible)[:, 2:].max(-1)
    distances = np.linalg.norm(found.keypoints - truth[:, None], axis=-1)
    typical = np.ma.median(np.ma.masked_invalid(distances), axis=-1).filled(np.inf)
    nearest = typical.argmin(axis=1)
    at = np.arange(len(truth)), nearest
    is_found = typical[at] < 3 * _NEAR * sides
    drawn = visible & (found.scores[at] >= SCORE_THRESHOLD) & is_found[:, None]
    near = distances[at] <= _NEAR * sides[:, None]
    return is_found.mean(), near[drawn].mean() if drawn.any() else 0.0, drawn[visible].mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--estimator", choices=ESTIMATOR_NAMES, default="mediapipe")
    parser.add_argument("--motions", nargs="*", choices=list(MOTIONS), default=list(MOTIONS))
    parser.add_argument("--people", type=int, nargs="*", choices=(1, 2, 3), default=[1, 2, 3])
    parser.add_argument("--frames", type=int, default=16, help="of each clip (default: %(default)s)")
    args = parser.parse_args()
    estimator, _ = choose_estimator(args.estimator)
    rows = defaultdict(list)
    for motion in tqdm(args.motions, unit=" motions", disable=None, leave=False):
        for people in args.people:
            row = measure(estimator, group(motion, people, args.frames))
            rows[people].append(row)
            print(json.dumps({"motion": motion, "people": people} | row), flush=True)
    for people, measured in rows.items():
        means = {key: round(float(np.mean([row[key] for row in measured])), 3) for key in measured[0]}
        print(json.dumps({"motion": "all", "people": people} | means))


if __name__ == "__main__":
    main()
