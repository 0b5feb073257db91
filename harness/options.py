"""Every option of a run, declared once: pytest, the commands and `judge` take theirs from here.

An option is `--cache-dir` on a command line and `cache_dir` in Python. What commands alone have stands with them.
"""

import dataclasses
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.settings import CACHE_VARIABLE, MEASURE_TIMEOUT, SHARED_CACHE_VARIABLE, TRAINING_TIMEOUT, Settings
from harness.settings import make_settings as _make_settings

COSTS = ("fast", "slow", "retrain")
"""As measures.registry has them, which imports what takes long."""


@dataclasses.dataclass(frozen=True)
class Option:
    """One option: its `name` in Python and what it means; `choices` or a `type` where it is not text.

    - `repeated`: it may be given several times. `switch`: it takes no value.
    - `shown`: what the help says of the default, where the value itself says too little.
    """

    name: str
    help: str
    metavar: str | None = None
    type: Callable[[str], Any] = str
    default: Any = None
    choices: tuple[str, ...] = ()
    repeated: bool = False
    switch: bool = False
    shown: str = ""

    @property
    def flag(self) -> str:
        """How it is written on a command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def described(self) -> str:
        """The help with the default."""
        default = self.shown or ("" if self.default is None or self.switch else f"{self.default}")
        return f"{self.help} (default: {default})" if default else self.help

    def for_pytest(self) -> dict[str, Any]:
        """The arguments of pytest's `addoption`, beside the flag."""
        about: dict[str, Any] = {"help": self.described, "default": self.default}
        if self.switch:
            return about | {"action": "store_true", "default": False}
        if self.repeated:
            about["action"] = "append"
        return about | ({"choices": self.choices} if self.choices else {"type": self.type, "metavar": self.metavar})

    def for_click(self) -> dict[str, Any]:
        """The arguments of `click.option`, beside the flag."""
        import click

        about: dict[str, Any] = {"help": self.described, "default": self.default}
        if self.switch:
            return about | {"is_flag": True, "default": False}
        kind = click.Choice(self.choices) if self.choices else self.type
        return about | {"type": kind, "metavar": self.metavar, "multiple": self.repeated}


CACHE_DIR = Option("cache_dir", "where models and rows are kept", "DIR", shown=f"${CACHE_VARIABLE}, or the platform's")
DATA_DIR = Option("data_dir", "where data sets are read from and downloaded to", "DIR", shown="a folder in the cache")
WORKERS = Option("workers", "local processes", "N", type=int, shown="one a core")
FOLDERS = (
    CACHE_DIR,
    DATA_DIR,
    Option("shared_cache", "use what this cache folder has, only reading it", "DIR", shown=f"${SHARED_CACHE_VARIABLE}"),
)
WORK = (
    WORKERS,
    Option("device", "where to train and evaluate", "DEVICE", default="cpu"),
    Option("dask", "work on this cluster instead: tcp://host:8786, or the scheduler's file", "ADDRESS"),
    Option("worker_memory", "end a worker that uses more memory: 2GB", "SIZE", shown="no limit"),
    Option("training_timeout", "end a training that took no step for so many seconds", "S", float, TRAINING_TIMEOUT),
)
MEASURE_LIMIT = Option("measure_timeout", "seconds that a measure may take on a model", "S", float, MEASURE_TIMEOUT)
ZOO = Option("zoo", "which trained networks: a name, file.py::zoo, or package.module:zoo", "SPEC", default="digits")
NETWORKS = (
    dataclasses.replace(ZOO, default=None, shown="digits"),
    Option(
        "twins", "networks trained elsewhere, in place of a zoo: path/file.py::twins, or package.module:twins", "SPEC"
    ),
)
"""What measures are judged on: one of the two."""
FRESH = Option(
    "fresh",
    "judge on fresh twins: the zoo's recipes with other seeds, which follow from this number. The measure's record on "
    "the zoo itself (in baselines/, or --baseline) is compared: what passes there has to pass here",
    "SEED",
    type=int,
)
COST = Option("cost", "limit `all` to this tier and cheaper", choices=COSTS, default="retrain")
LEADERBOARD = Option("leaderboard", "write the record of this run, as JSON", "PATH", type=os.path.expanduser)

SETTINGS = (*FOLDERS, *WORK, MEASURE_LIMIT)
"""What becomes a run's Settings."""

OF_PYTEST = (
    Option(
        "measure",
        "measure to judge: a name, path/file.py[::function], package.module:function, or all; repeat it or separate "
        "by commas",
        "SPEC",
        repeated=True,
        shown="all",
    ),
    COST,
    *NETWORKS,
    FRESH,
    *SETTINGS,
    LEADERBOARD,
    Option(
        "baseline",
        "a record that is expected to hold: what changed, either way, fails the run",
        "PATH",
        type=os.path.expanduser,
    ),
    Option(
        "findings",
        "what a finding that falls short does to the run: it is reported, or fails it",
        choices=("report", "fail"),
        default="report",
    ),
    Option("list_measures", "list the measures and stop", switch=True),
)

IN_PYTHON = {"list_measures": "`shatterproof measures`"}
"""What has another name in Python than that of the option."""


def settings_of(given: Mapping[str, Any]) -> Settings:
    """The Settings that options say, by their names; those that are missing are at their defaults."""
    known = {option.name for option in SETTINGS}
    return _make_settings(**{name: value for name, value in given.items() if name in known})


def add_to_pytest(add: Callable[..., None]) -> None:
    """Declare the options of a run of the suites with pytest's `addoption`."""
    for option in OF_PYTEST:
        add(option.flag, **option.for_pytest())


def with_options(options: Sequence[Option]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A click command gets these options, by their names."""
    import click

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = click.option(option.flag, **option.for_click())(command)
        return command

    return decorate


def in_python(sentence: str) -> str:
    """A sentence that names options of a command line, for whom they are arguments of `judge`.

    >>> in_python("--workers is 0; expected 1 or more")
    'workers is 0; expected 1 or more'
    """
    names = {option.flag: IN_PYTHON.get(option.name, option.name) for option in OF_PYTEST}
    return re.sub(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*(?![\w-])", lambda flag: names.get(flag[0], flag[0]), sentence)
