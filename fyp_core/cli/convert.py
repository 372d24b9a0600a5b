"""``convert``: a model rewritten in this project's layout."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from fyp_core.cli.signals import sigterm_as_interrupt
from fyp_core.generation.device import DTYPES, torch_dtype
from fyp_core.weights.checkpoints import folder_size
from fyp_core.weights.sources import MODEL_NAMES, resolve_model


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of ``convert``."""
    parser.add_argument("source", help=f"{', '.join(MODEL_NAMES)}, a folder or a hub id")
    parser.add_argument("target", type=Path, help="folder to write; a model that is there is replaced")
    parser.add_argument(
        "--dtype", choices=DTYPES, default="fp32", help="of the weights; default: %(default)s"
    )
    parser.add_argument(
        "--standalone", action="store_true", help="copy Stable Diffusion too, not only refer to it"
    )
    parser.set_defaults(run=convert)


@sigterm_as_interrupt()
def convert(options: argparse.Namespace) -> None:
    """Rewrite a model in this project's layout."""
    # imports diffusers, which takes seconds
    from fyp_core.weights.convert import check_model_target, convert_model

    check_model_target(options.target)
    source = resolve_model(options.source)
    convert_model(source, options.target, torch_dtype(options.dtype), standalone=options.standalone)
    size = folder_size(options.target)
    if options.json:
        print(json.dumps({"target": str(options.target), "dtype": options.dtype, "size": size}))
    else:
        print(f"{options.target}: {size / 1e6:,.1f} MB in {options.dtype}")
