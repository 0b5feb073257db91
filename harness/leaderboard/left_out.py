"""Which findings would be passed, were one unit left out? From a record's rows, a unit at a time.

The questions themselves are not asked again: for all units of all records that takes many minutes. What decides them
is: the units that are won, the fractions of units, the ladders of units. Each is computed once and decided without
each unit. Where that does not give the recorded answer of all units, nothing is said of the finding: its question
decides by something else.
"""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from harness.errors import HarnessError
from harness.judging.questions.question import Outcomes
from harness.judging.questions.regularizers import where_gap_stays
from harness.judging.questions.stopping_rule import equal_errors
from harness.judging.questions.trends import without_ties
from harness.judging.trend import rhos_of
from harness.judging.twin_statistics import Pairs
from harness.judging.units.decision import Unit, decide, scaled_limit
from harness.judging.units.equivalence import GAP, MIN_UNITS, QUIET, decision
from harness.judging.units.fractions import excess, fractions
from harness.judging.units.networks import enough_of
from harness.judging.units.witnesses import unit_of
from harness.leaderboard.groups import Findings, Without
from harness.leaderboard.recompute import recorded_zoo
from harness.records.recorded_outcomes import outcomes_of
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.interventions import REGULARIZERS, Intervention
from harness.zoo.zoo import Twin, Zoo, twins

FAILED = ("error", "timeout")
Value = Callable[[str], float | None]
"""Of a model, by its id."""

Seeds = Mapping[Unit, Sequence[tuple[str, ...]]]
"""The models of each seed of a unit that are compared with each other, by their ids."""

Passes = Callable[[Unit | None], bool]
"""Is it passed without the unit? None: with all of them."""

Kind = Callable[[Sequence[Seeds], Value, Value], Passes]
"""A way of deciding: from the seeds that are compared, the measure's values and the gaps."""

NO_UNITS = ("hyperparameters", "grid")
"""Its witnesses are places of a grid."""


class LeftOut:
    """For the records of one zoo, as it is described."""

    def __init__(self, described: Mapping[str, Any]):
        self._described = described

    @functools.cached_property
    def _gaps(self) -> dict[str, float]:
        models = self._described["models"]
        return {name: model["test_error"] - model["train_error"] for name, model in models.items()}

    @functools.cached_property
    def _asked(self) -> dict[tuple[str, str], tuple[Sequence[Seeds], Kind]]:
        try:
            return _asked(recorded_zoo(self._described), outcomes_of(self._described))
        except (HarnessError, KeyError):  # the zoo is not known here, or not all of its gate was trained
            return {}

    def without(self, record: Mapping[str, Any], findings: Findings) -> Without:
        """For each finding that was asked, whether it is passed without each unit; not of those that are decided by
        something else than is known here."""
        asked = [(suite, clause, found) for suite, clauses in findings.items() for clause, found in clauses.items()]
        answers = {
            (suite, clause): self._of_clause(record, suite, clause, found["passed"])
            for suite, clause, found in asked
            if found["passed"] is not None
        }
        return {where: answer for where, answer in answers.items() if answer is not None}

    def _of_clause(self, record: Mapping[str, Any], suite: str, clause: str, passed: bool) -> dict[str, bool] | None:
        if (suite, clause) == NO_UNITS:
            return {}
        if (suite, clause) not in self._asked:
            return None
        compared, kind = self._asked[suite, clause]
        names = [name for seeds in compared for models in seeds.values() for seed in models for name in seed]
        if not all(name in record["rows"] for name in names):
            return None
        units = [*compared[0]]
        failed = {unit for unit in units if any(_fails(record, seeds[unit]) for seeds in compared)}
        decided = kind(compared, lambda name: record["rows"][name][0], self._gaps.__getitem__)

        def passes(left: Unit | None) -> bool:
            return not failed - {left} and decided(left)

        return {str(unit): passes(unit) for unit in units} if passes(None) == passed else None


def _asked(zoo: Zoo, outcome: Outcomes) -> dict[tuple[str, str], tuple[Sequence[Seeds], Kind]]:
    """The models and the way of deciding of each clause that rests on units."""
    gate = _of_twins(twins(zoo, "random_labels"))
    equal = _of_twins(equal_errors(twins(zoo, "random_labels"), outcome))
    quiet = {name: where_gap_stays(interventions.regularized(zoo, name), outcome)[0] for name in REGULARIZERS}
    return {
        ("same_data", "same_data"): ([_of_twins(interventions.same_data(zoo)), gate], _told_beside_the_gate),
        ("stopping_rule", "equal_steps"): ([gate, _of_twins(interventions.equal_steps(zoo))], _told),
        ("stopping_rule", "equal_error"): ([{unit: gate[unit] for unit in equal}, equal], _told),
        ("corrupted_labels", "corrupted_fraction"): (
            [_by_unit([ladder[1:] for ladder in interventions.corrupted_labels(zoo)]), gate],
            _grows,
        ),
        ("corrupted_labels", "attack_dose"): ([_by_unit(interventions.attack_doses(zoo)), gate], _grows),
        ("sample_size", "scarce_images"): ([_by_unit(interventions.sample_sizes(zoo)), gate], _grows),
        ("early_stopping", "three_epochs"): ([_of_triples(interventions.stopped_early(zoo)), gate], _halfway),
        ("shuffled_pixels", "shuffled_pixels"): ([_of_triples(interventions.shuffled_pixels(zoo)), gate], _silent),
        **{("regularizers", name): ([_of_triples(quiet[name]), gate], _quiet) for name in REGULARIZERS},
    }


def _of_twins(pairs: Sequence[Twin]) -> Seeds:
    return _by_unit([(twin.natural, twin.randomized) for twin in pairs])


def _of_triples(some: Sequence[Intervention]) -> Seeds:
    return _by_unit([(each.natural, each.changed, each.randomized) for each in some])


def _by_unit(seeds: Sequence[tuple[Recipe, ...]]) -> Seeds:
    found: dict[Unit, list[tuple[str, ...]]] = {}
    for seed in seeds:
        found.setdefault(unit_of(seed[0]), []).append(tuple(recipe.id for recipe in seed))
    return found


def _fails(record: Mapping[str, Any], seeds: Sequence[tuple[str, ...]]) -> bool:
    reasons = record["reasons"]
    return any(name in reasons and reasons[name][0] in FAILED for seed in seeds for name in seed)


def _told(compared: Sequence[Seeds], value: Value, gap: Value) -> Passes:
    """Enough units are won, in all lists of twins."""
    won = [
        {unit for unit, pairs in seeds.items() if decide(unit, _pairs(pairs, value)).decision == "won"}
        for seeds in compared
    ]
    return lambda left: all(_enough(units, [*compared[0]], left) for units in won)


def _told_beside_the_gate(compared: Sequence[Seeds], value: Value, gap: Value) -> Passes:
    """Enough units are won, by more than a tie of the unit's gate twins."""
    attacked, gate = compared
    limits = {unit: scaled_limit(_pairs(gate[unit], value)) for unit in attacked}
    won = {unit for unit in attacked if decide(unit, _pairs(attacked[unit], value), limits[unit]).decision == "won"}
    return lambda left: _enough(won, [*attacked], left)


def _grows(compared: Sequence[Seeds], value: Value, gap: Value) -> Passes:
    """Values rise along the ladders of enough units, by more than a tie of the unit's gate twins."""
    ladders, gate = compared
    blocks = {
        unit: without_ties(_values(seeds, value)[0], scaled_limit(_pairs(gate[unit], value)))
        for unit, seeds in ladders.items()
    }
    rising = {unit for unit, rho in zip(blocks, rhos_of([*blocks.values()]), strict=True) if rho > 0}
    return lambda left: _enough(rising, [*blocks], left)


def _halfway(compared: Sequence[Seeds], value: Value, gap: Value) -> Passes:
    """The fractions of the way lie within half of it, beyond the gap's own."""
    return _beyond_the_gap(compared, value, gap, GAP)


def _quiet(compared: Sequence[Seeds], value: Value, gap: Value) -> Passes:
    """What the measure moves beyond the gap lies within what is quiet."""
    return _beyond_the_gap(compared, value, gap, QUIET)


def _beyond_the_gap(compared: Sequence[Seeds], value: Value, gap: Value, limit: float) -> Passes:
    seeds, gaps = ({unit: _values(some, of) for unit, some in compared[0].items()} for of in (value, gap))
    of_unit = excess(seeds, [gaps]).of_unit  # type: ignore[arg-type,list-item]
    has_scale = _scale(compared[1], value)
    return lambda left: has_scale(left) and _within(of_unit, limit, left)


def _silent(compared: Sequence[Seeds], value: Value, gap: Value) -> Passes:
    """The fractions lie within what is quiet; or without a scale, all values are the same."""
    seeds = {unit: _values(triples, value) for unit, triples in compared[0].items()}
    of_unit, has_scale = fractions(seeds).of_unit, _scale(compared[1], value)  # type: ignore[arg-type]
    moved = {unit for unit, triples in seeds.items() if any(seed[0] is None or seed[0] != seed[1] for seed in triples)}

    def passes(left: Unit | None) -> bool:
        if has_scale(left) and len(of_unit.keys() - {left}) >= MIN_UNITS:
            return _within(of_unit, QUIET, left)
        return not moved - {left}

    return passes


def _scale(gate: Seeds, value: Value) -> Passes:
    """Random labels are told."""
    won = {unit for unit, seeds in gate.items() if decide(unit, _pairs(seeds, value)).decision == "won"}
    return lambda left: _enough(won, [*gate], left)


def _enough(found: Collection[Unit], units: Collection[Unit], left: Unit | None) -> bool:
    """Among these units without that one, as the gate asks."""
    return enough_of({*found} - {left}, {*units} - {left})


def _within(of_unit: Mapping[Unit, float], limit: float, left: Unit | None) -> bool:
    return decision([fraction for unit, fraction in of_unit.items() if unit != left], limit) == "within"


def _pairs(seeds: Sequence[tuple[str, ...]], value: Value) -> Pairs:
    return [(value(natural), value(randomized)) for natural, randomized in seeds]


def _values(seeds: Sequence[tuple[str, ...]], value: Value) -> list[tuple[float | None, ...]]:
    return [tuple(value(name) for name in seed) for seed in seeds]
