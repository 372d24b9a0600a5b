"""Frames a second of the procedural world on one thread: ``python -m benchmarks.world``."""

import argparse
import json
import time

import cv2
import numpy as np

from fyp_core.synthetic import sample_clip


def measure(num_clips: int, size: int, style_probability: float) -> dict[str, float]:
    """Render ``num_clips`` clips of 8 frames and time them."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    sample_clip(rng, size=size)  # imports and tables, before the clock starts
    start, start_cpu = time.perf_counter(), time.process_time()
    frames = sum(
        len(sample_clip(rng, size=size, style_probability=style_probability).frames) for _ in range(num_clips)
    )
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    return {
        "frames": frames,
        "frames_per_second": round(frames / seconds, 1),
        "cpu_milliseconds_per_frame": round(1000 * cpu_seconds / frames, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--style-probability", type=float, default=0.0)
    args = parser.parse_args()
    print(json.dumps(measure(args.clips, args.size, args.style_probability)))


if __name__ == "__main__":
    main()
