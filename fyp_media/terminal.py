"""What command lines print."""

import io
import os
import sys


def print_in_any_encoding() -> None:
    """Let standard output and error write every character: what their encoding lacks becomes an escape.

    Otherwise a file name or prompt with such a character ends a program that has done its work with an error.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_result(line: str) -> None:
    """Print what a command has done; where nobody reads it any more, or the disk is full, say so without an error."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError as error:
        # Otherwise Python tries it again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.stderr.write(f"The result is complete, but could not be printed: {error.strerror}.\n")
