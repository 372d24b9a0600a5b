"""``evaluate``: measures a model, or several of its variants."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fyp_core.cli.options import add_setting_options, given_settings
from fyp_core.evaluation.settings import GROUPS, EvaluationSettings
from fyp_core.settings import validated
from fyp_media.files import check_target, replacing

if TYPE_CHECKING:
    from fyp_core.evaluation import SourceResult

_OUTPUT_HELP = (
    "JSON to write; beside it are written Markdown, a picture sheet, and a .jsonl with which the same command"
    " continues after an interruption"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of ``evaluate``."""
    parser.add_argument(
        "--sources",
        nargs="+",
        metavar="NAME",
        help="what to measure: renders, autoencoder, model, 'pose off', …",
    )
    parser.add_argument(
        "--sheet", type=Path, metavar="FILE", help="PNG to write: first, best and worst clips"
    )
    add_protocol(parser)
    parser.set_defaults(run=evaluate)


def add_protocol(parser: argparse.ArgumentParser) -> None:
    """An option for each field of :class:`EvaluationSettings`, and the file to write."""
    parser.add_argument("--output", type=Path, metavar="FILE", help=_OUTPUT_HELP)
    groups = {name: parser.add_argument_group(title) for name, title in GROUPS.items()}
    add_setting_options(parser, EvaluationSettings, groups=groups)


def evaluation_settings(options: argparse.Namespace, **changes: Any) -> EvaluationSettings:
    """The settings that the options of :func:`add_protocol` give.

    Raises:
        InputError: a value is of the wrong type or out of its range.
    """
    return validated(EvaluationSettings, given_settings(options, EvaluationSettings) | changes, "--")


def evaluate(options: argparse.Namespace) -> None:
    """Measure a model."""
    print(evaluate_model(options))


def evaluate_model(options: argparse.Namespace) -> str:
    """Measure a model on cases with ground truth; returns the summary, or everything as JSON."""
    from fyp_core.evaluation import as_json, as_summary, measure_model, save_gallery
    from fyp_core.evaluation.variants import DEFAULT_SOURCES, MODEL

    settings = evaluation_settings(options)
    sources = options.sources or DEFAULT_SOURCES
    output, sheet = options.output, options.sheet
    if output:
        check_target(output, ".json")
        sheet = sheet or output.with_suffix(".png")
    if sheet:
        check_target(sheet, ".png")
    done = measure_model(settings, sources, output and output.with_suffix(".jsonl"))
    if sheet:
        shown = MODEL if MODEL in sources else done.results[-1].source
        save_gallery(sheet, done.engine.pipeline, shown, done.cases, done.records, done.sampling)
    if output:
        write_results(output, done.results, done.protocol)
    return json.dumps(as_json(done.results, done.protocol)) if options.json else as_summary(done.results)


def write_results(output: Path, results: list[SourceResult], protocol: dict[str, Any]) -> None:
    """Write JSON, and Markdown beside it."""
    from fyp_core.evaluation import as_document, as_json

    with replacing(output) as partial:
        Path(partial).write_text(json.dumps(as_json(results, protocol), indent=1))
    with replacing(output.with_suffix(".md")) as partial:
        Path(partial).write_text(as_document(results, protocol))
