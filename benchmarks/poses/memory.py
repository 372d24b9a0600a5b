"""Memory for a long video against a short one, 1920x1080: ``python -m benchmarks.poses.memory``.

The videos repeat two rendered seconds of a person and are made on the spot. Every frame is decoded; ``--fps`` below 30
estimates fewer of them, to save time.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import av
import cv2
import numpy as np
from tqdm import tqdm

from fyp_core.synthetic import sample_clip
from fyp_media.write_video import write_video
from pose_extraction.estimators.factory import ESTIMATOR_NAMES
from pose_extraction.extract import extract_skeleton_video
from pose_extraction.pose_cache import PoseCache

_HEIGHT, _WIDTH, _FPS, _LOOP_SECONDS = 1080, 1920, 30, 2


def write_loop(path: Path) -> None:
    """Two seconds of a person in the middle of the picture."""
    clip = sample_clip(
        np.random.default_rng(0), _FPS * _LOOP_SECONDS, 512, split="all", character="man", motion="wave"
    )
    side = (_WIDTH - _HEIGHT) // 2
    large = (cv2.resize(frame, (_HEIGHT, _HEIGHT)) for frame in clip.frames)
    write_video(path, (cv2.copyMakeBorder(f, 0, 0, side, side, cv2.BORDER_REPLICATE) for f in large), _FPS)


def repeat(loop: Path, path: Path, times: int) -> None:
    """Write a video several times in a row, without encoding it again."""
    with av.open(str(loop)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.size]
        length = stream.duration or 0
        data = [(bytes(packet), packet.pts or 0, packet.dts or 0, packet.is_keyframe) for packet in packets]
        for turn in range(times):
            for content, pts, dts, is_keyframe in data:
                packet = av.Packet(content)
                packet.stream, packet.is_keyframe = copy, is_keyframe
                if stream.time_base:
                    packet.time_base = stream.time_base
                packet.pts, packet.dts = pts + turn * length, dts + turn * length
                target.mux(packet)


def peak_megabytes(video: Path, estimator: str, fps: float) -> float:
    """Of a process of its own."""
    command = [sys.executable, "-m", "benchmarks.poses.memory", "--of", video, "--estimator", estimator]
    output = subprocess.run(
        [*map(str, command), "--fps", str(fps)], check=True, text=True, stdout=subprocess.PIPE
    )
    return float(output.stdout)


def extract(video: Path, estimator: str, fps: float) -> None:
    """Extract and print this process's peak of memory."""
    with tqdm(unit=" frames", disable=None, leave=False) as bar:
        extract_skeleton_video(
            video,
            video.with_name("skeleton.mp4"),
            estimator=estimator,
            fps=None if fps == _FPS else fps,
            progress=lambda done, _: bar.update(done - bar.n),
            cache=PoseCache(),
        )
    peak = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert peak is not None  # it is always known on Linux
    print(int(peak[1]) / 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--seconds", type=int, nargs=2, default=(10, 600), metavar=("SHORT", "LONG"))
    parser.add_argument("--estimator", choices=ESTIMATOR_NAMES, default="mediapipe")
    parser.add_argument("--fps", type=float, default=_FPS, help="frames a second to estimate")
    parser.add_argument("--of", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.of:
        extract(args.of, args.estimator, args.fps)
        return
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        write_loop(loop := Path(folder) / "loop.mp4")
        for seconds in args.seconds:
            repeat(loop, video := Path(folder) / f"{seconds}.mp4", max(1, seconds // _LOOP_SECONDS))
            peaks[seconds] = peak_megabytes(video, args.estimator, args.fps)
    short, long = peaks.values()
    print(
        json.dumps(
            {
                "estimator": args.estimator,
                "estimated_frames_per_second": args.fps,
                "peak_megabytes": {f"{seconds} s": round(peak) for seconds, peak in peaks.items()},
                "difference_megabytes": round(long - short),
            }
        )
    )


if __name__ == "__main__":
    main()
