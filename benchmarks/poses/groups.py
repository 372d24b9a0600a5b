"""Groups of people against the truth, motion by motion: ``python -m benchmarks.poses.groups``.

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
_HEIGHT, _WIDTH = 384, (384, 512, 640)  # pixels; the width for one, two and three people
_SHARE = (0.6, 0.95)  # of the picture's height, of somebody who stands
_STRIDE = 2
_NEAR = 0.1  # of the longer side of the box around the joints in sight


def group(motion: str, people: int, frames: int) -> WorldClip:
    """People in one picture who make the same motion."""
    return sample_clip(
        np.random.default_rng((people, list(MOTIONS).index(motion))), frames, (_HEIGHT, _WIDTH[people - 1]),
        split="all", people=people, characters=_CHARACTERS[:people], motion=motion, style="", stride=_STRIDE,
        height_share=_SHARE,
    )  # fmt: skip


def measure(estimator: PoseEstimator, clip: WorldClip) -> dict[str, float]:
    """People found, PCK of the joints drawn, share of the joints in sight that are drawn."""
    height, width = clip.frames.shape[1:3]
    found = clean(link(list(estimator.estimate(clip.frames)), height, width, FRAME_RATE / _STRIDE))
    people = zip(clip.keypoints.swapaxes(0, 1), clip.scores.swapaxes(0, 1) > 0.5)
    figures = np.array([_person(found, truth, visible) for truth, visible in people])
    return dict(zip(("found", "pck", "drawn"), figures.mean(axis=0).round(3).tolist()))


def _person(found: Motion, truth: np.ndarray, visible: np.ndarray) -> tuple[float, float, float]:
    """The figures of one person, (F, 17, 2) and (F, 17), who is each frame's nearest pose."""
    sides = visible_boxes(truth, visible)[:, 2:].max(-1)
    distances = np.linalg.norm(found.keypoints - truth[:, None], axis=-1)
    typical = np.ma.median(np.ma.masked_invalid(distances), axis=-1).filled(np.inf)
    at = np.arange(len(truth)), typical.argmin(axis=1)
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
