"""``python -m pose_extraction VIDEO -o skeleton.mp4``: turn a video of a person into a skeleton video."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence

from tqdm import tqdm

from errors import InputError
from pose_extraction.estimator import ESTIMATOR_NAMES
from pose_extraction.extract import Extraction, extract_skeleton_video


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, or 2 for bad input."""
    logging.basicConfig(format="%(levelname)s: %(message)s")
    options = _parser().parse_args(arguments)
    try:
        with tqdm(unit=" frames", disable=None, leave=False) as bar:

            def show(done: int, total: int | None) -> None:
                bar.total = total
                bar.update(done - bar.n)

            result = extract_skeleton_video(
                options.video,
                options.output,
                keypoints=options.keypoints,
                estimator=options.estimator,
                progress=show,
            )
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if options.json:
        print(json.dumps(_report(options, result)))
    else:
        print(
            f"{options.output}: {len(result.poses)} frames of {result.width}x{result.height}"
            f" at {result.fps:.4g} a second, a person in {result.person_share:.0%} of them"
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pose_extraction", description=__doc__.partition(": ")[2])
    parser.add_argument("video", help="a video that shows one person whole")
    parser.add_argument("-o", "--output", required=True, metavar="MP4", help="skeleton video to write")
    parser.add_argument("--keypoints", metavar="JSON", help="also write the keypoints, in COCO's format")
    parser.add_argument("--estimator", choices=ESTIMATOR_NAMES, default="auto", help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    return parser


def _report(options: argparse.Namespace, result: Extraction) -> dict[str, object]:
    return {
        "input": options.video,
        "output": options.output,
        "keypoints": options.keypoints,
        "frames": len(result.poses),
        "width": result.width,
        "height": result.height,
        "fps": result.fps,
        "estimator": result.estimator,
        "person_share": round(result.person_share, 4),
        "seconds": {phase: round(seconds, 3) for phase, seconds in result.seconds.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
