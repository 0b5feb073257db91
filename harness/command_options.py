"""A command's options for where models and data are, and what works: they arrive as one `settings`."""

import functools
from collections.abc import Callable
from typing import Any

from harness.options import FOLDERS, MEASURE_LIMIT, WORK, settings_of, with_options

Command = Callable[..., Any]


def with_settings(work: bool = False, measures: bool = False) -> Callable[[Command], Command]:
    """A command that takes `settings` gets the options for it: the folders, with `work` what works and how, and with
    `measures` how long one may take."""
    options = (*(WORK if work else ()), *((MEASURE_LIMIT,) if measures else ()), *FOLDERS)

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_them(**arguments: Any) -> Any:
            given = {option.name: arguments.pop(option.name) for option in options}
            return command(settings=settings_of(given), **arguments)

        return with_options(options)(with_them)

    return decorate
