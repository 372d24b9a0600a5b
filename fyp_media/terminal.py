"""What command lines print."""

import io
import sys


def print_in_any_encoding() -> None:
    """Let standard output and error write every character: what their encoding lacks becomes an escape.

    Otherwise a file name or prompt with such a character ends a program that has done its work with an error.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
