"""Train a stage: ``accelerate launch train_followyourpose.py --config=configs/pose_train.yaml [key=value …]``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fyp_media.errors import InputError
from fyp_media.terminal import print_in_any_encoding

if TYPE_CHECKING:
    from fyp_core.training.stage import Stage


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the stage a configuration describes; the exit status is 0, 2 for bad input, or 130 for Ctrl-C."""
    print_in_any_encoding()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", required=True, help="YAML file; see configs/")
    parser.add_argument(
        "--dry-run", action="store_true", help="only print what would learn and how much memory that takes"
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings in place of the file's")
    options = parser.parse_intermixed_args(arguments)
    _set_up_logging()

    from fyp_core.training.config_file import load_config
    from fyp_core.training.loop import train
    from fyp_core.training.memory import dry_run
    from fyp_core.training.stage import create_stage

    try:
        config = load_config(options.config, options.overrides)
        if options.dry_run:
            print(dry_run(config))  # noqa: T201
            return 0
        stage = create_stage(config)
        try:
            folder = train(stage, config)
        finally:
            _log_skipped_files(stage)
    except InputError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:  # before the first step; later the run saves a checkpoint instead
        return 130
    _log_model_folder(folder)
    return 0


def _set_up_logging() -> None:
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("accelerate").setLevel(logging.WARNING)
    for library in (diffusers_logging, transformers_logging):
        library.disable_progress_bar()


def _log_skipped_files(stage: Stage) -> None:
    """However the run ended, log which of the user's files it could not use."""
    from accelerate import PartialState

    from fyp_core.training.stages.diffusion import DiffusionStage

    if isinstance(stage, DiffusionStage) and PartialState().is_main_process:
        stage.bad_files.log_summary()


def _log_model_folder(folder: Path) -> None:
    from accelerate import PartialState

    from fyp_core.weights.checkpoints import MODEL_INDEX

    if not PartialState().is_main_process:
        return
    logging.info("The model is in %s", folder)
    if (folder / MODEL_INDEX).is_file():
        logging.info(
            "Use it: python -m fyp_core generate --model %s --input pose_example/skeleton_disco.mp4"
            ' --input-type skeleton --prompt "…" --output video.mp4',
            folder,
        )


if __name__ == "__main__":
    from fyp_core.training.launcher import relaunch_with_requested_processes

    relaunch_with_requested_processes(sys.argv[1:])
    sys.exit(main())
