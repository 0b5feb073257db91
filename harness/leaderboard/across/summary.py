"""The zoos of this protocol side by side, as the leaderboard has them: units, measures, families, associations."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.judging.twin_statistics import sign_test
from harness.judging.units.decision import Unit, UnitDecision
from harness.judging.units.networks import enough_of, networks_without
from harness.judging.units.sign_test import SIGNIFICANCE
from harness.leaderboard.across.association import associations
from harness.leaderboard.across.families import by_family, recorded_alike, share_winning, won_on
from harness.leaderboard.across.properties import BY_CONDITION, PROPERTIES, properties_of, value_of
from harness.leaderboard.across.witnessed import Measured, Witnessed, measured
from harness.records.record import round_number
from harness.records.schema import CONTROLS
from harness.zoo.zoo import GATE

Zoos = Iterable[tuple[Mapping[str, Any], Sequence[Witnessed]]]
"""Zoos as their records describe them, each with what its records of this protocol say."""


def across(zoos: Zoos) -> dict[str, Any] | None:
    """What the leaderboard has of all zoos together; None where no record of a measure is of this protocol."""
    found = [each for each in zoos if any(record.family != CONTROLS for record in each[1])]
    return summarized(found) if found else None


def summarized(zoos: Zoos) -> dict[str, Any]:
    """All of it. Units stand in the order of their zoos, and are named by their places; controls count nowhere."""
    told = sorted(((zoo, found) for zoo, found in zoos if found), key=lambda each: each[0]["name"])
    measures = measured(each for _, found in told for each in found)
    counted = {zoo["name"]: {name: v for each in found for name, v in each.values.items()} for zoo, found in told}
    properties = properties_of([zoo for zoo, _ in told], counted)
    units = list(dict.fromkeys([*properties, *_decided(measures)]))
    families = by_family(measures)
    shares: dict[str, dict[str, list[float | None]]] = {
        name: {
            condition: [share_winning(recorded_alike(family), unit, condition) for unit in units] for condition in GATE
        }
        for name, family in families.items()
    }
    content = {
        "zoos": [zoo["name"] for zoo, _ in told],
        "units": [_unit(unit, properties.get(unit)) for unit in units],
        "measures": {each.measure: _measure(each, units) for each in measures},
        "families": {name: _family(family, shares[name], units) for name, family in families.items()},
        "associations": _associations(units, properties, shares),
    }
    return dict(round_number(content))


def _family(family: Sequence[Measured], shares: Mapping[str, Any], units: Sequence[Unit]) -> dict[str, Any]:
    names = sorted(each.measure for each in family)
    return {"measures": names, "shares": shares, "data_sets": _on_data_sets(family, units)}


def _decided(measures: Iterable[Measured]) -> Iterable[Unit]:
    return (unit for each in measures for decisions in each.decisions.values() for unit in decisions)


def _unit(unit: Unit, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """A unit with its properties; None for those of a zoo whose models are not known here."""
    found = known or {"zoos": [], **{name: None for name in PROPERTIES}, "steps_ratio": {}}
    return {"data_set": unit.setting, "network": unit.network, **found}


def _measure(measure: Measured, units: Sequence[Unit]) -> dict[str, Any]:
    gate = {name: _verdict(measure.decisions[name], units) for name in GATE if name in measure.decisions}
    about = {"family": measure.family, "version": measure.version, "zoos": list(measure.zoos)}
    return {**about, "conditions": gate}


def _verdict(decisions: Mapping[Unit, UnitDecision], units: Sequence[Unit]) -> dict[str, Any]:
    """The sign test over the union of units, and whether it passes as on one zoo, with units of enough networks. Those
    that are not won are named by their places; `none_of`: the networks for which alone it does not pass."""
    places: dict[str, dict[int, Unit]] = {"won": {}, "lost": {}, "neither": {}}
    for place, unit in enumerate(units):
        if unit in decisions:
            places[decisions[unit].decision][place] = unit
    won, lost = (list(places[which].values()) for which in ("won", "lost"))
    passes, p_value = enough_of(won, decisions), sign_test(len(won), len(decisions))
    return {
        "units": len(decisions),
        "won": len(won),
        "lost": list(places["lost"]),
        "neither": list(places["neither"]),
        "p_value": p_value,
        "p_inverted": sign_test(len(lost), len(decisions)),
        "passes": passes,
        "inverted": enough_of(lost, decisions),
        "none_of": [] if passes or p_value >= SIGNIFICANCE else networks_without(won, list(decisions)),
    }


def _on_data_sets(family: Sequence[Measured], units: Sequence[Unit]) -> dict[str, dict[str, Any]]:
    """By data set and condition."""
    found: dict[str, dict[str, Any]] = {}
    for data_set in dict.fromkeys(unit.setting for unit in units):
        wins = {condition: won_on(family, data_set, condition) for condition in GATE}
        found[data_set] = {condition: vars(won) for condition, won in wins.items() if won is not None}
    return found


def _associations(
    units: Sequence[Unit], properties: Mapping[Unit, Mapping[str, Any]], shares: Mapping[str, Any]
) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """By property, condition and family: does the property go with the share of the family's measures that win?"""
    data_sets = [unit.setting for unit in units]
    known = [properties.get(unit) for unit in units]
    found: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
    for name in PROPERTIES:
        for conditions in [[one] for one in GATE] if name == BY_CONDITION else [GATE]:  # at once where it is the same
            values = [None if each is None else value_of(each, name, conditions[0]) for each in known]
            winning = {(one, family): of_units[one] for one in conditions for family, of_units in shares.items()}
            for (condition, family), each in associations(values, winning, data_sets).items():
                found.setdefault(name, {}).setdefault(condition, {})[family] = vars(each)
    return found
