"""The paper's comparison at the size of mini: what each part of the method brings.

``python -m benchmarks.paper_table --model mini --stage-1 DIR --one-stage DIR --tune-steps 200 --clips 96 --frames 16
--seeds 3 --output output/paper_table.json``

All rows follow the same motions with the same sentences and the same noise. An interrupted run continues with the same
command.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fyp_core.cli.evaluate import add_protocol, evaluation_settings, write_results
from fyp_core.evaluation import Case, Evaluation, SourceResult, as_summary, measure_model
from fyp_core.evaluation.variants import prepared, show
from fyp_core.generation.device import Runtime
from fyp_core.generation.engine import Engine
from fyp_core.unet import without_temporal_layers
from fyp_media.contact_sheet import save_sheet
from fyp_media.errors import InputError
from fyp_media.files import check_target

_SHOWN_CLIPS, _SHOWN_FRAMES = 4, 8


@dataclass(frozen=True)
class Row:
    """One method.

    model: name or folder; "" where none was given.
    source: see :mod:`fyp_core.evaluation.variants`.
    needs: the option that gives the model.
    """

    name: str
    model: str
    source: str = "model"
    needs: str = "--model"

    @property
    def slug(self) -> str:
        return "".join(letter if letter.isalnum() else "_" for letter in self.name)


def rows_of(options: argparse.Namespace, tuned: str) -> list[Row]:
    """All methods of the comparison; the image model is stage 1's where it is given, else that inside the model."""
    images = options.stage_1 or options.model
    return [
        Row("full method", options.model),
        Row("no temporal layers: frame by frame, independent noise", images, "frame by frame"),
        Row("no temporal layers: frame by frame, shared noise", images, "frame by frame, shared noise"),
        Row("cross-frame attention only, independent noise", images, "cross-frame attention only"),
        Row("cross-frame attention only, shared noise", images, "cross-frame attention only, shared noise"),
        Row("no pose encoder", options.model, "pose off"),
        Row("pose encoder and all else in one stage", options.one_stage, needs="--one-stage"),
        Row("tuned on one clip, as Tune-A-Video", tuned, needs="--tune-steps or --one-clip"),
    ]


def tune_on_one_clip(options: argparse.Namespace, folder: Path) -> str:
    """Stage 2 on a single clip (Wu et al. 2022, arXiv 2212.11565) from a model without temporal layers; its folder."""
    from fyp_core.training.config_file import load_config
    from fyp_core.training.loop import train
    from fyp_core.training.stage import create_stage

    start = options.stage_1 or _without_temporal_layers(options.model, folder / "image_model")
    overrides = {
        "pretrained_model_path": start,
        "output_dir": folder,
        "train_data.clips": 1,
        "train_data.n_sample_frames": options.frames,
        "train_data.cache": folder / "clip",
        "train_batch_size": 1,
        "max_train_steps": options.tune_steps,
        "validation_steps": options.tune_steps + 1,  # the sheet shows it
        "text_dropout": 0.0,
        "ema_decay": 0.0,
    }
    config = load_config(options.tune_config, [f"{name}={value}" for name, value in overrides.items()])
    return str(train(create_stage(config), config))


def _without_temporal_layers(model: str, folder: Path) -> str:
    pipeline = Engine(model, runtime=Runtime(dtype="fp32")).pipeline
    pipeline.unet = without_temporal_layers(pipeline.unet)
    shutil.rmtree(folder, ignore_errors=True)
    pipeline.save_pretrained(folder)
    return str(folder)


def compare(options: argparse.Namespace) -> str:
    """Measure all rows whose model is there, write the report, and return the summary."""
    output: Path = options.output
    check_target(output, ".json")
    parts = output.with_suffix(".parts")
    tuned = options.one_clip or (tune_on_one_clip(options, parts / "one_clip") if options.tune_steps else "")
    rows = rows_of(options, tuned)
    results: list[SourceResult] = []
    methods: dict[str, str] = {}
    videos: dict[str, list[np.ndarray]] = {}
    for row in filter(lambda row: row.model, rows):
        done = measure_model(
            evaluation_settings(options, model=row.model), [row.source], parts / f"{row.slug}.jsonl"
        )
        results += [replace(result, source=row.name) for result in done.results]
        common = dict(done.protocol)
        methods[row.name] = f"{common.pop('model')} {common.pop('weights')}, {row.source}"
        videos[row.name] = _show(done, row.source)
    left_out = [f"{row.name} (needs {row.needs})" for row in rows if not row.model]
    write_results(output, results, common | {"methods": methods, "left out": left_out})
    _save_sheet(output.with_suffix(".png"), _shown(done.cases), videos)
    return "\n".join([as_summary(results), *(f"Left out: {name}" for name in left_out)])


def _shown(cases: Sequence[Case]) -> list[Case]:
    """Not chosen: evenly spread."""
    return [cases[i] for i in np.linspace(0, len(cases) - 1, min(_SHOWN_CLIPS, len(cases))).astype(int)]


def _show(done: Evaluation, source: str) -> list[np.ndarray]:
    pipeline = done.engine.pipeline
    with prepared(pipeline, source):
        return [show(pipeline, source, [case], 0, done.sampling)[0] for case in _shown(done.cases)]


def _save_sheet(path: Path, cases: Sequence[Case], videos: dict[str, list[np.ndarray]]) -> None:
    """Of every case the skeletons, and below them what each method made of them."""
    rows, titles = [], []
    for index, case in enumerate(cases):
        shown = np.linspace(0, len(case.skeletons) - 1, _SHOWN_FRAMES).round().astype(int)
        rows += [case.skeletons[shown], *(made[index][shown] for made in videos.values())]
        titles += [f"{case.group.replace('_', '-')}: {case.prompt}", *videos]
    save_sheet(path, rows, titles)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_protocol(parser)
    parser.set_defaults(output=Path("output/paper_table.json"))
    rows = parser.add_argument_group("rows; those whose model is not given are left out").add_argument
    rows("--stage-1", default="", metavar="DIR", help="before the temporal stage; default: images of --model")
    rows("--one-stage", default="", metavar="DIR", help="pose encoder and all else trained together")
    rows("--one-clip", default="", metavar="DIR", help="tuned on one clip, in place of --tune-steps")
    rows("--tune-steps", type=int, default=0, metavar="N", help="steps of the trainer on one clip")
    rows("--tune-config", default="configs/mini_temporal.yaml", metavar="YAML", help="its other settings")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)
    try:
        print(compare(options))
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
