"""Which twins are seeds of one unit, and are they enough?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import HarnessError
from harness.judging.units.decision import Unit
from harness.judging.units.sign_test import MIN_UNITS, SIGNIFICANCE, check_units
from harness.training.recipe import Condition, Recipe
from harness.zoo.checkpoints.own_twins import OwnTwins
from harness.zoo.twin import Twin
from harness.zoo.zoo import Zoo


@dataclass(frozen=True)
class Witnesses:
    """Twins by unit, in the order of the zoo. `note`: what the units are, where they are not a zoo's; else ""."""

    units: Mapping[Unit, Sequence[Twin]]
    note: str = ""


def unit_of(recipe: Recipe) -> Unit:
    """A network on a data set, whatever its seed and its randomization."""
    return Unit(recipe.data_set, recipe.network)


def by_unit(twins: Sequence[Twin]) -> Witnesses:
    """A zoo's twins: those of a network on a data set are the seeds of one unit."""
    units: dict[Unit, list[Twin]] = {}
    for twin in twins:
        units.setdefault(unit_of(twin.natural), []).append(twin)
    return Witnesses(units)


def witnesses_of(zoo: Zoo | OwnTwins, twins: Sequence[Twin]) -> Witnesses:
    """The same; of twins that were trained elsewhere, where their networks are too few to be units, each pair is one.

    What a verdict then says, it says of these networks: pairs of one network do not witness for another.
    """
    found = by_unit(twins)
    if not isinstance(zoo, OwnTwins) or len(found.units) >= MIN_UNITS:
        return found
    pairs = {Unit("", f"{twin.natural.network} (pair {place})"): [twin] for place, twin in enumerate(twins)}
    networks = len(found.units)
    these = "this network" if networks == 1 else f"these {networks} networks"
    return Witnesses(pairs, f"every pair counts as a unit, so this is about {these} alone")


def premise_of(twins: OwnTwins, condition: Condition) -> list[str]:
    """What is not as the gate supposes of twins that were trained elsewhere, a sentence each."""
    pairs = twins.counts[condition]
    few = f"{twins.name} has {pairs} pairs of {condition}; no measure can reach p < {SIGNIFICANCE} with fewer than"
    return [*([f"{few} {MIN_UNITS}"] if pairs < MIN_UNITS else []), *twins.problems.get(condition, ())]


def check_enough(zoo: Zoo | OwnTwins) -> None:
    """HarnessError if the zoo has too few units, or the list too few pairs, for any measure to pass."""
    if isinstance(zoo, OwnTwins):
        few = [premise_of(zoo, condition)[0] for condition in zoo.gate if zoo.counts[condition] < MIN_UNITS]
        if len(few) == len(zoo.gate):
            raise HarnessError(few[0])
    else:
        check_units(len(zoo.units), f"the {zoo.name} zoo")
