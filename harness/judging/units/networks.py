"""In how many networks must a measure win a unit, and which networks does it lose altogether?"""

from collections import Counter
from collections.abc import Collection, Sequence

from harness.judging.units.decision import Decision, Unit, UnitDecision
from harness.judging.units.sign_test import needed


def networks_needed(networks: int) -> int:
    """In so many networks a unit must be won: as many as the sign test needs, and all of fewer than ten.

    Units of one network, on several data sets, may be won or lost together. A measure that points the right way by a
    coin for each network then wins units by the coins of few networks, and passes the sign test over units too often:
    on eight networks, six of them on two data sets, in 3 of 256 cases. If it must win a unit of each of ten networks,
    it passes in 1 of 1,024. Where every network is in one unit, the sign test over units asks for the same.
    """
    return needed(networks) or networks


def units_by_network(units: Sequence[UnitDecision]) -> list[int]:
    """How many units each network has, in their order."""
    return [*Counter(unit.unit.network for unit in units).values()]


def enough_of(found: Collection[Unit], units: Collection[Unit]) -> bool:
    """Whether so many of the units are significant, by the sign test, and of enough networks."""
    least = needed(len(units))
    return least is not None and len(found) >= least and _of_enough_networks(found, units)


def without(units: Sequence[UnitDecision], decision: Decision = "won") -> list[str]:
    """The networks of which no unit is decided so, in the order of the units."""
    found = [unit.unit for unit in units if unit.decision == decision]
    return networks_without(found, [unit.unit for unit in units])


def networks_without(found: Collection[Unit], units: Collection[Unit]) -> list[str]:
    """The networks of which no unit is found, in the order of the units."""
    those = {unit.network for unit in found}
    return [network for network in dict.fromkeys(unit.network for unit in units) if network not in those]


def enough(units: Sequence[UnitDecision], decision: Decision = "won") -> bool:
    """Whether enough units are decided so, of enough networks: what a verdict rests on."""
    found = [unit.unit for unit in units if unit.decision == decision]
    return enough_of(found, [unit.unit for unit in units])


def enough_networks(units: Sequence[UnitDecision], decision: Decision = "won") -> bool:
    """Whether units of enough networks are decided so."""
    return _of_enough_networks(
        [unit.unit for unit in units if unit.decision == decision], [unit.unit for unit in units]
    )


def _of_enough_networks(found: Collection[Unit], units: Collection[Unit]) -> bool:
    networks = {unit.network for unit in units}
    return len({unit.network for unit in found}) >= networks_needed(len(networks))
