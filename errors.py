"""The one exception that means: the input is wrong and a person can put it right."""


class InputError(ValueError):
    """Bad input a person can fix; ``str(error)`` is one sentence that says what is wrong and what to do.

    Command lines print it to standard error and exit with status 2; the page shows it as it is.
    """
