"""Measures of which it is known that they never see what was learned: clocks, sums of the history, and a statistic of
the data to which a little history is added, so that nothing ties on the same data.

None of them explains generalization. Some of them pass the gate, as learning from noise is told by what it does to a
training, or by the noise: which is why a pass is necessary and not sufficient.
"""

from collections.abc import Callable

from harness.judging.nulls.null import Material, Null, Series, Values, fixed
from harness.training.recipe import Recipe

LITTLE = 1e-9
"""The weight of the history beside a statistic of the data."""

DATA = ("neighbour_disagreement",)
"""Measures of the catalogue that read the data alone."""

HISTORY: dict[str, Callable[[Series], float]] = {
    "training losses summed": lambda series: sum(series["losses"]),
    "training losses averaged": lambda series: sum(series["losses"]) / len(series["losses"]),
    "training errors summed": lambda series: sum(series["errors"]),
    "training errors averaged": lambda series: sum(series["errors"]) / len(series["errors"]),
    "training error of the first epoch": lambda series: series["errors"][0],
}


def clocks(material: Material) -> list[Null]:
    """How long training took, by four clocks."""
    every = material.outcomes
    found: dict[str, Values] = {
        "epochs": {recipe: float(outcome.epochs) for recipe, outcome in every.items()},
        "steps": {recipe: float(outcome.steps) for recipe, outcome in every.items()},
        "seconds": {recipe: outcome.seconds for recipe, outcome in every.items()},
        "rates summed": {recipe: float(sum(series["rates"])) for recipe, series in material.histories.items()},
    }
    return fixed("clocks", found)


def history_sums(material: Material) -> list[Null]:
    """What was read off the training as it went on."""
    return fixed("history sums", {name: _of(material, name) for name in HISTORY})


def data_with_history(material: Material) -> list[Null]:
    """A statistic of the data, and the same with LITTLE times each sum of the history."""
    found: dict[str, Values] = {}
    for name in DATA:
        alone = {recipe: value for recipe, value in material.catalogue.get(name, {}).items() if value is not None}
        found[f"{name} alone"] = alone
        for history in HISTORY:
            added = _of(material, history)
            found[f"{name} + {LITTLE:g} times {history}"] = _sum(alone, added)
    return fixed("data plus epsilon", {name: values for name, values in found.items() if values})


def _sum(alone: Values, added: Values) -> dict[Recipe, float]:
    return {recipe: value + LITTLE * added[recipe] for recipe, value in alone.items() if recipe in added}


def _of(material: Material, name: str) -> dict[Recipe, float]:
    return {recipe: float(HISTORY[name](series)) for recipe, series in material.histories.items()}
