"""``models``: which models are on this machine."""

from __future__ import annotations

import argparse
import json

from fyp_core.weights.checkpoints import list_models


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of ``models``, which has none of its own."""
    parser.set_defaults(run=models)


def models(options: argparse.Namespace) -> None:
    """List the models on this machine."""
    found = list_models()
    if options.json:
        print(json.dumps([{**vars(model), "parts": list(map(str, model.parts))} for model in found]))
        return
    for model in found:
        state = f"missing: {', '.join(model.missing)}" if model.missing else "ready"
        print(f"{model.name:<18} {model.size / 1e6:>8,.1f} MB  {state}")
        for line in (*model.parts, *model.revisions):
            print(f"{'':<18} {line}")
