"""How far does an intervention move a measure, in each unit, on the way to its value on randomized data?"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.judging.units.decision import Unit, decide

Triple = tuple[float | None, float | None, float | None]
"""(natural, changed, randomized) value of one seed; None where the measure gave none."""

Triples = Sequence[Triple]
"""The seeds of one unit."""


@dataclass(frozen=True)
class UnitFractions:
    """`of_unit`: each unit's fraction, 0 where nothing moved, 1 where it moved as far as randomized data move it.

    `without_scale`: units that have none.
    """

    of_unit: Mapping[Unit, float]
    without_scale: tuple[Unit, ...]


def fractions(triples: Mapping[Unit, Triples]) -> UnitFractions:
    """(mean changed - mean natural) / (mean randomized - mean natural) of each unit, means over its complete seeds.

    A quotient of means, since that of a single seed may have a tiny denominator. A unit has a scale where it is won
    (decision.py; seeds that miss a value do not help) and the mean distance is positive: elsewhere randomized data do
    not move the measure reliably and there is nothing to compare with. Nor where the quotient overflows.
    """
    return excess(triples, ())


def excess(triples: Mapping[Unit, Triples], others: Sequence[Mapping[Unit, Triples]]) -> UnitFractions:
    """Each unit's fraction minus those of other quantities, the gap say, on the same units and seeds.

    A seed that one of the quantities misses is left out of all. Raises KeyError if another lacks a unit, ValueError if
    its seeds do not correspond.
    """
    found = {unit: _excess(unit, seeds, [other[unit] for other in others]) for unit, seeds in triples.items()}
    return UnitFractions(
        {unit: value for unit, value in found.items() if value is not None},
        tuple(unit for unit, value in found.items() if value is None),
    )


def _excess(unit: Unit, triples: Triples, others: Sequence[Triples]) -> float | None:
    together = zip(triples, *others, strict=True)
    complete = [seed for seed in together if not any(None in triple for triple in seed)]
    if 2 * len(complete) <= len(triples):
        return None
    quantities = [*zip(*complete, strict=True)]
    parts = [_fraction(unit, [*quantity], len(triples)) for quantity in quantities]
    known = [part for part in parts if part is not None]
    value = known[0] - sum(known[1:]) if len(known) == len(parts) else math.nan
    return value if math.isfinite(value) else None


def _fraction(unit: Unit, complete: Triples, seeds: int) -> float | None:
    twins = [(natural, randomized) for natural, _, randomized in complete]
    if decide(unit, [*twins, *[(None, None)] * (seeds - len(twins))]).decision != "won":
        return None
    natural, changed, randomized = (_mean(values) for values in zip(*complete, strict=True))
    distance = randomized - natural
    return (changed - natural) / distance if 0 < distance < math.inf else None


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    try:
        return statistics.fmean(value / len(known) for value in known) * len(known)  # no overflow on the way
    except OverflowError:
        return mean_of_largest(known)


def mean_of_largest(values: Sequence[float]) -> float:
    """The mean of values so large that rounding takes their sum beyond all floats, even of each one's share."""
    half = math.fsum(value / len(values) / 2 for value in values)
    return min(max(2 * half, min(values)), max(values))
