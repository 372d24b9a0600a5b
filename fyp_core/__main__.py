"""``python -m fyp_core`` and ``fyp``: dispatches to the commands of :mod:`fyp_core.cli`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from fyp_core.cli import convert, demo, evaluate, export, generate, live, models, prepare_data, serve
from fyp_core.generation.engine import loading_threads
from fyp_media.errors import InputError
from fyp_media.terminal import print_in_any_encoding

PROJECT = "follow-your-pose"
OK, UNEXPECTED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
COMMANDS = {
    "generate": (generate, "a video and a sentence in, a video out"),
    "live": (live, "a character that follows a camera in real time"),
    "export": (export, "a generated video as GIF, frames or beside its source"),
    "convert": (convert, "write a model in this project's layout"),
    "evaluate": (evaluate, "measure how well a model follows poses and prompts"),
    "prepare-data": (prepare_data, "make image-pose pairs of pictures"),
    "demo": (demo, "serve the page; HOST, PORT and FYP_MODEL set its address and model"),
    "serve": (serve, "start replicas of a model on Ray Serve"),
    "models": (models, "list the models on this machine"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0, 2 for bad input, 1 for anything unexpected.

    Args:
        arguments: by default those of the process, which then ends even while a model is being loaded.
    """
    status = _run(arguments)
    if arguments is None and loading_threads():
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)  # a usual end would stop the loading in native code, which aborts the process
    return status


def _run(arguments: Sequence[str] | None) -> int:
    print_in_any_encoding()
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(levelname)s: %(message)s", level="INFO" if options.debug else "ERROR")
    if not options.debug:
        _quiet_libraries()
    try:
        options.run(options)
    except InputError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if options.debug:
            raise
        print(f"Unexpected {type(error).__name__}: {error}; --debug shows the traceback.", file=sys.stderr)
        return UNEXPECTED
    return OK


class _Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    started = Path(sys.argv[0]).stem
    parser = _Parser(
        prog="fyp" if started == "fyp" else "python -m fyp_core",
        description="Pose-guided text-to-video generation.",
    )
    parser.add_argument("--version", action="version", version=f"Follow Your Pose {version(PROJECT)}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        module.add_options(command)
        command.add_argument("--json", action="store_true", help="print the result as one JSON object")
        command.add_argument("--debug", action="store_true", help="show log messages and tracebacks")
    return parser


def _quiet_libraries() -> None:
    """Hide log messages and warnings of libraries: what users can act on is in the notices."""
    warnings.simplefilter("ignore")
    for library in ("TRANSFORMERS", "DIFFUSERS"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")


if __name__ == "__main__":
    sys.exit(main())
