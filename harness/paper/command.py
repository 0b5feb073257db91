"""`python -m harness paper ...`: the paper's systems, each a command that writes our numbers beside the paper's."""

import importlib
from collections.abc import Callable
from pathlib import Path

import click

from harness.options import CACHE_DIR, DATA_DIR, with_options

COMMANDS = {
    "expressivity": "expressivity.theorem1",
    "figure1": "cifar10.figure1",
    "figure2": "cifar10.figure2",
    "imagenet": "imagenet.table2",
    "kernels": "kernels.rows",
    "midpoints": "kernels.midpoints_command",
    "table1": "cifar10.table1",
}
"""The module with each system's click command, named `command`."""


class _Systems(click.Group):
    """Imports a system when it is asked for: the others, and torch, stay out of the way."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"harness.paper.{COMMANDS[name]}").command
        return command


@click.group(cls=_Systems)
def paper() -> None:
    """The paper reproduced: its tables, figures, kernels and theorem, our numbers beside its own."""


def result_options(command: Callable[..., None]) -> Callable[..., None]:
    """What every system takes: `--quick` and where results are."""
    for option in (
        click.option(
            "--out",
            type=click.Path(file_okay=False, path_type=Path),
            default=Path("paper"),
            show_default=True,
            help="Folder for the JSON file and the figures.",
        ),
        click.option("--quick", is_flag=True, help="A part of the data and of the rows: minutes on two cores."),
    ):
        command = option(command)
    return command


def paper_options(command: Callable[..., None]) -> Callable[..., None]:
    """The same, and where models and data are, for a system that trains no recipes."""
    return result_options(with_options([CACHE_DIR, DATA_DIR])(command))
