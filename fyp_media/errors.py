"""The exception for wrong input that a user can correct, and the texts of other exceptions that it quotes."""

from collections.abc import Iterator
from contextlib import contextmanager

MOST_LOGGED = 200  # characters of what somebody sent


class InputError(ValueError):
    """Bad input a person can fix; ``str(error)`` is one sentence that says what is wrong and what to do.

    Command lines print it to standard error and exit with status 2; the page shows it as it is.
    """


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type where there is none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def shortened(text: object) -> str:
    """Text that somebody sent, for the log: one line, not long, without what terminals take for commands."""
    line = "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(str(text).split()))
    return line if len(line) <= MOST_LOGGED else f"{line[:MOST_LOGGED]}…"


@contextmanager
def as_input_error(prefix: str, advice: str = "") -> Iterator[None]:
    """Raise every exception of the block as an InputError "PREFIX: first line of its messageADVICE".

    For calls into libraries, which raise nearly anything for a file of the wrong kind.
    """
    try:
        yield
    except Exception as error:
        raise InputError(f"{prefix}: {first_line(error)}{advice}") from error
