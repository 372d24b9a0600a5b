"""Options of the program that serves the page; each sets an environment variable."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

_OPTIONS = {
    "--model": ("FYP_MODEL", "auto, mini, followyourpose-v1 or a folder"),
    "--host": ("HOST", "address to serve on; 0.0.0.0 for all"),
    "--port": ("PORT", "port to serve on"),
    "--auth": ("FYP_AUTH", "USER:PASSWORD that visitors have to give"),
}
SHARE = "FYP_SHARE"


def apply_options(arguments: Sequence[str]) -> None:
    """Set the environment variables of the given options; ends the program with status 2 where an option is wrong."""
    parser = argparse.ArgumentParser(description="Serve the page.")
    for option, (variable, text) in _OPTIONS.items():
        parser.add_argument(option, dest=variable, help=f"{text}; {variable} of the environment by default")
    parser.add_argument(
        "--share", action="store_true", help="through a public address of Gradio's, for 72 hours at most"
    )
    chosen = vars(parser.parse_args(arguments))
    if chosen.pop("share"):
        os.environ[SHARE] = "1"
    os.environ.update({variable: value for variable, value in chosen.items() if value is not None})
