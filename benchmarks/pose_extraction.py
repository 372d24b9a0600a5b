"""Frames a second from video to drawn skeleton, on one core: ``python -m benchmarks.pose_extraction [VIDEO]``.

Decoding, estimating and drawing count; encoding the skeleton video, which may run beside them, is told apart.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from fyp_core.synthetic import sample_clip
from fyp_media.write_video import write_video
from pose_extraction.estimators.factory import ESTIMATOR_NAMES
from pose_extraction.extract import extract_skeleton_video


def measure(video: Path, estimator: str, folder: Path) -> dict[str, float | int | str]:
    """Extract once and time the phases; drawing is timed alone too."""
    start_cpu = time.process_time()
    result = extract_skeleton_video(video, folder / "skeleton.mp4", estimator=estimator)
    cpu_seconds = time.process_time() - start_cpu
    start = time.perf_counter()
    for _ in result.motion.draw():
        pass
    draw_seconds = time.perf_counter() - start

    frames = len(result.motion)
    phases = {**result.seconds, "draw": draw_seconds}
    before_encoding = result.seconds["decode"] + result.seconds["estimate"] + draw_seconds
    return {
        "estimator": result.estimator,
        "frames": frames,
        "size": f"{result.motion.width}x{result.motion.height}",
        **{f"{phase}_milliseconds": round(1000 * seconds / frames, 2) for phase, seconds in phases.items()},
        "cores": len(os.sched_getaffinity(0)),
        "frames_per_second": round(frames / before_encoding, 1),
        "cpu_milliseconds_per_frame": round(1000 * cpu_seconds / frames, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("video", nargs="?", type=Path, help="default: a rendered man, 512x512")
    parser.add_argument("--estimator", choices=ESTIMATOR_NAMES, default="auto")
    parser.add_argument("--all-cores", action="store_true")
    args = parser.parse_args()
    if not args.all_cores:  # threads started from here on stay on it too
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        video = args.video or Path(folder) / "man.mp4"
        if args.video is None:
            clip = sample_clip(
                np.random.default_rng(0), 100, 512, split="all", character="man", motion="wave"
            )
            write_video(video, clip.frames, 24)
        print(json.dumps(measure(video, args.estimator, Path(folder))))


if __name__ == "__main__":
    main()
