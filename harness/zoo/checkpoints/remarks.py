"""What is doubtful of twins that were trained elsewhere, which are judged all the same: a sentence for each kind."""

from collections.abc import Iterator, Sequence

from harness.training.recipe import Condition
from harness.zoo.checkpoints.look import SeenPair
from harness.zoo.checkpoints.reference import CheckpointReference


def remarks_on(
    condition: Condition, pairs: Sequence[tuple[CheckpointReference, CheckpointReference, SeenPair]]
) -> list[str]:
    """What is doubtful of the pairs of one condition: a sentence for each kind, that names the first pair of it."""
    found: dict[str, list[str]] = {}
    for natural, randomized, pair in pairs:
        for remark in _doubts(randomized.condition, pair):
            found.setdefault(remark, []).append(f"{natural.name}[{natural.place}]")
    return [f"{_first_of(names)} ({condition.replace('_', ' ')}): {remark}" for remark, names in found.items()]


def _first_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _doubts(condition: Condition, pair: SeenPair) -> Iterator[str]:
    one, other, labels = pair.natural, pair.randomized, pair.agreement
    if one is None or other is None:
        return
    if one.init and other.init and one.init != other.init:
        yield (
            "natural and randomized began from different weights, which a measure sees; one from outside this project "
            "also gets another seed, noise and order of examples for each. Begin twins from one init, if you can"
        )
    if condition != "random_labels" and labels and labels.same_counts and one.labels != other.labels:
        yield (
            "natural and randomized have their labels in different orders; are they the same examples'? Only the "
            "inputs are to be randomized"
        )
