"""Jitter and error of poses, raw and cleaned: ``python -m benchmarks.motion [VIDEO]``.

Without a video on renders of known truth. Jitter is the mean second difference in time, there of the distance
from the truth, in a video of the movement itself; error is the mean distance to the truth. Both are in percent
of the body's size, over joints in sight.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from fyp_core.synthetic import FRAME_RATE, MOTIONS, sample_clip
from pose_extraction.estimator import ESTIMATOR_NAMES, choose_estimator
from pose_extraction.motion import Motion
from pose_extraction.skeleton import SCORE_THRESHOLD
from pose_extraction.temporal import clean, typical_size
from pose_extraction.tracking import choose, link
from video_io import probe, read_frames

_SIZE = 384


def jitter(places: np.ndarray, in_sight: np.ndarray) -> float:
    """Mean second difference of (F, 17, 2) over the joints of (F, 17)."""
    steady = in_sight[:-2] & in_sight[1:-1] & in_sight[2:]
    return float(np.nanmean(np.linalg.norm(np.diff(places, 2, axis=0), axis=-1)[steady]))


def measure(found: Motion, truth: np.ndarray, in_sight: np.ndarray) -> dict[str, float]:
    """Of one person against (F, 17, 2) true keypoints; (F, 17) tells which count."""
    offset = (found.keypoints[:, 0] - truth) / typical_size(found)[0] * 100
    return {
        "jitter": jitter(offset, in_sight),
        "error": float(np.nanmean(np.linalg.norm(offset, axis=-1)[in_sight])),
    }


def filmed(video: Path, estimator: str, smoothing: float) -> dict[str, dict[str, float]]:
    """Jitter of the largest person of a video."""
    info = probe(video)
    poses = list(choose_estimator(estimator)[0].estimate(read_frames(video)))
    raw = choose(link(poses, info.height, info.width, info.fps), "largest")
    in_sight = raw.scores[:, 0] >= SCORE_THRESHOLD
    percent = 100 / typical_size(raw)[0]
    return {
        name: {"jitter": round(jitter(version.keypoints[:, 0] * percent, in_sight), 3)}
        for name, version in {"raw": raw, "cleaned": clean(raw, smoothing)}.items()
    }


def rendered(estimator: str, frames: int, smoothing: float) -> list[dict[str, object]]:
    """One row a motion."""
    rows = []
    for seed, motion in enumerate(MOTIONS):
        clip = sample_clip(
            np.random.default_rng(seed), frames, _SIZE, split="all", character="man", motion=motion, style="",
            stride=1,
        )  # fmt: skip
        poses = list(choose_estimator(estimator)[0].estimate(clip.frames))
        if not any(map(len, poses)):
            continue
        raw = choose(link(poses, _SIZE, _SIZE, FRAME_RATE), "largest")
        in_sight = (raw.scores[:, 0] >= SCORE_THRESHOLD) & (clip.scores > 0.5)
        for name, version in {"raw": raw, "cleaned": clean(raw, smoothing)}.items():
            rows.append({"motion": motion, "version": name} | measure(version, clip.keypoints, in_sight))
    return rows


def summary(rows: list[dict[str, object]]) -> dict[str, dict[str, float]]:
    return {
        version: {
            key: round(float(np.mean([row[key] for row in rows if row["version"] == version])), 3)
            for key in ("jitter", "error")
        }
        for version in ("raw", "cleaned")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--estimator", choices=ESTIMATOR_NAMES, default="mediapipe")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--smoothing", type=float, default=1.0)
    args = parser.parse_args()
    if args.video:
        print(json.dumps(filmed(args.video, args.estimator, args.smoothing)))
        return
    rows = rendered(args.estimator, args.frames, args.smoothing)
    for row in rows:
        print(json.dumps(row))
    print(json.dumps(summary(rows)))


if __name__ == "__main__":
    main()
