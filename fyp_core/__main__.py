"""``python -m fyp_core``: generate videos, convert and list models from the command line."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from tqdm import tqdm

from fyp_core.cli import evaluate as evaluate_command
from fyp_core.cli import export as export_command
from fyp_core.cli import prepare_data as preparation
from fyp_core.cli import serve as serve_command
from fyp_core.generation.device import ATTENTION_BACKENDS, AUTO_DTYPE, DTYPES, Runtime, torch_dtype
from fyp_core.generation.engine import Engine
from fyp_core.generation.framing import FITS
from fyp_core.generation.guide import fine_skeletons
from fyp_core.generation.job import Job, Progress
from fyp_core.generation.metadata import read_settings
from fyp_core.generation.output import OUTPUT_SUFFIXES, save_video
from fyp_core.generation.request import INPUT_TYPES, GenerationRequest
from fyp_core.generation.rerun import decided_by, differences, pick, repeated
from fyp_core.generation.result_size import ASPECTS
from fyp_core.presets import PRESETS
from fyp_core.schedulers import SCHEDULER_NAMES
from fyp_core.weights.checkpoints import folder_size, list_models
from fyp_core.weights.sources import AUTO, MODEL_NAMES, Additions, resolve_model
from fyp_media.errors import InputError
from fyp_media.files import check_targets
from fyp_media.terminal import print_in_any_encoding
from pose_extraction.estimators.factory import ESTIMATORS_WITH_WEIGHTS
from pose_extraction.motion.body import BODY_HELP

PROJECT = "follow-your-pose"
_SOURCES = {"skeleton": "a skeleton video", "keypoints": "keypoints"}
OK, UNEXPECTED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 2 for bad input, 1 for anything unexpected."""
    print_in_any_encoding()
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(levelname)s: %(message)s", level="INFO" if options.debug else "ERROR")
    if not options.debug:
        _quiet_libraries()
    try:
        options.run(options)
    except InputError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if options.debug:
            raise
        print(f"Unexpected {type(error).__name__}: {error}; --debug shows where.", file=sys.stderr)
        return UNEXPECTED
    return OK


def generate(options: argparse.Namespace) -> None:
    """Generate one video."""
    given = {name: value for name, value in vars(options).items() if value is not None}
    if keypoints := given.pop("keypoints", None):
        if "input" in given:
            raise InputError("Both --input and --keypoints are given; give one of them.")
        given |= {"input": keypoints, "input_type": "keypoints"}
    before = read_settings(options.like) if options.like else {}
    values = repeated(before, given) if options.like else given
    for name in ("input", "prompt"):
        if name not in values:
            raise InputError(f"There is no {name}; give one with --{name}.")
    targets = [options.output, *([options.skeleton_output] if options.skeleton_output else [])]
    check_targets(targets, OUTPUT_SUFFIXES, sources=filter(None, (values["input"], options.like)))
    request = pick(GenerationRequest, values)
    engine = Engine(values.get("model", AUTO), pick(Additions, values), pick(Runtime, values))
    with _ProgressBar() as bar:
        job = Job(bar.show)
        guide = engine.prepare(request, job)  # before the model, so that a bad video is told at once
        report = engine.render_file(options.output, request, guide, job, with_paths=True)
        source = engine.load()
    settings = report.settings(with_paths=True)
    if options.skeleton_output:
        save_video(options.skeleton_output, fine_skeletons(request, guide), guide.fps)

    notices = [source.note, *report.notices] if source.note else list(report.notices)
    if options.like and (others := differences(before, settings, ignored=decided_by(given))):
        notices.append(f"The video may not be the same as {options.like}: different {', '.join(others)}.")
    _tell(
        options,
        {
            "output": options.output,
            "skeleton": options.skeleton_output,
            **settings,
            "seconds": report.seconds,
            "memory": report.memory,
            "notices": notices,
        },
    )


def _tell(options: argparse.Namespace, report: dict[str, Any]) -> None:
    for notice in report["notices"]:
        print(notice, file=sys.stderr)
    if options.json:
        print(json.dumps(report))
    else:
        line = (
            "{output}: {frames} frames of {width}x{height} at {fps:.4g} a second, "
            "model {model}, seed {seed}, {steps} steps, guidance {guidance:g}"
        )
        pose = ", pose by {estimator}" if report["estimator"] else f", from {_SOURCES[report['input_type']]}"
        print((line + pose).format(**report))


def convert(options: argparse.Namespace) -> None:
    """Rewrite a model in this project's layout."""
    # imports diffusers, which takes seconds
    from fyp_core.weights.convert import check_target, convert_model

    check_target(options.target)
    source = resolve_model(options.source)
    convert_model(source, options.target, torch_dtype(options.dtype), standalone=options.standalone)
    size = folder_size(options.target)
    if options.json:
        print(json.dumps({"target": str(options.target), "dtype": options.dtype, "size": size}))
    else:
        print(f"{options.target}: {size / 1e6:,.1f} MB in {options.dtype}")


def demo(_options: argparse.Namespace) -> None:
    """Serve the page."""
    from fyp_page.server import serve_from_environment

    serve_from_environment()


def models(options: argparse.Namespace) -> None:
    """Tell which models are on this machine."""
    found = list_models()
    if options.json:
        print(json.dumps([{**vars(model), "parts": list(map(str, model.parts))} for model in found]))
        return
    for model in found:
        state = f"missing: {', '.join(model.missing)}" if model.missing else "ready"
        print(f"{model.name:<18} {model.size / 1e6:>8,.1f} MB  {state}")
        for line in (*model.parts, *model.revisions):
            print(f"{'':<18} {line}")


def evaluate(options: argparse.Namespace) -> None:
    """Measure a model."""
    print(evaluate_command.evaluate_model(options))


class _ProgressBar:
    """One bar on standard error, begun anew for every phase; silent where that is not a terminal."""

    def __enter__(self) -> _ProgressBar:
        self._bar = tqdm(disable=None, leave=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def show(self, progress: Progress) -> None:
        if progress.step == 0:
            self._bar.reset(progress.total)
            self._bar.set_description(progress.phase)
        self._bar.update(progress.step - self._bar.n)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m fyp_core", description="Pose-guided text-to-video generation.")
    parser.add_argument("--version", action="version", version=f"Follow Your Pose {version(PROJECT)}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_generate(commands.add_parser("generate", help="a video and a sentence in, a video out"))
    export_command.add_options(
        commands.add_parser("export", help="a generated video as GIF, frames or beside its source")
    )
    _add_convert(commands.add_parser("convert", help="write a model in this project's layout"))
    _add_evaluate(commands.add_parser("evaluate", help="measure a model where the truth is known"))
    preparation.add_options(commands.add_parser("prepare-data", help="make image-pose pairs of pictures"))
    _add_demo(
        commands.add_parser("demo", help="serve the page; HOST, PORT and FYP_MODEL say where and which")
    )
    serve_command.add_options(commands.add_parser("serve", help="start replicas of a model on Ray Serve"))
    _add_models(commands.add_parser("models", help="list the models on this machine"))
    for command in commands.choices.values():
        command.add_argument("--json", action="store_true", help="print the result as one JSON object")
        command.add_argument("--debug", action="store_true", help="show log messages and where errors arise")
    return parser


def _add_generate(parser: argparse.ArgumentParser) -> None:
    """Options stand for fields of the request, the additions and the runtime; absent ones are None."""
    request, runtime = GenerationRequest(input="", prompt=""), Runtime()
    add = parser.add_argument
    add("--input", metavar="FILE", help="video of people, skeleton video, or keypoints")
    add("--input-type", choices=INPUT_TYPES, help="default: told from the input itself")
    add("--keypoints", metavar="JSON", help="keypoints as the input: a file or a folder of them")
    add("--prompt", metavar="TEXT", help='for example "an astronaut on the beach"')
    add("--output", required=True, metavar="FILE", help="video to write: .mp4 or .gif")
    add("--skeleton-output", metavar="FILE", help="also write the skeleton video it follows")
    add("--like", metavar="VIDEO", help="repeat a generated video; other options change what they name")
    add("--frames", type=int, metavar="N", help=f"default: {request.frames}")
    add("--stride", type=int, metavar="K", help=f"take every Kth frame; default: {request.stride}")
    add("--start", type=int, metavar="K", help=f"first frame; default: {request.start}")
    add("--crop", type=_crop, metavar="L,R,T,B", help="pixels to cut off each side")
    add("--steps", type=int, metavar="N", help="denoising steps; default: the model's own")
    add("--guidance", type=float, metavar="G", help="weight of the prompt; default: the model's own")
    add("--negative-prompt", metavar="TEXT", help="what to avoid")
    add("--width", type=int, metavar="PX", help="of the result, a multiple of 8; default: the model's own")
    add("--height", type=int, metavar="PX", help="likewise")
    add("--fit", choices=FITS, help="what is shown of the input; default: people, of skeleton videos cover")
    add("--follow", action="store_true", default=None, help="the window of people moves slowly with them")
    add("--aspect", metavar="W:H", help=f"of the result: {', '.join(ASPECTS)}, …; default: the model's own")
    add("--no-sound", dest="sound", action="store_false", default=None, help="leave the input's sound out")
    add("--seed", type=int, metavar="S", help="repeats a video; default: drawn and told")
    add(
        "--guidance-end", type=float, metavar="S", help="share of the steps after which guidance is off, 0..1"
    )
    add(
        "--guidance-rescale", type=float, metavar="S", help="against contrast from guidance, 0..1; default: 0"
    )
    add(
        "--reuse",
        type=int,
        metavar="N",
        help="compute the whole network in one step of N; default: the preset's",
    )
    add("--preset", choices=PRESETS, help=f"how much work is saved; default: {request.preset}")
    add("--scheduler", choices=SCHEDULER_NAMES, help="default: the preset's")
    add("--eta", type=float, metavar="E", help=f"fresh noise of ddim and tcd, 0..1; default: {request.eta:g}")
    pose = parser.add_argument_group("pose, of videos of people and of keypoints").add_argument
    pose("--estimator", choices=ESTIMATORS_WITH_WEIGHTS, help="finds the people in a raw video")
    pose("--people", metavar="all|largest|N[,N…]", help=f"who is followed; default: {request.people}")
    pose("--smoothing", type=float, metavar="S", help="of the movement, 0 is off; default: 1, of keypoints 0")
    pose("--pose-scale", type=float, metavar="F", help="size of the people; their feet keep their place")
    pose("--retarget", metavar="BODY", help=BODY_HELP)
    pose("--mirror", action="store_true", default=None, help="left becomes right")

    model = parser.add_argument_group("model").add_argument
    model("--model", help=f"{', '.join(MODEL_NAMES)}, a folder or a hub id; default: {AUTO}")
    model("--base", metavar="SD", help="another Stable Diffusion 1.x: folder, .safetensors, .ckpt or hub id")
    model("--vae", help="another autoencoder: folder, .safetensors, .ckpt or hub id")
    model("--lora", dest="loras", type=str, action="append", metavar="FILE[:WEIGHT]", help="may be repeated")
    model(
        "--embedding", dest="embeddings", action="append", metavar="FILE", help="textual inversion; likewise"
    )

    device = parser.add_argument_group("device").add_argument
    device("--device", help="cuda, cuda:1 or cpu; default: a GPU where there is one")
    device("--dtype", choices=(AUTO_DTYPE, *DTYPES), help=f"number format; default: {runtime.dtype}")
    device("--attention", choices=ATTENTION_BACKENDS, help=f"default: {runtime.attention}")
    device("--low-vram", action="store_true", default=None, help="slower, in a fraction of the GPU's memory")
    device(
        "--compile", action="store_true", default=None, help="the first step takes longer, the others less"
    )
    parser.set_defaults(run=generate)


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=demo)


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=models)


def _add_convert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help=f"{', '.join(MODEL_NAMES)}, a folder or a hub id")
    parser.add_argument("target", type=Path, help="folder to write; a model that is there is replaced")
    parser.add_argument(
        "--dtype", choices=DTYPES, default="fp32", help="of the weights; default: %(default)s"
    )
    parser.add_argument(
        "--standalone", action="store_true", help="copy Stable Diffusion too, not only refer to it"
    )
    parser.set_defaults(run=convert)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    evaluate_command.add_options(parser)
    parser.set_defaults(run=evaluate)


def _crop(text: str) -> tuple[int, int, int, int]:
    try:
        left, right, top, bottom = map(int, text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"give left,right,top,bottom in pixels, not {text!r}") from error
    return left, right, top, bottom


def _quiet_libraries() -> None:
    """What a user can act on is in the result's notices."""
    warnings.simplefilter("ignore")
    for library in ("TRANSFORMERS", "DIFFUSERS"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")


if __name__ == "__main__":
    sys.exit(main())
