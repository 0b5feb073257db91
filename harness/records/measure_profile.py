"""How far does each intervention move a measure on the way from natural data to random labels, and the gap beside it?

A Step is an intervention's fraction of the way (judging/fraction.py): 0 where it leaves the measure alone, 1 where it
acts as random labels do. All steps of a network are measured by one distance, that of the gate's twins. Networks with
an attack set start from half of the images: their change is laid at the natural value, so that it is compared with the
same distance.

Smaller attack sets and corrupted fractions there are for two seeds of each network only: their intervals are too short
(they held the true fraction in 77% of simulated cases, not in 95%).
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence

from harness.judging.fraction import Fraction, Triple, fraction_of_the_way
from harness.judging.twin_statistics import count
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.interventions import EARLY_EPOCHS, FRACTIONS, REGULARIZERS
from harness.zoo.zoo import Twin, Zoo, twins

Value = Callable[[Recipe], float | None]

RANDOMIZED = {"random_labels": "random labels", "random_pixels": "random pixels", "gaussian": "gaussian inputs"}
DATA = "the data"
TRAINING = "the training"
SAME_DATA = "the same data handed over"


@dataclasses.dataclass(frozen=True)
class Step:
    """An intervention, and how far it moves the measure and the gap; None where there is no fraction.

    `seeds`: on how many, of all networks, the measure has the three values that a fraction takes.
    """

    name: str
    group: str
    measure: Fraction | None
    gap: Fraction | None
    seeds: int


@dataclasses.dataclass(frozen=True)
class Move:
    """One seed of an intervention: the network before it, that after it, and the twins whose distance is the scale."""

    before: Recipe
    after: Recipe
    scale: Twin


def profile(zoo: Zoo, value: Value, gap: Value) -> list[Step]:
    """A step for every intervention, by groups, from the measure's value and the gap of each model."""
    steps = []
    for group, interventions_of_group in moves(zoo).items():
        for name, seeds in interventions_of_group.items():
            of_measure, of_gap = _by_network(seeds, value), _by_network(seeds, gap)
            complete = sum(None not in triple for triples in of_measure for triple in triples)
            measure = fraction_of_the_way(of_measure)
            steps.append(Step(name, group, measure, fraction_of_the_way(of_gap), complete))
    return steps


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
    pairs = [(value(twin.natural), value(twin.randomized)) for twin in twins(zoo, "random_labels")]
    wins, _, losses = count(pairs)
    side, most = ("smaller", losses) if losses > wins else ("larger", wins)
    return f"{side} on random labels in {most} of {len(pairs)} twins"


def as_text(steps: Sequence[Step]) -> str:
    """A line a step, under its group: the measure's fraction and the gap's with their intervals, and the seeds."""
    lines = [("fraction of the way to random labels", "measure", "the gap's own", "seeds")]
    for index, step in enumerate(steps):
        if index == 0 or steps[index - 1].group != step.group:
            lines.append((step.group, "", "", ""))
        lines.append((f"  {step.name}", _shown(step.measure), _shown(step.gap), str(step.seeds)))
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
        "shuffled pixels (MLPs)": _pairs(interventions.shuffled_pixels(zoo)),
    }
    return _on_the_gates_scale(zoo, found)


def _training(zoo: Zoo) -> dict[str, list[Move]]:
    found = {
        name.replace("_", " "): [(seed.natural, seed.changed) for seed in interventions.regularized(zoo, name)]
        for name in REGULARIZERS
    }
    found[f"{EARLY_EPOCHS} epochs on random labels"] = [
        (seed.natural, seed.changed) for seed in interventions.stopped_early(zoo)
    ]
    found["as many steps as random labels need"] = [
        (before.natural, after.natural)
        for before, after in zip(twins(zoo, "random_labels"), interventions.equal_steps(zoo), strict=True)
    ]
    return _on_the_gates_scale(zoo, found)


def _same_data(zoo: Zoo) -> dict[str, list[Move]]:
    """Smaller attack sets than the shared images there are for the first seeds only."""
    found: dict[str, list[tuple[Recipe, Recipe]]] = {}
    for start, *doses, _ in interventions.attack_doses(zoo):
        for dose in doses:
            found.setdefault(_beside(dose), []).append((start, dose))
    full = _pairs(interventions.same_data(zoo))
    found[_beside(full[0][1])] = full
    return _on_the_gates_scale(zoo, found)


def _beside(attacked: Recipe) -> str:
    return f"trained beside {attacked.attack} wrong image{'s' if attacked.attack > 1 else ''}"


def _pairs(found: Iterable[Twin]) -> list[tuple[Recipe, Recipe]]:
    return [(twin.natural, twin.randomized) for twin in found]


def _on_the_gates_scale(zoo: Zoo, found: dict[str, list[tuple[Recipe, Recipe]]]) -> dict[str, list[Move]]:
    """Each pair beside the twins of its network and seed; some seeds of shuffled pixels have none."""
    gate = {_any_size(twin.natural): twin for twin in twins(zoo, "random_labels")}
    result: dict[str, list[Move]] = {}
    for name, pairs in found.items():
        naturals = [_any_size(before) for before, _ in pairs]
        result[name] = [
            Move(before, after, gate[natural])
            for natural, (before, after) in zip(naturals, pairs, strict=True)
            if natural in gate
        ]
    return result


def _any_size(natural: Recipe) -> Recipe:
    """Whatever number of examples it is trained on."""
    return dataclasses.replace(natural, num_train=0)


def _by_network(seeds: Sequence[Move], value: Value) -> list[list[Triple]]:
    networks = dict.fromkeys(seed.before.network for seed in seeds)
    return [[_triple(seed, value) for seed in seeds if seed.before.network == name] for name in networks]


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
