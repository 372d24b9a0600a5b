"""``python -m pose_extraction VIDEO -o skeleton.mp4``, installed as ``fyp-pose``: make a skeleton video.

VIDEO may also be keypoints: a JSON file that ``--keypoints`` or another tool wrote, or a folder of such frames.
``python -m pose_extraction edit KEYPOINTS -o OUT`` changes keypoints.
"""

import argparse
import contextlib
import json
import logging
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from tqdm import tqdm

from fyp_media.errors import InputError
from fyp_media.files import check_targets
from fyp_media.terminal import print_in_any_encoding, print_result
from fyp_media.write_video import VIDEO_SUFFIXES
from pose_extraction.estimators.factory import AUTO, ESTIMATOR_NAMES
from pose_extraction.extract import extract_skeleton_video
from pose_extraction.keypoint_files import (
    KEYPOINT_SUFFIX,
    TARGET_SUFFIXES,
    is_motion,
    read_motion,
    write_motion,
)
from pose_extraction.motion import edit
from pose_extraction.motion.body import BODY_HELP, check_body, with_body
from pose_extraction.motion.motion import Motion
from pose_extraction.motion.temporal import clean
from pose_extraction.motion.tracking import ALL, choose

_COMMAND = "fyp-pose"
_DEFAULT_SMOOTHING = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 2 for bad input, or 130 where it was interrupted."""
    print_in_any_encoding()
    logging.basicConfig(format="%(levelname)s: %(message)s")
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if arguments[:1] == ["edit"]:
            options = _edit_parser().parse_args(arguments[1:])
            report, sentence = _edit(options)
        else:
            options = _parser().parse_args(arguments)
            report, sentence = _draw(options) if is_motion(options.video) else _extract(options)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print_result(json.dumps(report) if options.json else sentence)
    return 0


def _program() -> str:
    """What the user typed: the installed command or the module."""
    name = Path(sys.argv[0]).stem
    return name if name == _COMMAND else "python -m pose_extraction"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_program(),
        description="Turn a video of people into a skeleton video.",
        epilog=f"'{_program()} edit --help' shows how to change keypoints.",
    )
    parser.add_argument(
        "video",
        help="a video that shows whole people; or keypoints of COCO, OpenPose, ComfyUI, AlphaPose or mmpose: a JSON"
        " file or a folder of them",
    )
    parser.add_argument("-o", "--output", required=True, metavar="MP4", help="skeleton video to write")
    parser.add_argument("--keypoints", metavar="JSON", help="also write the keypoints, in COCO's format")
    parser.add_argument(
        "--overlay", metavar="MP4", help="also write the skeletons over the video, to check them"
    )
    parser.add_argument("--estimator", choices=ESTIMATOR_NAMES, default=AUTO, help="default: %(default)s")
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="in place of the published ones: of hrnet mmpose's .pth or a .safetensors of ours, of vitpose a folder or"
        " hub id, of rtmpose, rtmo and dwpose an .onnx, of mmpose CONFIG.py,CHECKPOINT.pth",
    )
    parser.add_argument(
        "--people", default=ALL, metavar="all|largest|N[,N…]", help="whom to draw (default: %(default)s)"
    )
    parser.add_argument(
        "--smoothing",
        type=_from_zero,
        metavar="S",
        help="0 is off (default: 1; keypoints are taken as they are)",
    )
    parser.add_argument(
        "--fps",
        type=float,
        help="frames a second to take (default: all), or of keypoints whose file does not state it",
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    return parser


def _edit_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{_program()} edit", description="Change keypoints; steps run in the order listed."
    )
    parser.add_argument("keypoints", help="keypoints: a JSON file, or a folder of them")
    parser.add_argument("-o", "--output", required=True, help="keypoints (.json) or skeleton video (.mp4)")
    parser.add_argument("--people", default=ALL, metavar="all|largest|N[,N…]", help="whom to keep")
    parser.add_argument("--trim", type=_pair, metavar="FROM,TO", help="seconds to keep")
    parser.add_argument("--speed", type=float, help="2 is twice as fast")
    parser.add_argument("--loop", type=int, metavar="N", help="repeat N times")
    parser.add_argument(
        "--retarget",
        type=_body,
        metavar="BODY",
        help=BODY_HELP,
    )
    parser.add_argument("--scale", type=float, help="size of the people")
    parser.add_argument(
        "--scale-about",
        choices=get_args(edit.Fixed),
        default="picture",
        help="what keeps its place when people are scaled: the middle of the %(default)s (the default), their feet or"
        " the middle of their body",
    )
    parser.add_argument("--mirror", action="store_true", help="left becomes right")
    parser.add_argument("--shift", type=_pair, metavar="X,Y", help="pixels to the right and down")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    return parser


def _from_zero(text: str) -> float:
    with contextlib.suppress(ValueError):
        value = float(text)
        if 0 <= value < float("inf"):
            return value
    raise argparse.ArgumentTypeError(f"give a number from 0, not {text!r}")


def _pair(text: str) -> tuple[float, float]:
    with contextlib.suppress(ValueError):
        first, second = map(float, text.split(","))
        if not (math.isnan(first) or math.isnan(second)):
            return first, second
    raise argparse.ArgumentTypeError(f"give two numbers such as 0.5,4, not {text!r}")


def _body(text: str) -> str:
    try:
        check_body(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _extract(options: argparse.Namespace) -> tuple[dict[str, object], str]:
    with tqdm(unit=" frames", disable=None, leave=False) as bar:

        def show(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        result = extract_skeleton_video(
            options.video,
            options.output,
            keypoints=options.keypoints,
            overlay=options.overlay,
            estimator=options.estimator,
            weights=options.weights,
            people=options.people,
            smoothing=_DEFAULT_SMOOTHING if options.smoothing is None else options.smoothing,
            fps=options.fps,
            progress=show,
        )
    report = _report(options.video, options.output, result.motion) | {
        "keypoints": options.keypoints,
        "overlay": options.overlay,
        "estimator": result.estimator,
        "estimator_why": result.why,
        "people_found": result.people,
        "person_share": round(result.person_share, 4),
        "seconds": {phase: round(seconds, 3) for phase, seconds in result.seconds.items()},
    }
    share = f"a person in {result.person_share:.0%} of them, found by {result.estimator} ({result.why})"
    return report, f"{_sentence(options.output, result.motion)}, {share}"


def _draw(options: argparse.Namespace) -> tuple[dict[str, object], str]:
    if options.overlay or options.weights or options.estimator != AUTO:
        raise InputError(
            f"{options.video} holds keypoints; --overlay, --estimator and --weights are for a video of people."
        )
    _check_target(options.output, VIDEO_SUFFIXES, options.video)
    if options.keypoints:
        _check_target(options.keypoints, [KEYPOINT_SUFFIX], options.video)
    motion = choose(read_motion(options.video, options.fps), options.people)
    if options.smoothing is not None:
        motion = clean(motion, options.smoothing)
    write_motion(motion, options.output)
    if options.keypoints:
        write_motion(motion, options.keypoints)
    report = _report(options.video, options.output, motion) | {"keypoints": options.keypoints}
    return report, _sentence(options.output, motion)


def _edit(options: argparse.Namespace) -> tuple[dict[str, object], str]:
    _check_target(options.output, TARGET_SUFFIXES, options.keypoints)
    motion = choose(read_motion(options.keypoints), options.people)
    if options.trim:
        motion = edit.trim(motion, *options.trim)
    if options.speed is not None:
        motion = edit.speed(motion, options.speed)
    if options.loop is not None:
        motion = edit.loop(motion, options.loop)
    if options.retarget:
        motion = with_body(motion, options.retarget)
    if options.scale is not None:
        motion = edit.scale(motion, options.scale, options.scale_about)
    if options.mirror:
        motion = edit.mirror(motion)
    if options.shift:
        motion = edit.shift(motion, *options.shift)
    write_motion(motion, options.output)
    return _report(options.keypoints, options.output, motion), _sentence(options.output, motion)


def _check_target(target: str, suffixes: Sequence[str], source: str) -> None:
    """Raise InputError where the source would be overwritten, or the target would become a frame of it."""
    check_targets([target], suffixes, [source])
    beside_frames = Path(target).resolve().parent == Path(source).resolve()
    if beside_frames and Path(target).suffix.lower() == KEYPOINT_SUFFIX:
        raise InputError(f"{target} would be read as a frame of {source}; write it into another folder.")


def _report(source: str, target: str, motion: Motion) -> dict[str, object]:
    return {
        "input": source,
        "output": target,
        "frames": len(motion),
        "width": motion.width,
        "height": motion.height,
        "fps": motion.fps,
        "people": motion.keypoints.shape[1],
    }


def _sentence(target: str, motion: Motion) -> str:
    return f"{target}: {len(motion)} frames of {motion.width}x{motion.height} at {motion.fps:.4g} a second"


if __name__ == "__main__":
    sys.exit(main())
