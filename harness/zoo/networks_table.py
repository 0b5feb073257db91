"""A zoo's networks as a table in Markdown: parameters, how each is trained, and what it took to fit each condition."""

import statistics
from collections.abc import Callable, Iterator, Sequence

from harness.settings import Settings
from harness.store.store import store_of
from harness.store.stored_model import Damaged
from harness.training.networks.building import build
from harness.training.reading.raw_data import load_raw_data
from harness.training.recipe import DIGESTS, Condition, Recipe
from harness.training.train import Outcome
from harness.zoo.contract import examples_of
from harness.zoo.unit import Unit
from harness.zoo.zoo import Zoo, twins

Find = Callable[[Recipe], Outcome | None]
"""What came of training a recipe; None if it was not trained."""

SAID_OTHERWISE = ("optimizer", "learning_rate", *DIGESTS)


def networks_table(zoo: Zoo, settings: Settings, find: Find) -> list[str]:
    """A line for each unit. Epochs, seconds and errors are medians over the seeds that fit."""
    conditions: list[Condition] = ["true_labels", *zoo.gate]
    titles = [f"{name.replace('_', ' ')}: epochs / s" for name in conditions]
    head = ["network", "parameters", "trained with", *titles, "test error"]
    lines = [_line(head), _line(["---"] * len(head))]
    for unit in zoo.units:
        found = [[find(recipe) for recipe in _recipes(zoo, unit, condition)] for condition in conditions]
        parameters = f"{parameters_of(zoo, unit, settings):,}"
        costs = [_cost(outcomes) for outcomes in found]
        name = f"`{unit.network}`" if len(zoo.data_sets) == 1 else f"`{unit.network}` on {unit.data_set}"
        lines.append(_line([name, parameters, _trained_with(zoo, unit), *costs, _error(found[0])]))
    return lines


def in_store(settings: Settings) -> Find:
    """Finds what came of the models in the store; nothing of one that is damaged."""
    store = store_of(settings)

    def find(recipe: Recipe) -> Outcome | None:
        try:
            model = store.find(recipe)
        except Damaged:
            return None  # `zoo verify` says so; it is trained again where it is needed
        return None if model is None else model.outcome

    return find


def parameters_of(zoo: Zoo, unit: Unit, settings: Settings) -> int:
    """How many the unit's network has on its data."""
    raw = load_raw_data(unit.data_set, settings.data_dir, settings.cache_dir)
    inputs, _ = examples_of(zoo, raw)
    built = build(unit.network, tuple(inputs.shape[1:]), raw.num_classes)
    return sum(parameter.numel() for parameter in built.parameters())


def _recipes(zoo: Zoo, unit: Unit, condition: Condition) -> Iterator[Recipe]:
    """One of each seed."""
    natural = condition == "true_labels"
    for twin in twins(zoo, "random_labels" if natural else condition):
        if (twin.natural.data_set, twin.natural.network) == (unit.data_set, unit.network):
            yield twin.natural if natural else twin.randomized


def _cost(found: Sequence[Outcome | None]) -> str:
    """Epochs and seconds; and how many of the seeds do not fit, or are not there."""
    there = [outcome for outcome in found if outcome is not None]
    fitted = [outcome for outcome in there if outcome.fitted]
    said = []
    if fitted:
        epochs = statistics.median(outcome.epochs for outcome in fitted)
        said.append(f"{epochs:g} / {statistics.median(outcome.seconds for outcome in fitted):.1f}")
    if len(fitted) < len(there):
        said.append(f"{len(there) - len(fitted)} of {len(found)} do not fit")
    if len(there) < len(found):
        said.append(f"{len(found) - len(there)} of {len(found)} not trained yet")
    return "; ".join(said)


def _error(found: Sequence[Outcome | None]) -> str:
    errors = [outcome.test_error for outcome in found if outcome is not None and outcome.fitted]
    return f"{100 * statistics.median(errors):.1f}%" if errors else ""


def _trained_with(zoo: Zoo, unit: Unit) -> str:
    """The optimizer and its rate, then the fields that are not a recipe's defaults."""
    recipe = zoo.natural(unit, 0)
    fields = {**zoo.training, **unit.fields}
    other = [
        name for name, value in fields.items() if name not in SAID_OTHERWISE and value != getattr(Recipe, name, "")
    ]
    return ", ".join([f"{recipe.optimizer} {recipe.learning_rate:g}", *(f"{name} {fields[name]}" for name in other)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
