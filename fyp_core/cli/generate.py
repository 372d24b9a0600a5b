"""``generate``: makes a video."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from tqdm import tqdm

from fyp_core.cli.options import add_setting_options, given_settings
from fyp_core.cli.signals import sigterm_as_interrupt
from fyp_core.generation.device import Runtime
from fyp_core.generation.engine import Engine
from fyp_core.generation.guide import fine_skeletons
from fyp_core.generation.job import Job, Progress
from fyp_core.generation.length import DEFAULT_RATE, sample_input
from fyp_core.generation.metadata import read_settings
from fyp_core.generation.output import OUTPUT_SUFFIXES, save_video
from fyp_core.generation.request import GenerationRequest
from fyp_core.generation.rerun import decided_by, differences, pick, repeated
from fyp_core.weights.sources import AUTO, MODEL_NAMES, Additions
from fyp_media.errors import InputError
from fyp_media.files import check_targets
from fyp_media.terminal import print_result
from pose_extraction.estimators.factory import estimate_beside

_MODELS = (GenerationRequest, Additions, Runtime)
_GROUPS = {"pose": "pose, of videos of people and of keypoints", "model": "model", "device": "device"}
_SOURCES = {"skeleton": "a skeleton video", "keypoints": "keypoints"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser an option for each setting of a generation, and those that say what to read and write."""
    parser.add_argument(
        "--keypoints", metavar="JSON", help="keypoints as the input: a file or a folder of them"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help="length, in place of --frames; with --fps: to the input's end",
    )
    parser.add_argument(
        "--fps",
        type=float,
        metavar="R",
        help=f"frames a second, in place of --stride; with --seconds: {DEFAULT_RATE:g}",
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="video to write: .mp4 or .gif")
    parser.add_argument("--skeleton-output", metavar="FILE", help="also write the skeleton video it follows")
    parser.add_argument(
        "--like",
        metavar="VIDEO",
        help="take the settings of a generated video; options given beside it replace them",
    )
    groups = {name: parser.add_argument_group(title) for name, title in _GROUPS.items()}
    groups["model"].add_argument(
        "--model",
        default=argparse.SUPPRESS,
        help=f"{', '.join(MODEL_NAMES)}, a folder or a hub id; default: {AUTO}",
    )
    add_setting_options(parser, *_MODELS, groups=groups)
    parser.set_defaults(run=generate)


@sigterm_as_interrupt()
def generate(options: argparse.Namespace) -> None:
    """Generate one video.

    Raises:
        InputError: a setting, the input or the model cannot work, or the output cannot be written.
    """
    estimate_beside()
    with _ProgressBar() as bar:
        given = _given(options)
        before = read_settings(options.like) if options.like else {}
        values = repeated(before, given) if options.like else given
        for name in ("input", "prompt"):
            if name not in values:
                raise InputError(f"There is no {name}; give one with --{name}.")
        length = _length(options, values)
        given, values = given | length, values | length
        targets = [options.output, *([options.skeleton_output] if options.skeleton_output else [])]
        check_targets(targets, OUTPUT_SUFFIXES, sources=filter(None, (values["input"], options.like)))
        engine = Engine(values.get("model", AUTO), pick(Additions, values), pick(Runtime, values))
        if not {"frames", "stride"} & values.keys() and (usual := engine.default_size).fps is not None:
            values |= _frames(pick(GenerationRequest, values), usual.seconds, usual.fps)
        request = pick(GenerationRequest, values)
        job = Job(bar.show)
        guide = engine.prepare(request, job)  # before the model, so that a bad video is refused at once
        if request.input_type == "auto":
            bar.print(guide.read_as)
        report = engine.render_file(options.output, request, guide, job, with_paths=True)
        if options.skeleton_output:
            save_video(options.skeleton_output, fine_skeletons(request, guide), guide.fps)
        note = engine.load().note
    settings = report.settings(with_paths=True)
    notices = [note, *report.notices] if note else list(report.notices)
    if options.like and (others := differences(before, settings, ignored=decided_by(given))):
        notices.append(f"The video may not be the same as {options.like}: different {', '.join(others)}.")
    _print_report(
        options,
        {
            "output": options.output,
            "skeleton": options.skeleton_output,
            "read_as": guide.read_as,
            **settings,
            "seconds": report.seconds,
            "memory": report.memory,
            "notices": notices,
        },
    )


def _given(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that are given by options of their own."""
    given = given_settings(options, *_MODELS)
    if "model" in options:
        given["model"] = options.model
    if options.keypoints:
        if "input" in given:
            raise InputError("Both --input and --keypoints are given; give one of them.")
        given |= {"input": options.keypoints, "input_type": "keypoints"}
    return given


def _length(options: argparse.Namespace, values: dict[str, Any]) -> dict[str, float]:
    """Frames and stride, where a length in seconds or a rate is given."""
    if options.seconds is None and options.fps is None:
        return {}
    if "frames" in options or "stride" in options:
        raise InputError("Give --seconds and --fps, or --frames and --stride, but not both.")
    return _frames(pick(GenerationRequest, values), options.seconds, options.fps)


def _frames(request: GenerationRequest, seconds: float | None, rate: float | None) -> dict[str, float]:
    """Frames and stride for a length and a rate."""
    used = sample_input(request.input, request.start, seconds, rate)
    return {"frames": used.count, "stride": used.stride}


def _print_report(options: argparse.Namespace, report: dict[str, Any]) -> None:
    for notice in report["notices"]:
        print(notice, file=sys.stderr)
    if options.json:
        print_result(json.dumps(report))
    else:
        line = (
            "{output}: {frames} frames of {width}x{height} at {fps:.4g} a second, "
            "model {model}, seed {seed}, {steps} steps, guidance {guidance:g}"
        )
        pose = ", pose by {estimator}" if report["estimator"] else f", from {_SOURCES[report['input_type']]}"
        print_result((line + pose).format(**report))


class _ProgressBar:
    """A bar on standard error, restarted for every phase; not shown where that is not a terminal."""

    def __enter__(self) -> _ProgressBar:
        self._bar = tqdm(desc="start", disable=None, leave=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def print(self, line: str) -> None:
        """A line on standard error, above the bar."""
        self._bar.write(line, file=sys.stderr)

    def show(self, progress: Progress) -> None:
        if progress.step == 0:
            self._bar.reset(progress.total)
            self._bar.set_description(progress.phase)
        self._bar.update(progress.step - self._bar.n)
