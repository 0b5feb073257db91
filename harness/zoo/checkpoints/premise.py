"""The premise of twins that were trained elsewhere: are they twins, and do both fit? A sentence for each thing that is
not so; then no measure is judged on them.

What a zoo's training sees to is looked at here: one architecture, equally many examples, another randomization and
nothing else, training sets that are fitted, and equal training losses, since a loss that differs could be what a
measure tells apart.
"""

import collections
from collections.abc import Iterator, Sequence

from harness.training.recipe import Condition
from harness.zoo.checkpoints.look import Seen, SeenPair
from harness.zoo.checkpoints.reference import CheckpointReference

MOST_MISCLASSIFIED = 0.01  # of the training set, where it counts as fitted
LOSS_RATIO = 2.0  # between the training losses of twins
SMALL_LOSS = 0.01  # nats: the zoos' stopping loss; below, losses need not be alike
DEVIATIONS = 5.0  # of the labels' agreement by chance

Pairs = Sequence[tuple[CheckpointReference, CheckpointReference, SeenPair]]


def problems_of_condition(condition: Condition, pairs: Pairs) -> list[str]:
    """What is wrong with the pairs of one condition, a sentence each."""
    found = [problem for natural, randomized, pair in pairs for problem in problems_of_pair(natural, randomized, pair)]
    return [*found, *_repeated(condition, pairs)]


def problems_of_pair(natural: CheckpointReference, randomized: CheckpointReference, pair: SeenPair) -> Iterator[str]:
    """What is wrong with a pair."""
    yield from pair.problems
    one, other = pair.natural, pair.randomized
    if one is None or other is None:
        return
    twins = f"{natural.name}[{natural.place}]"
    if one.architecture != other.architecture:
        how = f"{_described(one)}, and {_described(other)}"
        if _described(one) == _described(other):
            how = f"both {_described(one)}, with other names, shapes, settings or order of their modules"
        yield f"{twins}: its networks are of different architectures ({how})"
        return
    for what, first, second in (
        ("examples", one.examples, other.examples),
        ("inputs of shape", one.shape, other.shape),
        ("classes", one.classes, other.classes),
    ):
        if first != second:
            yield f"{twins}: natural and randomized have {what} {first} and {second}; twins are trained on equally many"
            return
    yield from _problems_of_randomization(twins, randomized.condition, pair, one, other)
    unfitted = [
        f"{reference.id} misclassifies {seen.train_error:.1%} of its training set in evaluation mode; both twins have "
        f"to fit it, to {MOST_MISCLASSIFIED:.0%}"
        for reference, seen in ((natural, one), (randomized, other))
        if seen.train_error > MOST_MISCLASSIFIED
    ]
    yield from unfitted
    if unfitted:
        return
    small, large = sorted((one.train_loss, other.train_loss))
    if large > SMALL_LOSS and large > LOSS_RATIO * small:
        yield (
            f"{twins}: the training losses are {one.train_loss:.3g} (natural) and {other.train_loss:.3g} (randomized) "
            f"nats; stop both at one loss: within a factor of {LOSS_RATIO:g}, or below {SMALL_LOSS:g}"
        )


def _problems_of_randomization(
    twins: str, condition: Condition, pair: SeenPair, one: Seen, other: Seen
) -> Iterator[str]:
    if condition == "random_labels":
        if one.inputs != other.inputs:
            yield f"{twins}: its inputs differ; twins under random labels have equal inputs, in one order"
        elif one.labels == other.labels:
            yield f"{twins}: its labels are equal; under random labels they are the randomized twin's own"
        elif pair.agreement > pair.by_chance + DEVIATIONS * pair.deviation:
            yield (
                f"{twins}: {pair.agreement:.0%} of its labels are equal, {pair.by_chance:.0%} would be by chance; "
                "under random labels all of them are drawn anew"
            )
    elif one.inputs == other.inputs:
        what = condition.replace("_", " ")
        yield f"{twins}: its inputs are equal; under {what} they are the randomized twin's own"


def _repeated(condition: Condition, pairs: Pairs) -> Iterator[str]:
    """One network in several pairs: as in a loop over functions that all see the loop's last value."""
    for side in (0, 1):
        by_weights = collections.defaultdict(list)
        for natural, randomized, pair in pairs:
            seen = (pair.natural, pair.randomized)[side]
            if seen is not None:
                by_weights[seen.weights].append((natural, randomized)[side].id)
        for same in by_weights.values():
            if len(same) > 1:
                yield (
                    f"{same[0]} and {same[1]} are one network; each pair of {condition.replace('_', ' ')} needs its "
                    "own (a function made in a loop sees the loop's last value: use functools.partial)"
                )
                break


def _described(seen: Seen) -> str:
    return f"{seen.kind} of {seen.parameters:,} parameters"
