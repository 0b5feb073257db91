"""What the gate's twins on random labels say of a measure before a question is asked: its scale, and its noise."""

from harness.evaluation.finding import Finding
from harness.judging.questions.question import Rows, numbers_of
from harness.judging.twin_statistics import Pairs
from harness.judging.units.decision import Unit, decide, scaled_limit
from harness.judging.units.headline import listed
from harness.judging.units.networks import enough_of, networks_without
from harness.judging.units.sign_test import needed
from harness.judging.units.witnesses import by_unit
from harness.training.recipe import Recipe
from harness.zoo.zoo import Zoo, twins


def models(zoo: Zoo) -> list[Recipe]:
    """The gate's natural networks and their twins on random labels."""
    return [recipe for twin in twins(zoo, "random_labels") for recipe in (twin.natural, twin.randomized)]


def limits(zoo: Zoo, row: Rows) -> dict[Unit, float]:
    """For each unit the difference that means nothing, beside its training seeds and the way to random labels
    (scaled_limit of decision.py)."""
    return {unit: scaled_limit(pairs) for unit, pairs in _pairs(zoo, row).items()}


def without_scale(zoo: Zoo, row: Rows) -> Finding | None:
    """The finding of a measure that does not tell random labels in enough units and networks, as the gate asks; else
    None.

    How far something goes on the way to random labels means nothing where they do not move the measure: a coin that a
    unit keeps throughout would be quiet under everything. Of the 18 units of ten networks such a coin tells
    enough in 0.05% of draws.
    """
    pairs = _pairs(zoo, row)
    won = [unit for unit, seeds in pairs.items() if decide(unit, seeds).decision == "won"]
    if enough_of(won, pairs):
        return None
    least = needed(len(pairs)) or len(pairs)
    few = f"{least} are needed" if len(won) < least else f"one of {listed(networks_without(won, pairs))} is needed"
    told = f"{len(won)} of {len(pairs)} units"
    return Finding(
        problem=f"has no scale to be judged on: larger on random labels in only {told}; {few}",
        numbers=numbers_of(won=len(won), units=len(pairs)),
        status="no_scale",
        detail=f"larger on random labels in {told}",
    )


def _pairs(zoo: Zoo, row: Rows) -> dict[Unit, Pairs]:
    found = by_unit(twins(zoo, "random_labels")).units
    return {
        unit: [(row(twin.natural).value, row(twin.randomized).value) for twin in seeds] for unit, seeds in found.items()
    }
