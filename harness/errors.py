"""The errors that are meant for the user's eyes."""


class HarnessError(Exception):
    """Something the user can act on: what happened, what was expected, what to do next.

    Front doors (pytest, the command line) print its sentence without a traceback; in Python it is raised.

    >>> from harness import HarnessError, judge
    >>> try:
    ...     judge("l2_norm", zoo="digts")
    ... except HarnessError as problem:
    ...     print(problem)
    unknown zoo 'digts'; did you mean 'digits'? known: digits, ...
    """


INTERRUPTED = (
    "interrupted: the networks that are trained and the values that are measured are kept; the same command goes on "
    "from there"
)


class NoVerdict(Exception):
    """The premise of a suite does not hold, or its models could not be had: no measure is judged."""
