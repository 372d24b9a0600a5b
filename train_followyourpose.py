"""Train a stage: ``accelerate launch train_followyourpose.py --config=configs/mini_temporal.yaml [key=value …]``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from errors import InputError


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the stage a configuration describes; the exit status is 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="YAML file; see configs/")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings in place of the file's")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")

    from fyp_core.training.config import load_config
    from fyp_core.training.loop import train
    from fyp_core.training.stages import create_stage

    try:
        config = load_config(options.config, options.overrides)
        folder = train(create_stage(config), config)
    except InputError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    logging.info("The model is in %s", folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
