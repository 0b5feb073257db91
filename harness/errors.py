"""The errors that are meant for the user's eyes."""


class HarnessError(Exception):
    """Something the user can act on: what happened, what was expected, what to do next.

    Front doors (pytest, the command line) print its sentence without a traceback.
    """


class NoVerdict(Exception):
    """The premise of a suite does not hold, or its models could not be had: nobody is judged."""
