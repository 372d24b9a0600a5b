"""``python -m fyp_core evaluate``: its options, and what it does with them."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fyp_core.cli.argument_types import from_one, from_zero
from fyp_core.generation.device import AUTO_DTYPE, DTYPES, Runtime
from fyp_core.generation.engine import Engine
from fyp_core.generation.request import InputType
from fyp_core.weights.checkpoints import bundled
from fyp_core.weights.hashes import file_hash, model_hash
from fyp_core.weights.sources import AUTO, MODEL_NAMES
from fyp_media.errors import InputError
from fyp_media.files import check_target, replacing
from pose_extraction.estimators.factory import ESTIMATORS_WITH_WEIGHTS

if TYPE_CHECKING:
    from fyp_core.evaluation import Records, Result, Shot

_SIZE_OF_HASH = 12  # characters: enough to tell two files apart
_OUTPUT_HELP = (
    "JSON to write; Markdown and a picture sheet go beside it, and a .jsonl from which the same command goes on"
    " after an interruption"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--sources",
        nargs="+",
        metavar="NAME",
        help="what to look at: renders, autoencoder, model, 'pose off', …",
    )
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE", help="PNG to write: first, best and worst clips"
    )
    add_protocol(parser)


def add_protocol(parser: argparse.ArgumentParser) -> None:
    """The options of a model, what it has to show, and who judges it."""
    add = parser.add_argument
    add("--model", default=AUTO, help=f"{', '.join(MODEL_NAMES)} or a folder; default: %(default)s")
    add("--clips", type=from_one, default=24, metavar="N", help="of each kind; default: %(default)s")
    add("--frames", type=from_one, default=8, metavar="N", help="of each clip; default: %(default)s")
    add("--seed", type=from_zero, default=0, metavar="S", help="of the clips; default: %(default)s")
    add("--seeds", type=from_one, default=1, metavar="N", help="of the noise; default: %(default)s")
    add("--output", type=Path, metavar="FILE", help=_OUTPUT_HELP)

    motion = parser.add_argument_group("motions other than the procedural world's").add_argument
    motion(
        "--skeleton", nargs="+", type=Path, default=[], metavar="FILE", help="skeleton videos, keypoint files"
    )
    motion("--raw", nargs="+", type=Path, default=[], metavar="VIDEO", help="videos of a person")
    motion(
        "--prompt", nargs="+", default=[], metavar="TEXT", help="default: sentences of the procedural world"
    )
    motion(
        "--stride", type=from_one, default=5, metavar="K", help="take every Kth frame; default: %(default)s"
    )
    motion(
        "--estimator",
        choices=ESTIMATORS_WITH_WEIGHTS,
        default=ESTIMATORS_WITH_WEIGHTS[0],
        help="finds the person",
    )

    judge = parser.add_argument_group("judges").add_argument
    judge("--judges", type=Path, metavar="DIR", help="folder of those that look; default: checkpoints/judges")
    judge("--clip", metavar="CLIP", help="a CLIP, folder or hub id: adds CLIPScore, and compares neighbours")

    sampling = parser.add_argument_group("sampling").add_argument
    sampling("--steps", type=from_one, metavar="N", help="denoising steps; default: the model's own")
    sampling("--guidance", type=float, metavar="G", help="weight of the prompt; default: the model's own")
    sampling("--batch", type=from_one, default=4, metavar="N", help="clips at once; default: %(default)s")
    sampling("--dtype", choices=(AUTO_DTYPE, *DTYPES), default=AUTO_DTYPE, help="number format")


@dataclass(frozen=True)
class Evaluation:
    """What was measured, and all that a picture sheet needs."""

    results: list[Result]
    settings: dict[str, Any]
    engine: Engine
    shots: list[Shot]
    records: Records
    sampling: dict[str, Any]


def evaluate_model(options: argparse.Namespace) -> str:
    """Measure a model where the truth is known; returns the summary, or everything as JSON."""
    from fyp_core.evaluation import as_json, as_summary, save_gallery
    from fyp_core.evaluation.sources import MODEL, USUAL_SOURCES

    sources = options.sources or USUAL_SOURCES
    output, sheet = options.output, options.sheet
    if output:
        check_target(output, ".json")
        sheet = sheet or output.with_suffix(".png")
    if sheet:
        check_target(sheet, ".png")
    done = measure(options, options.model, sources, output and output.with_suffix(".jsonl"))
    if sheet:
        shown = MODEL if MODEL in sources else done.results[-1].source
        save_gallery(sheet, done.engine.pipeline, shown, done.shots, done.records, done.sampling)
    if output:
        write_results(output, done.results, done.settings)
    return json.dumps(as_json(done.results, done.settings)) if options.json else as_summary(done.results)


def measure(
    options: argparse.Namespace, model: str, sources: Sequence[str], records_file: Path | None
) -> Evaluation:
    """Evaluate one model by the protocol that the options describe.

    Raises:
        InputError: a source, a judge, a model or a video cannot be had, two videos have one name, the model has
            another shape than the procedural world, or the records are of another evaluation.
    """
    from fyp_core.evaluation import Records, check_names, check_sources, evaluate
    from fyp_core.evaluation.clip_score import ClipJudge
    from fyp_core.evaluation.judges import Judges

    motions = [*options.skeleton, *options.raw]
    check_sources(sources, right_frames=not motions)
    check_names(motions)
    folder = options.judges or bundled("judges")
    judges = Judges.load(folder)
    clip = ClipJudge.load(options.clip) if options.clip else None
    engine = Engine(model, runtime=Runtime(dtype=options.dtype))
    config = engine.pipeline.config
    shots = _shots(options, (config.default_height, config.default_width))
    settings = _settings(options, engine, folder)
    records = Records(records_file, settings)
    sampling = {"num_inference_steps": options.steps, "guidance_scale": options.guidance}
    results = evaluate(
        engine.pipeline,
        judges,
        shots,
        sources=sources,
        seeds=options.seeds,
        batch=options.batch,
        sampling=sampling,
        clip=clip,
        records=records,
    )
    return Evaluation(results, settings, engine, shots, records, sampling)


def write_results(output: Path, results: list[Result], settings: dict[str, Any]) -> None:
    """Write JSON, and Markdown beside it."""
    from fyp_core.evaluation import as_document, as_json

    with replacing(output) as partial:
        Path(partial).write_text(json.dumps(as_json(results, settings), indent=1))
    with replacing(output.with_suffix(".md")) as partial:
        Path(partial).write_text(as_document(results, settings))


def _shots(options: argparse.Namespace, size: tuple[int, int]) -> list[Shot]:
    """Of the model's height and width."""
    from fyp_core.evaluation import PAIRS, motion_shots, world_shots

    given: list[tuple[InputType, Path]] = [
        *(("skeleton", path) for path in options.skeleton),
        *(("raw", path) for path in options.raw),
    ]
    if not given:
        height, width = size
        if height != width:
            raise InputError(
                f"The procedural world is square and the model {width}×{height}; measure it on motions of your own,"
                " with --raw or --skeleton."
            )
        return [
            shot
            for pairs in PAIRS
            for shot in world_shots(pairs, options.clips, options.frames, height, options.seed)
        ]
    return [
        shot
        for kind, path in given
        for shot in motion_shots(
            path,
            kind,
            options.prompt,
            options.clips,
            options.frames,
            size,
            stride=options.stride,
            seed=options.seed,
            estimator=options.estimator,
        )
    ]


def _settings(options: argparse.Namespace, engine: Engine, judges: Path) -> dict[str, Any]:
    """What the numbers of a clip depend on."""
    from fyp_core.evaluation.judges import CLASSIFIER_FILE, POSE_FILE

    source = engine.load()
    config = engine.pipeline.config
    videos = [*options.skeleton, *options.raw]
    of_videos = {
        "videos": {path.name: _motion_hash(path)[:_SIZE_OF_HASH] for path in videos},
        "clips": options.clips,
        "prompts": options.prompt,
        "stride": options.stride,
        "estimator": options.estimator,
    }
    return {
        "model": source.name,
        "weights": model_hash(source)[:_SIZE_OF_HASH],
        "number format": str(engine.pipeline.unet.dtype).removeprefix("torch."),
        "judges": [file_hash(judges / name)[:_SIZE_OF_HASH] for name in (POSE_FILE, CLASSIFIER_FILE)],
        "CLIP": os.fspath(options.clip) if options.clip else None,
        "frames": options.frames,
        "seed of the clips": options.seed,
        "steps": options.steps or config.default_num_inference_steps,
        "guidance": config.default_guidance_scale if options.guidance is None else options.guidance,
        "guide pose": config.default_guide_pose,
        **(of_videos if videos else {}),
    }


def _motion_hash(path: Path) -> str:
    """Of a file, or of OpenPose's in a folder."""
    from pose_extraction.keypoint_files import frame_files

    if not path.is_dir():
        return file_hash(path)
    return hashlib.sha256("".join(map(file_hash, frame_files(path))).encode()).hexdigest()
