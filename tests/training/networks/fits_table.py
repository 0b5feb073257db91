"""What it takes to fit each condition: the tables of harness/training/README.md, and what writes them.

python -m tests.training.networks.fits_table [ZOO ...]

Every model of the zoo's gate is trained in this process, on one thread; seconds are those of the processor, so that
other work on the machine hardly changes them. The models stay in the store.
"""

import dataclasses
import sys
import time
from pathlib import Path

import torch

from harness.settings import Settings, make_settings
from harness.store.store import store_of
from harness.training.recipe import Recipe
from harness.training.train import Outcome, train
from harness.zoo.networks_table import Find, networks_table
from harness.zoo.zoo import Zoo
from harness.zoo.zoos import ZOOS

README = Path(__file__).parents[3] / "harness" / "training" / "README.md"
ZOOS_OF_THE_PAGE = ("digits",)


def trained_here(settings: Settings) -> Find:
    """Trains what it is asked for."""
    store = store_of(settings)

    def find(recipe: Recipe) -> Outcome:
        started = time.process_time()
        fit, outcome, data = train(recipe, settings.data_dir, cache_dir=settings.cache_dir)
        seconds = time.process_time() - started
        print(f"{recipe.id}: {outcome.epochs} epochs, {seconds:.1f} s, fitted: {outcome.fitted}", flush=True)
        store.publish(recipe, fit, outcome, data)
        return dataclasses.replace(outcome, seconds=seconds)

    return find


def written(readme: str, zoo: str, table: list[str]) -> str:
    """The README with this table between the zoo's marks."""
    start, end = marks(zoo)
    before, found, rest = readme.partition(start + "\n")
    _, closed, after = rest.partition(end)
    assert found and closed, f"{start} and {end} stand in the README"
    return before + found + "\n".join(table) + "\n" + closed + after


def marks(zoo: str) -> tuple[str, str]:
    return f"<!-- networks of {zoo} -->", f"<!-- end of {zoo} -->"


def write(zoo: Zoo, settings: Settings, page: Path = README) -> None:
    table = networks_table(zoo, settings, trained_here(settings))
    page.write_text(written(page.read_text(), zoo.name, table))


if __name__ == "__main__":
    torch.set_num_threads(1)
    settings = make_settings()
    first = next(iter(ZOOS["digits"].networks))
    train(
        dataclasses.replace(ZOOS["digits"].natural(first, 0), max_epochs=1), settings.data_dir
    )  # what is imported late
    for name in sys.argv[1:] or ZOOS_OF_THE_PAGE:
        write(ZOOS[name], settings)
