"""The options that commands share: where models and data are, and what works. They arrive as one `settings`."""

import functools
from collections.abc import Callable
from typing import Any

import click

from harness.settings import SHARED_CACHE_VARIABLE, make_settings

Command = Callable[..., Any]

FOLDERS = {
    "--cache-dir": {"metavar": "DIR", "help": "Where models are kept [$SHATTERPROOF_CACHE]."},
    "--data-dir": {"metavar": "DIR", "help": "Where data sets are read from and downloaded to."},
    "--shared-cache": {"metavar": "DIR", "help": f"Use what this one has, only reading it [${SHARED_CACHE_VARIABLE}]."},
}
WORK: dict[str, dict[str, Any]] = {
    "--workers": {"type": int, "metavar": "N", "help": "Local processes, each training a model [one a core]."},
    "--device": {"default": "cpu", "show_default": True, "help": "Device to train on."},
    "--dask": {"metavar": "ADDRESS", "help": "Work on this cluster: tcp://host:8786 or scheduler.json."},
    "--worker-memory": {"metavar": "SIZE", "help": "End a worker that comes to more memory: 2GB [no limit]."},
    "--training-timeout": {
        "type": float,
        "default": 1800.0,
        "show_default": True,
        "metavar": "S",
        "help": "End a training that took no step for so many seconds.",
    },
}


def with_settings(work: bool = False) -> Callable[[Command], Command]:
    """A command that takes `settings` gets the options for it: the folders, and with `work` what works and how."""
    options = (WORK if work else {}) | FOLDERS

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def with_options(**arguments: Any) -> Any:
            given = {_argument(name): arguments.pop(_argument(name)) for name in options}
            return command(settings=make_settings(**given), **arguments)

        for name, about in reversed(options.items()):
            with_options = click.option(name, **about)(with_options)
        return with_options

    return decorate


def _argument(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")
