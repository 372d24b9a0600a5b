"""The options of ``prepare-data`` and what it prints."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import Any

from tqdm import tqdm

from fyp_core.cli.argument_types import from_one
from fyp_core.preparation.filters import Filters
from pose_extraction.estimators.factory import AUTO, ESTIMATOR_NAMES


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of ``prepare-data``."""
    filters = Filters()
    add = parser.add_argument
    add(
        "input",
        help="folder of pictures; CSV or JSON Lines of path,caption; shards: folder, pattern or address",
    )
    add("output", help="folder of the set; a set that is there is completed")
    add("--estimator", choices=ESTIMATOR_NAMES, default=AUTO, help="finds the people; default: %(default)s")
    add("--weights", metavar="FILE", help="of the estimator, in place of the published ones")
    add(
        "--shard-size",
        type=from_one,
        default=500,
        metavar="N",
        help="pictures looked at; default: %(default)s",
    )
    add("--path-column", default="path", metavar="NAME", help="of a table; default: %(default)s")
    add(
        "--caption-column",
        default="caption",
        metavar="NAME",
        help="of a table, or of .json; default: %(default)s",
    )

    keep = parser.add_argument_group("what is kept").add_argument
    keep("--min-size", type=from_one, default=filters.min_size, metavar="PIXELS", help="default: %(default)s")
    keep(
        "--min-confidence",
        type=_share,
        default=filters.min_confidence,
        metavar="SCORE",
        help="of a person, 0..1; default: %(default)s",
    )
    keep(
        "--min-person",
        type=_share,
        default=filters.min_person,
        metavar="SHARE",
        help="of the picture's diagonal; default: %(default)s",
    )
    keep("--max-people", type=from_one, default=filters.max_people, metavar="N", help="default: %(default)s")

    ray = parser.add_argument_group("Ray").add_argument
    ray(
        "--address",
        metavar="HOST:PORT",
        help="a cluster that sees input and output; default: this machine",
    )
    ray("--workers", type=from_one, metavar="N", help="default: one a GPU, without GPUs one a processor")
    ray("--gpus-per-worker", type=_share, metavar="SHARE", help="default: 1 where there are GPUs")
    parser.set_defaults(run=prepare_data)


def prepare_data(options: argparse.Namespace) -> None:
    """Make image-pose pairs of a collection of pictures."""
    from fyp_core.preparation.prepare import prepare

    filters = Filters(options.min_size, options.min_confidence, options.min_person, options.max_people)
    with tqdm(desc="finding people", disable=None, leave=False, smoothing=0) as bar:

        def show(done: int, total: int, counts: Counter[str]) -> None:
            bar.total = total
            bar.set_postfix(dict(counts.most_common(4)), refresh=False)
            bar.update(done - bar.n)

        summary = prepare(
            options.input,
            options.output,
            estimator=options.estimator,
            weights=options.weights,
            filters=filters,
            shard_size=options.shard_size,
            path_column=options.path_column,
            caption_column=options.caption_column,
            address=options.address,
            workers=options.workers,
            gpus_per_worker=options.gpus_per_worker,
            progress=show,
        )
    print(json.dumps(summary) if options.json else _sentence(summary))


def _sentence(summary: dict[str, Any]) -> str:
    sentence = "{output}: {kept} of {seen} pictures with {people} people in {shards} shards".format(**summary)
    if summary["rejected"]:
        sentence += "; left out: " + ", ".join(f"{n} {reason}" for reason, n in summary["rejected"].items())
    if summary["run"]["seen"]:
        sentence += "; {seen} looked at now, {pictures_per_second:g} a second".format(**summary["run"])
    return sentence


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"give a number within 0 and 1, not {text!r}")
    return value
