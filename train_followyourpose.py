"""Train a stage: ``accelerate launch train_followyourpose.py --config=configs/mini_stage2.yaml [key=value …]``."""

from __future__ import annotations

import argparse
import logging
import sys

from errors import InputError


def main() -> int:
    """Train the stage a configuration describes; exit status 2 and one sentence on bad input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="YAML file; see configs/")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings in place of the file's")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")

    from fyp_core.training.config import load_config
    from fyp_core.training.loop import train
    from fyp_core.training.stages import create_stage

    try:
        config = load_config(arguments.config, arguments.overrides)
        folder = train(create_stage(config), config)
    except InputError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    logging.info("The model is in %s", folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
