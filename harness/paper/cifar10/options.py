"""What the commands on CIFAR-10 (table 1, figures 1 and 2) ask alike: how much is trained, and of which networks."""

from collections.abc import Callable
from typing import Any

import click

from harness.command_options import with_settings
from harness.errors import HarnessError
from harness.paper.cifar10.recipes import LEARNING_RATES, Cifar10, cifar10
from harness.paper.command import result_options
from harness.settings import Settings

QUICK_IMAGES = 1000


def training_options(usual_epochs: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A command that takes `out`, `quick`, `settings`, `num_train` and `epochs` gets the options for them.

    `usual_epochs` is the help's word for how many epochs there are without the option.
    """
    options = (
        result_options,
        with_settings(work=True),
        click.option("--num-train", type=click.IntRange(1), metavar="N", help="So many training images [all 50,000]."),
        click.option("--epochs", type=click.IntRange(1), metavar="N", help=f"So many epochs [{usual_epochs}]."),
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def chosen_data(num_train: int | None, quick: bool, settings: Settings) -> Cifar10:
    """CIFAR-10 with as many training images as were asked for, else all of them, or with `quick` QUICK_IMAGES."""
    return cifar10(settings.data_dir, settings.cache_dir, num_train or (QUICK_IMAGES if quick else 0))


def chosen_networks(text: str, option: str = "--networks") -> list[str]:
    """Names separated by commas. HarnessError for one that the paper has no rate for."""
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in LEARNING_RATES]:
        raise HarnessError(f"{option} {unknown[0]} is not a network of the paper's; known: {', '.join(LEARNING_RATES)}")
    return names
