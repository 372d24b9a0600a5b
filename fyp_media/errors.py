"""The one exception that means that the input is wrong and a person can put it right, and what it quotes of others."""


class InputError(ValueError):
    """Bad input a person can fix; ``str(error)`` is one sentence that says what is wrong and what to do.

    Command lines print it to standard error and exit with status 2; the page shows it as it is.
    """


def first_line(error: BaseException) -> str:
    """The first line of what an error says, or its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
