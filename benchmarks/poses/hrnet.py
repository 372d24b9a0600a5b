"""People a second through HRNet-W32, random weights, crop to keypoint: ``python -m benchmarks.poses.hrnet``."""

import argparse
import json
import time

import numpy as np

from pose_extraction.estimators.hrnet import HRNet, HRNetPose
from pose_extraction.estimators.hrnet_weights import VARIANTS
from pose_extraction.estimators.hub import best_device, best_dtype


def people_per_second(pose: HRNetPose, batch: int, people: int) -> float:
    """One person in each frame of 1280x720."""
    frames = [np.zeros((720, 1280, 3), np.uint8)] * batch
    boxes = [np.array([[400, 100, 700, 700]], np.float32)] * batch
    pose.poses(frames, boxes)
    start = time.perf_counter()
    for _ in range(people // batch):
        pose.poses(frames, boxes)
    return people // batch * batch / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--backbone", choices=VARIANTS, default="hrnet_w32")
    parser.add_argument("--people", type=int, default=32)
    args = parser.parse_args()
    device = best_device()
    network = HRNet(args.backbone).to(device, best_dtype(device))
    pose = HRNetPose(network, VARIANTS[args.backbone].size)
    rates = {f"batch_{batch}": round(people_per_second(pose, batch, args.people), 2) for batch in (1, 16)}
    print(json.dumps({"backbone": args.backbone, "device": device.type, "people_per_second": rates}))


if __name__ == "__main__":
    main()
