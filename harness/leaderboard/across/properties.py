"""What is known of the units of recorded zoos: from their records alone. What these do not say is None."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import HarnessError
from harness.judging.units.decision import Unit
from harness.judging.units.witnesses import unit_of
from harness.leaderboard.across.architecture import architecture_of, inputs_of
from harness.leaderboard.recompute import recorded_zoo
from harness.training.recipe import Recipe
from harness.zoo.zoo import Zoo, twins

BY_CONDITION = "steps_ratio"
PROPERTIES = (
    *("input_dimension", "examples_per_dimension", "natural_test_error", BY_CONDITION, "parameters"),
    *("convolutional", "residual", "attention", "normalizes"),
)
"""Numbers, of which those of the architecture are 0 or 1; the ratio of steps is another under each condition."""

WHENCE = {
    "input_dimension": "from the count of parameters of an MLP on the data set",
    "examples_per_dimension": "examples that a natural model is trained on, over the input dimension",
    "natural_test_error": "median over natural models",
    "steps_ratio": "median over twins of steps on randomized over steps on natural data",
    "parameters": "as parameter_count recorded it",
    "convolutional": "0 or 1, from the network's name",
    "residual": "0 or 1, from the network's name",
    "attention": "0 or 1, from the network's name",
    "normalizes": "0 or 1, from the network's name",
}


@dataclass(frozen=True)
class _Seen:
    """What one zoo's record says of one unit, a number for each of its models (twins)."""

    unit: Unit
    zoo: str
    examples: int | None
    errors: Sequence[float]
    ratios: Mapping[str, Sequence[float]]
    parameters: Sequence[float]


def properties_of(
    zoos: Sequence[Mapping[str, Any]], counted: Mapping[str, Mapping[str, float]]
) -> dict[Unit, dict[str, Any]]:
    """The properties of all units of described zoos (records/record.py), and which zoos they are of.

    `counted`: parameters by zoo and model. A unit of two zoos has the median over the models of both.
    """
    seen = [each for described in zoos for each in _seen(described, counted.get(described["name"], {}))]
    of_unit: dict[Unit, list[_Seen]] = {}
    for each in seen:
        of_unit.setdefault(each.unit, []).append(each)
    counts: dict[str, list[tuple[str, float]]] = {}
    for each in seen:
        counts.setdefault(each.unit.setting, []).extend((each.unit.network, count) for count in each.parameters)
    inputs = {setting: inputs_of(found) for setting, found in counts.items()}
    return {unit: _properties(unit, found, inputs[unit.setting]) for unit, found in of_unit.items()}


def value_of(properties: Mapping[str, Any], name: str, condition: str) -> float | None:
    """A property as a number, under a condition where it has one for each."""
    value = properties[name].get(condition) if name == BY_CONDITION else properties[name]
    return None if value is None else float(value)


def _properties(unit: Unit, seen: Sequence[_Seen], inputs: int | None) -> dict[str, Any]:
    examples = _median(each.examples for each in seen)
    built = architecture_of(unit.network)
    conditions = dict.fromkeys(condition for each in seen for condition in each.ratios)
    return {
        "zoos": sorted(each.zoo for each in seen),
        "input_dimension": inputs,
        "examples_per_dimension": examples / inputs if examples is not None and inputs else None,
        "natural_test_error": _median(error for each in seen for error in each.errors),
        BY_CONDITION: {
            condition: _median(ratio for each in seen for ratio in each.ratios.get(condition, ()))
            for condition in conditions
        },
        "parameters": _median(count for each in seen for count in each.parameters),
        **{name: built and getattr(built, name) for name in ("convolutional", "residual", "attention", "normalizes")},
    }


def _seen(described: Mapping[str, Any], counted: Mapping[str, float]) -> Iterator[_Seen]:
    """Nothing of a zoo whose models are not known here."""
    try:
        zoo = recorded_zoo(described)
    except HarnessError:
        return
    models = described["models"]
    pairs = {name: [(twin.natural, twin.randomized) for twin in twins(zoo, name)] for name in zoo.gate}
    naturals: dict[Unit, list[Recipe]] = {}
    for natural in dict.fromkeys(natural for found in pairs.values() for natural, _ in found):
        naturals.setdefault(unit_of(natural), []).append(natural)
    for unit, recipes in naturals.items():
        known = [recipe.id for recipe in recipes if recipe.id in models]
        ratios: dict[str, list[float]] = {
            name: [
                models[randomized.id]["steps"] / models[natural.id]["steps"]
                for natural, randomized in found
                if unit_of(natural) == unit and _trained(models, natural) and _trained(models, randomized)
            ]
            for name, found in pairs.items()
        }
        errors = [models[name]["test_error"] for name in known]
        counts = [counted[name] for name in known if name in counted]
        yield _Seen(unit, described["name"], _examples(zoo, recipes[0]), errors, ratios, counts)


def _trained(models: Mapping[str, Any], recipe: Recipe) -> bool:
    return recipe.id in models and models[recipe.id]["steps"] > 0


def _examples(zoo: Zoo, natural: Recipe) -> int | None:
    try:
        return zoo.train_size_of(natural)
    except HarnessError:
        return None


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
