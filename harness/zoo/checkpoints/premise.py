"""The premise of twins that were trained elsewhere: are they twins, and do both fit? A sentence for each thing that is
not so; then no measure is judged on them. What is only doubtful is a remark (remarks.py).

What a zoo's training sees to is looked at here: one architecture, equally many examples, another randomization and
nothing else, training sets that are fitted, and equal training losses, since a loss that differs could be what a
measure tells apart. Where test errors are given, the randomized twin has the larger gap.
"""

import collections
from collections.abc import Iterator, Sequence

from harness.training.recipe import Condition
from harness.zoo.checkpoints.look import Seen, SeenPair
from harness.zoo.checkpoints.randomization import problems_of_randomization
from harness.zoo.checkpoints.reference import CheckpointReference

MOST_MISCLASSIFIED = 0.01  # of the training set, where it counts as fitted
LOSS_RATIO = 2.0  # between the training losses of twins
SMALL_LOSS = 0.01  # nats: the zoos' stopping loss; below, losses need not be alike

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
    yield from _problems_of_parts(twins, one, other)
    yield from problems_of_randomization(twins, randomized.condition, pair, one, other)
    yield from _problems_of_fit(natural, randomized, one, other)


def _problems_of_fit(
    natural: CheckpointReference, randomized: CheckpointReference, one: Seen, other: Seen
) -> Iterator[str]:
    twins = f"{natural.name}[{natural.place}]"
    unfitted = [
        f"{reference.id} misclassifies {seen.train_error:.1%} of its training set in evaluation mode; both twins have "
        f"to fit it, to {MOST_MISCLASSIFIED:.0%}"
        for reference, seen in ((natural, one), (randomized, other))
        if seen.train_error > MOST_MISCLASSIFIED
    ]
    yield from unfitted
    if unfitted:
        return
    if one.gap is not None and other.gap is not None and one.gap > other.gap:
        yield (
            f"{twins}: the natural network has the larger generalization gap, {one.gap:.1%} against {other.gap:.1%}; "
            "are its sides swapped, or their test errors? On randomized data the gap is larger"
        )
    small, large = sorted((one.train_loss, other.train_loss))
    if large > SMALL_LOSS and large > LOSS_RATIO * small:
        yield (
            f"{twins}: the training losses are {one.train_loss:.3g} (natural) and {other.train_loss:.3g} (randomized) "
            f"nats; stop both at one loss: within a factor of {LOSS_RATIO:g}, or below {SMALL_LOSS:g}"
        )


def _problems_of_parts(twins: str, one: Seen, other: Seen) -> Iterator[str]:
    """What only one side has would tell a measure which side it sees."""
    for what, first, second in (
        ("init", bool(one.init), bool(other.init)),
        ("history", one.has_history, other.has_history),
    ):
        if first != second:
            yield (
                f"{twins}: {'natural' if first else 'randomized'} has {what}, and the other has none, which would tell "
                "a measure which is which; give it to both or to neither"
            )


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
    yield from _on_both_sides(pairs)


def _on_both_sides(pairs: Pairs) -> Iterator[str]:
    """One network that is natural and randomized, in one pair or in two."""
    naturals = {pair.natural.weights: natural for natural, _, pair in pairs if pair.natural is not None}
    for _, randomized, pair in pairs:
        if pair.randomized is not None and (natural := naturals.get(pair.randomized.weights)):
            yield f"{randomized.id} has the weights of {natural.id}; twins are two networks, each trained by itself"
            break


def _described(seen: Seen) -> str:
    return f"{seen.kind} of {seen.parameters:,} parameters"
