"""Are twins randomized as their condition says, and in nothing else? A sentence for what is not so."""

from collections.abc import Iterator

from harness.training.recipe import Condition
from harness.zoo.checkpoints.labellings import Agreement
from harness.zoo.checkpoints.look import Seen, SeenPair

DEVIATIONS = 5.0  # of the labels' agreement by chance
TOLD = 0.5  # of the way from chance to certainty: more of the labels than that do not follow from other labels


def problems_of_randomization(
    twins: str, condition: Condition, pair: SeenPair, one: Seen, other: Seen
) -> Iterator[str]:
    if condition == "random_labels":
        yield from _problems_of_random_labels(twins, pair, one, other)
        return
    what = condition.replace("_", " ")
    if one.inputs == other.inputs:
        yield f"{twins}: its inputs are equal; under {what} they are the randomized twin's own"
    elif one.unordered == other.unordered:
        yield f"{twins}: its inputs are equal but for their order; under {what} they are the randomized twin's own"
    if pair.agreement and not pair.agreement.same_counts:
        yield (
            f"{twins}: natural and randomized have different numbers of examples in their classes; under {what} the "
            "inputs are randomized and the labels are shared"
        )


def _problems_of_random_labels(twins: str, pair: SeenPair, one: Seen, other: Seen) -> Iterator[str]:
    labels = pair.agreement
    if one.inputs != other.inputs:
        yield f"{twins}: its inputs differ; twins under random labels have equal inputs, in one order"
    elif one.labels == other.labels:
        yield f"{twins}: its labels are equal; under random labels they are the randomized twin's own"
    elif labels and labels.agreement > labels.by_chance + DEVIATIONS * labels.deviation:
        yield (
            f"{twins}: {labels.agreement:.0%} of its labels are equal, {labels.by_chance:.0%} would be by chance; "
            "under random labels all of them are drawn anew"
        )
    elif labels and _follow(labels):
        yield (
            f"{twins}: {labels.told:.0%} of its labels follow from the natural classes, renamed or joined, "
            f"{labels.told_by_chance:.0%} would by chance; under random labels all of them are drawn anew"
        )


def _follow(labels: Agreement) -> bool:
    """Whether one side's labels follow from the other's. Labels that only avoid the true class do not, as a rule."""
    excess = labels.told - labels.told_by_chance
    return excess > DEVIATIONS * labels.told_deviation and excess > TOLD * (1 - labels.told_by_chance)
