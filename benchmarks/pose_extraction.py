"""Frames a second of pose estimation on one core: ``python -m benchmarks.pose_extraction [VIDEO ...]``.

One line of JSON a video: the estimator asked for and, in the same run, MediaPipe's estimator of one person, which was
the default before. Without VIDEO, rendered people side by side: 1, 2 and 4.
"""

import argparse
import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from mediapipe.python.solutions.pose import Pose

from fyp_core.synthetic import sample_clip
from fyp_media.read_video import read_frames
from pose_extraction.estimators.factory import ESTIMATOR_NAMES, choose_estimator

_SIZE = 360
_PEOPLE = (
    ("man", "wave", 2),
    ("woman", "jumping jacks", 3),
    ("man", "arm wave", 7),
    ("woman", "hip sway", 8),
)


def side_by_side(people: int, frames: int) -> np.ndarray:
    """(F, 360, people * 360, 3) uint8 RGB."""
    clips = [
        sample_clip(
            np.random.default_rng(seed), frames, _SIZE, split="all", character=character, motion=motion, style="",
            stride=1,
        ).frames
        for character, motion, seed in _PEOPLE[:people]
    ]  # fmt: skip
    return np.concatenate(clips, axis=2)


def one_person(frames: Iterable[np.ndarray]) -> Iterator[int]:
    """People that MediaPipe's estimator of one person finds in each frame."""
    with Pose(static_image_mode=False, model_complexity=1, smooth_landmarks=False) as pose:
        for frame in frames:
            yield int(pose.process(np.ascontiguousarray(frame)).pose_landmarks is not None)


def measure(counts: Iterable[int], frames: int) -> dict[str, float]:
    """Time the iteration over the people found in each frame; the first frame loads and is not timed."""
    iterator = iter(counts)
    found = [next(iterator)]
    start = time.perf_counter()
    found += iterator
    seconds = time.perf_counter() - start
    return {"frames_per_second": round((frames - 1) / seconds, 1), "people": round(float(np.mean(found)), 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("videos", nargs="*", type=Path, metavar="VIDEO")
    parser.add_argument("--estimator", choices=ESTIMATOR_NAMES, default="auto")
    parser.add_argument("--frames", type=int, default=48, help="of each video (default: %(default)s)")
    parser.add_argument("--all-cores", action="store_true")
    args = parser.parse_args()
    if not args.all_cores:  # threads started from here on stay on it too
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    estimator, _ = choose_estimator(args.estimator)
    videos = {
        str(path): np.stack([frame for frame, _ in zip(read_frames(path), range(args.frames))])
        for path in args.videos
    }
    for name, frames in (
        videos or {f"{n} side by side": side_by_side(n, args.frames) for n in (1, 2, 4)}
    ).items():
        row: dict[str, object] = {
            "video": name,
            "size": f"{frames.shape[2]}x{frames.shape[1]}",
            "frames": len(frames),
        }
        row["one person"] = measure(one_person(frames), len(frames))
        row[estimator.name] = measure(map(len, estimator.estimate(frames)), len(frames))
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
