"""``prepare-data``: makes image-pose pairs of a collection of pictures."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import Any

from tqdm import tqdm

from fyp_core.cli.options import add_setting_options, given_settings
from fyp_core.preparation.filters import Filters
from fyp_core.preparation.settings import GROUPS, PreparationSettings
from fyp_core.settings import validated


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the command: what is read and written, and one for each field of its settings."""
    add = parser.add_argument
    add(
        "input",
        help="folder of pictures; CSV or JSON Lines of path,caption; shards: folder, pattern or address",
    )
    add("output", help="folder of the set; a set that is there is completed")
    groups = {name: parser.add_argument_group(title) for name, title in GROUPS.items()}
    add_setting_options(parser, PreparationSettings, Filters, groups=groups)
    parser.set_defaults(run=prepare_data)


def prepare_data(options: argparse.Namespace) -> None:
    """Make image-pose pairs of a collection of pictures."""
    from fyp_core.preparation.prepare import prepare

    settings = validated(PreparationSettings, given_settings(options, PreparationSettings), "--")
    filters = validated(Filters, given_settings(options, Filters), "--")
    with tqdm(desc="finding people", disable=None, leave=False, smoothing=0) as bar:

        def show(done: int, total: int, counts: Counter[str]) -> None:
            bar.total = total
            bar.set_postfix(dict(counts.most_common(4)), refresh=False)
            bar.update(done - bar.n)

        summary = prepare(options.input, options.output, settings, filters, show)
    print(json.dumps(summary) if options.json else _sentence(summary))


def _sentence(summary: dict[str, Any]) -> str:
    sentence = "{output}: {kept} of {seen} pictures with {people} people in {shards} shards".format(**summary)
    if summary["rejected"]:
        sentence += "; left out: " + ", ".join(f"{n} {reason}" for reason, n in summary["rejected"].items())
    if summary["run"]["seen"]:
        sentence += "; {seen} examined in this run, {pictures_per_second:g} a second".format(**summary["run"])
    return sentence
