"""What does a measure read? One part after the other is hidden, and what is left is judged by the gate's sign test.

On the first seed of every unit: a natural model and its twin under each condition of the gate. A flag, not a failure.
"""

import dataclasses
from collections.abc import Callable, Mapping

from harness.evaluation.blinding import PARTS, WITHOUT_HISTORY, Blinded, Part
from harness.evaluation.finding import Finding
from harness.evaluation.rows import Row
from harness.judging.units.decision import Unit, UnitDecision, scaled_limit
from harness.judging.units.witnesses import by_unit
from harness.judging.what_suffices import Answer, detail_of, status_of
from harness.training.recipe import Condition, Recipe
from harness.zoo.twin import Twin
from harness.zoo.zoo import Zoo, twins

CLAUSE = "what_it_reads"
BlindedRows = Callable[[Part, Recipe], Row]


@dataclasses.dataclass(frozen=True)
class Blindings:
    """What a suite's marker asks for: the measure's values with one part after the other hidden."""

    name: str
    parts: tuple[Part, ...]


BLINDINGS = Blindings("reads", PARTS)


@dataclasses.dataclass(frozen=True)
class _Place:
    """A unit under one condition: the twins of its first seed, and how large a difference must be to mean anything."""

    condition: Condition
    unit: Unit
    twin: Twin
    limit: float

    @property
    def models(self) -> tuple[Recipe, Recipe]:
        return self.twin.natural, self.twin.randomized


Pairs = Mapping[_Place, tuple[Row, Row]]


def blinded_models(zoo: Zoo, weights: Callable[[Recipe], str]) -> dict[tuple[Part, Recipe], Blinded]:
    """Every part with each model that it is hidden from, and what is evaluated in its place.

    `weights` gives the digest of a stored model.
    """
    places = _places(zoo, lambda recipe: None)
    return {
        (part, recipe): Blinded(recipe, part, place.twin.natural, weights(place.twin.natural))
        for part in PARTS
        for place in places
        for recipe in place.models
        if _hidden(part, recipe, place) == part
    }


def what_it_reads(zoo: Zoo, row: Callable[[Recipe], Row], blinded: BlindedRows) -> Finding:
    """Which parts move the measure's value, and what suffices for it to separate the gate's conditions.

    `row` has the row of every model of the gate, `blinded` those of `blinded_models`. What differs by less than a tie,
    1% of the measure's spread over the training seeds of a unit or 0.1% of the way to its randomized twins, moves
    nothing and wins nothing. Twins with the untrained network and the natural history differ in their data alone: so
    it is seen whether data are read. Nothing that becomes of a measure when a part is hidden is a problem.
    """
    places = _places(zoo, lambda recipe: row(recipe).value)

    def with_hidden(part: Part) -> Pairs:
        def seen(recipe: Recipe, place: _Place) -> Row:
            hidden = _hidden(part, recipe, place)
            return row(recipe) if hidden is None else blinded(hidden, recipe)

        return {place: (seen(place.models[0], place), seen(place.models[1], place)) for place in places}

    whole: Pairs = {place: (row(place.models[0]), row(place.models[1])) for place in places}
    if reason := _without_value(whole):
        return reason
    seen = {part: with_hidden(part) for part in PARTS}
    moved = {part: _moved(whole, seen[part]) for part in PARTS}
    answers = {part: _answer(seen[part]) for part in PARTS}
    intact = _answer(whole)
    reads = [part for part in PARTS if moved[part] and part != "network_and_history"]
    reads_data = _any_differ(seen["network_and_history"])
    models = len({recipe for place in places for recipe in place.models})
    numbers = {"units": intact.units, "won": min(intact.won.values())}
    numbers |= {} if reads_data is None else {"reads_data": reads_data}
    numbers |= {f"won_without_{part}": min(answers[part].won.values()) for part in PARTS}
    shares = {f"moved_by_{part}": moved[part] / models for part in PARTS}
    status = status_of(intact, answers, reads)
    return Finding(
        numbers={name: float(number) for name, number in (numbers | shares).items()},
        status=status,
        detail=detail_of(intact, answers, reads, reads_data, status),
    )


def _places(zoo: Zoo, value: Callable[[Recipe], float | None]) -> list[_Place]:
    return [
        _Place(
            condition, unit, seeds[0], scaled_limit([(value(twin.natural), value(twin.randomized)) for twin in seeds])
        )
        for condition in zoo.gate
        for unit, seeds in by_unit(twins(zoo, condition)).units.items()
    ]


def _hidden(part: Part, recipe: Recipe, place: _Place) -> Part | None:
    """What hiding the part comes to: a natural model has the natural history as it is."""
    if recipe != place.twin.natural or part not in WITHOUT_HISTORY:
        return part
    return "network" if part == "network_and_history" else None


def _without_value(whole: Pairs) -> Finding | None:
    """A measure that has no value on any model as it is is not asked."""
    rows = [row for pair in whole.values() for row in pair]
    failed = [row for row in rows if row.status in ("error", "timeout")]
    failed.sort(key=lambda row: row.reason.startswith("not evaluated"))  # what happened, then what was not tried
    if not failed and any(row.value is not None for row in rows):
        return None
    first = [*failed, *rows][0]
    return Finding(skipped=f"it is not asked what it reads, as it has no value: {first.reason}", status=first.status)


def _moved(whole: Pairs, seen: Pairs) -> int:
    """On how many models the value is another."""
    return len(
        {
            recipe
            for place in whole
            for recipe, before, after in zip(place.models, whole[place], seen[place], strict=True)
            if _differ(before, after, place.limit)
        }
    )


def _any_differ(pairs: Pairs) -> bool | None:
    """Whether any two twins differ; None where there is no value to tell."""
    if not any(row.value is not None for pair in pairs.values() for row in pair):
        return None
    return any(_differ(*pair, place.limit) for place, pair in pairs.items())


def _differ(a: Row, b: Row, limit: float) -> bool:
    """Whether values differ by more than a tie, or one of them is not there."""
    if a.value is None or b.value is None:
        return a.value is not b.value
    return a.value != b.value and abs(b.value / 2 - a.value / 2) >= limit / 2  # halves: no overflow


def _answer(pairs: Pairs) -> Answer:
    decided: dict[Condition, list[UnitDecision]] = {}
    for place, pair in pairs.items():
        decided.setdefault(place.condition, []).append(_decision(place, *pair))
    rows = [row for pair in pairs.values() for row in pair]
    without = "" if any(row.value is not None for row in rows) else rows[0].status.replace("_", " ")
    return Answer(decided, without)


def _decision(place: _Place, natural: Row, randomized: Row) -> UnitDecision:
    """Of its first seed alone; a value that is not there wins nothing, and loses nothing."""
    if natural.value is None or randomized.value is None:
        return UnitDecision(place.unit, 0, 0, 0, 1)
    if not _differ(natural, randomized, place.limit):
        return UnitDecision(place.unit, 0, 1, 0, 1)
    won = natural.value < randomized.value
    return UnitDecision(place.unit, int(won), 0, int(not won), 1)
