"""Jitter and error of poses, raw, repaired and smoothed: ``python -m benchmarks.poses.motion [VIDEO ...]``.

Repaired is without flips and gaps, smoothed is with One-Euro in addition. Jitter is the mean second difference in
time: of the distance from the truth on renders, of the movement itself in the videos named. Error is the mean
distance from the truth. Both are in percent of the body's size, over joints in sight; ``of_raw`` is the share of the
raw jitter that is left.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fyp_core.synthetic import FRAME_RATE, MOTIONS, sample_clip
from fyp_media.read_video import probe, read_frames
from pose_extraction.estimators.factory import ESTIMATOR_NAMES, choose_estimator
from pose_extraction.motion.motion import Motion
from pose_extraction.motion.temporal import clean, typical_size
from pose_extraction.motion.tracking import choose, link
from pose_extraction.skeleton import SCORE_THRESHOLD

_SIZE = 384


def jitter(places: np.ndarray, in_sight: np.ndarray) -> float:
    """Mean second difference of (F, 17, 2) over the joints of (F, 17)."""
    steady = in_sight[:-2] & in_sight[1:-1] & in_sight[2:]
    return float(np.nanmean(np.linalg.norm(np.diff(places, 2, axis=0), axis=-1)[steady]))


def measure(found: Motion, truth: np.ndarray, in_sight: np.ndarray) -> dict[str, float]:
    """Of one person against (F, 17, 2) true keypoints; (F, 17) bool: which of them count."""
    offset = (found.keypoints[:, 0] - truth) / typical_size(found)[0] * 100
    return {
        "jitter": round(jitter(offset, in_sight), 3),
        "error": round(float(np.nanmean(np.linalg.norm(offset, axis=-1)[in_sight])), 3),
    }


def versions(raw: Motion, smoothing: float) -> dict[str, Motion]:
    return {"raw": raw, "repaired": clean(raw, 0), "smoothed": clean(raw, smoothing)}


def filmed(video: Path, estimator: str, smoothing: float) -> dict[str, dict[str, float]]:
    """Jitter of the largest person of a video."""
    info = probe(video)
    poses = list(choose_estimator(estimator)[0].estimate(read_frames(video)))
    raw = choose(link(poses, info.height, info.width, info.fps), "largest")
    in_sight = raw.scores[:, 0] >= SCORE_THRESHOLD
    percent = 100 / typical_size(raw)[0]
    return with_shares(
        {
            name: {"jitter": jitter(version.keypoints[:, 0] * percent, in_sight)}
            for name, version in versions(raw, smoothing).items()
        }
    )


def rendered(estimator: str, frames: int, smoothing: float) -> Iterator[dict[str, object]]:
    """A row for each motion and version."""
    model = choose_estimator(estimator)[0]
    for seed, motion in enumerate(tqdm(MOTIONS, unit=" motions", disable=None, leave=False)):
        clip = sample_clip(
            np.random.default_rng(seed), frames, _SIZE, split="all", character="man", motion=motion, style="",
            stride=1,
        )  # fmt: skip
        poses = list(model.estimate(clip.frames))
        if not any(map(len, poses)):
            continue
        raw = choose(link(poses, _SIZE, _SIZE, FRAME_RATE), "largest")
        in_sight = (raw.scores[:, 0] >= SCORE_THRESHOLD) & (clip.scores[:, 0] > 0.5)
        for name, version in versions(raw, smoothing).items():
            yield {"motion": motion, "version": name} | measure(version, clip.keypoints[:, 0], in_sight)


def mean(rows: Sequence[dict[str, object]]) -> dict[str, dict[str, float]]:
    by_version: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        by_version.setdefault(str(row["version"]), []).append(row)
    return with_shares(
        {
            version: {key: float(np.mean([row[key] for row in some])) for key in ("jitter", "error")}
            for version, some in by_version.items()
        }
    )


def with_shares(measured: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    raw = measured["raw"]["jitter"]
    return {
        name: {key: round(value, 3) for key, value in (values | {"of_raw": values["jitter"] / raw}).items()}
        for name, values in measured.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("videos", nargs="*", type=Path, metavar="VIDEO", help="measured before the renders")
    parser.add_argument("--estimator", choices=ESTIMATOR_NAMES, default="mediapipe")
    parser.add_argument("--frames", type=int, default=48, help="of each render (default: %(default)s)")
    parser.add_argument("--smoothing", type=float, default=1.0)
    args = parser.parse_args()
    for video in args.videos:
        print(json.dumps({"video": video.name} | filmed(video, args.estimator, args.smoothing)))
    rows = list(rendered(args.estimator, args.frames, args.smoothing))
    for row in rows:
        print(json.dumps(row))
    print(json.dumps({"video": "renders"} | mean(rows)))


if __name__ == "__main__":
    main()
