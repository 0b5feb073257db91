"""How far does each intervention move a measure on the way from natural data to random labels, and the gap beside it?

A Step is an intervention's fraction of the way: 0 where it leaves the measure alone, 1 where it acts as random labels
do. Every unit (a data set with one network) has one fraction, of means over its seeds (judging/units/fractions.py); a
step has their mean over units and the t-interval of it (judging/units/equivalence.py, which says how well that covers
the mean of all units that might have been drawn). All steps of a unit are measured by one distance, that of the gate's
twins of the same seeds. Networks with an attack set start from half of the images: their change is laid at the natural
value, so that it is compared with the same distance.

A measure that is smaller on random labels in most units is turned round, so that its way leads there too. A unit whose
random labels do not move the measure that way reliably has no fraction and is left out; so the number of units is
shown. Smaller attack sets, corrupted fractions and scarce images there are for one seed of each unit only: the noise of
that seed is in the interval, as units are what is drawn.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from harness.judging.units.decision import Unit, decide
from harness.judging.units.equivalence import mean_interval
from harness.judging.units.fractions import Triple, fractions
from harness.judging.units.witnesses import by_unit, unit_of
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.interventions import DOSES, EARLY_EPOCHS, FRACTIONS, REGULARIZERS, Intervention
from harness.zoo.zoo import Twin, Zoo, twins

Value = Callable[[Recipe], float | None]
Units = Mapping[Unit, Sequence[Twin]]

RANDOMIZED = {"random_labels": "random labels", "random_pixels": "random pixels", "gaussian": "gaussian inputs"}
DATA = "the data"
TRAINING = "the training"
SAME_DATA = "the same data handed over"


@dataclasses.dataclass(frozen=True)
class Fraction:
    """The mean over units of the fraction of the way, and its 95% interval."""

    value: float
    interval: tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Step:
    """An intervention, and how far it moves the measure and the gap; None where fewer than two units have a fraction.

    `units`: in how many the measure has one.
    """

    name: str
    group: str
    measure: Fraction | None
    gap: Fraction | None
    units: int


@dataclasses.dataclass(frozen=True)
class Move:
    """One seed of an intervention: the network before it, that after it, and the twins whose distance is the scale."""

    before: Recipe
    after: Recipe
    scale: Twin


def profile(zoo: Zoo, value: Value, gap: Value) -> list[Step]:
    """A step for every intervention, by groups, from the measure's value and the gap of each model."""
    (steps,) = profiles(zoo, [value], gap)
    return steps


def profiles(zoo: Zoo, values: Iterable[Value], gap: Value) -> Iterator[list[Step]]:
    """The same of several measures: the models and the gap's own steps, which they share, are found once."""
    units = by_unit(twins(zoo, "random_labels")).units
    shared = [
        (name, group, seeds, _mean(_of_unit(seeds, gap)))
        for group, interventions_of_group in moves(zoo).items()
        for name, seeds in interventions_of_group.items()
    ]
    for value in values:
        towards = _towards_random_labels(units, value)
        of_measure = [_of_unit(seeds, towards) for _, _, seeds, _ in shared]
        yield [
            Step(name, group, _mean(found), of_gap, len(found))
            for (name, group, _, of_gap), found in zip(shared, of_measure, strict=True)
        ]


def moves(zoo: Zoo) -> dict[str, dict[str, list[Move]]]:
    """The seeds of every intervention, by its group and name; only those that have a twin on random labels.

    What has no meaning for the zoo's data or networks is left out.
    """
    found = {DATA: _data(zoo), TRAINING: _training(zoo), SAME_DATA: _same_data(zoo)}
    return {group: {name: seeds for name, seeds in some.items() if seeds} for group, some in found.items()}


def recipes(zoo: Zoo) -> list[Recipe]:
    """Every model that a profile needs, each once."""
    seeds = [seed for group in moves(zoo).values() for some in group.values() for seed in some]
    return list(
        dict.fromkeys(
            recipe for seed in seeds for recipe in (seed.scale.randomized, seed.after, seed.before, seed.scale.natural)
        )
    )


def direction(zoo: Zoo, value: Value) -> str:
    """Which way random labels move the measure: a fraction does not tell, since it divides by that distance."""
    won, lost, units = _decided(by_unit(twins(zoo, "random_labels")).units, value)
    side, most = ("smaller", lost) if lost > won else ("larger", won)
    return f"{side} on random labels in {most} of {units} units"


def as_text(steps: Sequence[Step]) -> str:
    """A line a step, under its group: the measure's fraction and the gap's with their intervals, and the units."""
    lines = [("fraction of the way to random labels", "measure", "the gap's own", "units")]
    for index, step in enumerate(steps):
        if index == 0 or steps[index - 1].group != step.group:
            lines.append((step.group, "", "", ""))
        lines.append((f"  {step.name}", _shown(step.measure), _shown(step.gap), str(step.units)))
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    padded = ["  ".join([*(map(str.ljust, line[:3], widths)), line[3]]) for line in lines]
    return "\n".join(line.rstrip() for line in padded)


def _data(zoo: Zoo) -> dict[str, list[Move]]:
    gate = {condition: twins(zoo, condition) for condition in zoo.gate}
    corrupted, scarce = interventions.corrupted_labels(zoo), interventions.sample_sizes(zoo)
    found = {
        f"corrupted labels, {fraction:.0%}": [(ladder[0], ladder[rung]) for ladder in corrupted]
        for rung, fraction in enumerate(FRACTIONS, 1)
    }
    found |= {
        **{name: _pairs(gate[condition]) for condition, name in RANDOMIZED.items() if condition in gate},
        "a third of the images": [(ladder[0], ladder[1]) for ladder in scarce],
        "a tenth of the images": [(ladder[0], ladder[2]) for ladder in scarce],
        "shuffled pixels (MLPs)": _changes(interventions.shuffled_pixels(zoo)),
    }
    return _on_the_gates_scale(zoo, found)


def _training(zoo: Zoo) -> dict[str, list[Move]]:
    found = {name.replace("_", " "): _changes(interventions.regularized(zoo, name)) for name in REGULARIZERS}
    found[f"{EARLY_EPOCHS} epochs on random labels"] = _changes(interventions.stopped_early(zoo))
    found["as many steps as random labels need"] = [
        (before.natural, after.natural)
        for before, after in zip(twins(zoo, "random_labels"), interventions.equal_steps(zoo), strict=True)
    ]
    return _on_the_gates_scale(zoo, found)


def _same_data(zoo: Zoo) -> dict[str, list[Move]]:
    """Named by the attack set's part of the shared images, as units may have different numbers of them."""
    doses = interventions.attack_doses(zoo)
    found = {
        f"beside wrong images, {share:.0%}": [(ladder[0], ladder[rung]) for ladder in doses]
        for rung, share in enumerate(DOSES, 1)
    }
    return _on_the_gates_scale(zoo, found | {"beside wrong images, 100%": _pairs(interventions.same_data(zoo))})


def _pairs(found: Iterable[Twin]) -> list[tuple[Recipe, Recipe]]:
    return [(twin.natural, twin.randomized) for twin in found]


def _changes(found: Iterable[Intervention]) -> list[tuple[Recipe, Recipe]]:
    return [(seed.natural, seed.changed) for seed in found]


def _on_the_gates_scale(zoo: Zoo, found: dict[str, list[tuple[Recipe, Recipe]]]) -> dict[str, list[Move]]:
    """Each pair beside the twins of its unit and seed."""
    gate = {_any_size(twin.natural): twin for twin in twins(zoo, "random_labels")}
    return {
        name: [Move(before, after, gate[_any_size(before)]) for before, after in pairs] for name, pairs in found.items()
    }


def _any_size(natural: Recipe) -> Recipe:
    """Whatever number of examples it is trained on."""
    return dataclasses.replace(natural, num_train=0)


def _towards_random_labels(units: Units, value: Value) -> Value:
    """The measure, or the negated one if random labels make it smaller in more units than larger."""
    won, lost, _ = _decided(units, value)
    if won >= lost:
        return value

    def negated(recipe: Recipe) -> float | None:
        return None if (found := value(recipe)) is None else -found

    return negated


def _decided(units: Units, value: Value) -> tuple[int, int, int]:
    """In how many units the measure is larger on random labels, in how many smaller, and of how many."""
    decisions = [
        decide(unit, [(value(twin.natural), value(twin.randomized)) for twin in seeds]).decision
        for unit, seeds in units.items()
    ]
    return decisions.count("won"), decisions.count("lost"), len(units)


def _of_unit(seeds: Sequence[Move], value: Value) -> list[float]:
    """The fraction of each unit that has one."""
    triples: dict[Unit, list[Triple]] = {}
    for seed in seeds:
        triples.setdefault(unit_of(seed.before), []).append(_triple(seed, value))
    return [*fractions(triples).of_unit.values()]


def _mean(of_unit: Sequence[float]) -> Fraction | None:
    interval = mean_interval(of_unit)
    return None if interval is None else Fraction(sum(interval) / 2, interval)


def _triple(seed: Move, value: Value) -> Triple:
    natural, before, after = value(seed.scale.natural), value(seed.before), value(seed.after)
    if seed.before != seed.scale.natural:
        if natural is None or before is None or after is None:
            after = None
        else:
            after = natural + (after - before)
    return natural, after, value(seed.scale.randomized)


def _shown(fraction: Fraction | None) -> str:
    if fraction is None:
        return "no value"
    low, high = fraction.interval
    return f"{fraction.value:z.2f} [{low:z.2f}, {high:z.2f}]"
