"""The noise floor of a stochastic measure: how much of its value is its own draws?

One natural model of the zoo is measured with several generators in place of its own: the spread over these draws is
the noise floor. Beside it stand the spread over training seeds (the other natural models of that unit), and the
signal: by how much the measure rises from a natural model to its twin on random labels. Where two standard
deviations of the draws reach the signal, the draws drown it.
"""

import dataclasses
import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from harness.calling.call import read
from harness.evaluation.finding import Finding
from harness.evaluation.probe import Clause, Load, Probe
from harness.training.recipe import Recipe
from harness.zoo.zoo import Twin, Zoo, twins
from measures.registry import COSTS, Cost, Measure

DRAWS: dict[Cost, int] = dict(zip(COSTS, (8, 8, 4), strict=True))
ALIKE = 3  # so many equal values make a measure deterministic
FIRST = 10**6  # generator seeds that no training used


def spread_over_draws(measure: Measure, load: Load) -> Finding:
    """Standard deviation and mean of the values on one model under other generator seeds; 0 if they never differ."""
    trained = load()
    values: list[float] = []
    for number in range(DRAWS[measure.cost]):
        reading = read(measure, dataclasses.replace(trained, seed=FIRST + number))
        if reading.value is None:
            return Finding(skipped=reading.reason)
        values.append(reading.value)
        if number == ALIKE - 1 and len(set(values)) == 1:
            break  # not a bit of difference: it draws nothing
    found = {
        "mean_over_draws": _finite(statistics.fmean, values),
        "spread_over_draws": _finite(statistics.stdev, values),
    }
    return _with({"draws": float(len(values))}, found)


CLAUSES: tuple[Clause, ...] = (spread_over_draws,)
PROBE = Probe("noise_floor", CLAUSES, lambda zoo: (model(zoo),), of_zoo=True)


def model(zoo: Zoo) -> Recipe:
    """The natural model that is measured: the first seed of the zoo's first unit."""
    return _pairs(zoo)[0].natural


def with_signal(finding: Finding, zoo: Zoo, values: Mapping[Recipe, float | None]) -> Finding:
    """The finding with the spread over training seeds and the signal, and whether the draws drown it.

    `values` are the measure's on the zoo's natural models and on those with random labels.
    """
    spread = finding.numbers.get("spread_over_draws")
    if spread is None or finding.problem:
        return finding
    pairs = [(values[twin.natural], values[twin.randomized]) for twin in _pairs(zoo)]
    naturals = [natural for natural, _ in pairs if natural is not None]
    rises = [randomized - natural for natural, randomized in pairs if natural is not None and randomized is not None]
    found: dict[str, float | None] = {}
    if len(naturals) > 1:
        found["spread_over_training_seeds"] = _finite(statistics.stdev, naturals)
    if rises:
        found["signal"] = _finite(statistics.median, rises)
    told = _with(finding.numbers, found)
    if told.problem:
        return told
    numbers, problem = told.numbers, ""
    if rises and spread > 0 and 2 * spread >= abs(numbers["signal"]):
        problem = (
            f"its draws drown its signal: another generator moves it by {spread:.2g} (standard deviation over "
            f"{numbers['draws']:.0f}), random labels by {numbers['signal']:.2g}"
        )
    return Finding(problem, "", numbers)


def _pairs(zoo: Zoo) -> Sequence[Twin]:
    """The twins of that unit."""
    first, *others = twins(zoo, "random_labels")
    unit = first.natural.data_set, first.natural.network
    return [first, *(twin for twin in others if (twin.natural.data_set, twin.natural.network) == unit)]


def _with(numbers: Mapping[str, float], found: Mapping[str, float | None]) -> Finding:
    """The numbers and what was found; a problem where a float does not hold that."""
    known = {name: number for name, number in found.items() if number is not None}
    problem = "" if len(known) == len(found) else "its values are too large, or too far apart, to be compared"
    return Finding(problem, "", {**numbers, **known})


def _finite(statistic: Callable[[Sequence[float]], float], values: Sequence[float]) -> float | None:
    """None where a float does not hold it."""
    try:
        found = float(statistic(values))
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
