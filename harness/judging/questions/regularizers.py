"""Does it raise a false alarm when training is regularized?

Zhang et al. 2017 (arXiv:1611.03530), section 3: regularizers barely change the gap. So a measure may not take the same
natural data, trained with weight decay, with dropout or on random crops, for something nearly memorized, nor for
something that generalizes far better: how far does each move it, on the way from the natural value to that on random
labels, beyond what the gap itself moves? Within QUIET either way, in the mean over units, by an interval.

A data set where the gap itself rises under a regularizer is left out for it, and named: crops of a pixel raise the
test error on noisy digits by 3 to 11 points (means of a unit's seeds), on plain ones by less than one. That is decided
on outcomes alone.
"""

import dataclasses
from collections.abc import Sequence

from harness.evaluation.finding import Finding
from harness.judging.questions import random_labels
from harness.judging.questions.fractions import Bounds, at_most, excess_finding, gap_fraction, models_of, shown
from harness.judging.questions.question import Outcomes, Question, Rows, too_few, unfitted
from harness.judging.units.equivalence import QUIET, QUIET_NEIGHBOURS, Equivalence
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.interventions import REGULARIZERS, Intervention
from harness.zoo.zoo import Zoo

HARDLY = 0.05
"""The gap itself, in a premise: so far at most, in the mean over units, by the end of its interval."""


def recipes(zoo: Zoo) -> list[Recipe]:
    asked = models_of([seed for name in REGULARIZERS for seed in interventions.regularized(zoo, name)])
    return [*dict.fromkeys([*asked, *(random_labels.models(zoo) if asked else ())])]


def premise(zoo: Zoo, outcome: Outcomes) -> list[str]:
    """Every network fits its images, and no regularizer raises the gap."""
    problems = unfitted(recipes(zoo), outcome)
    for name in REGULARIZERS:
        quiet, _ = where_gap_stays(interventions.regularized(zoo, name), outcome)
        if too_few(quiet, name):
            continue
        fraction = gap_fraction(quiet, outcome, HARDLY)
        if not at_most(fraction):
            problems.append(
                f"{name.replace('_', ' ')} raises the gap itself: by {shown(fraction)} of the way to random labels"
            )
    return problems


def where_gap_stays(
    regularized: Sequence[Intervention], outcome: Outcomes
) -> tuple[list[Intervention], dict[str, Equivalence]]:
    """What is left without the data sets in which the gap rises, by the whole interval over their units; and these."""
    raised: dict[str, Equivalence] = {}
    for data_set in dict.fromkeys(seed.natural.data_set for seed in regularized):
        found = gap_fraction([seed for seed in regularized if seed.natural.data_set == data_set], outcome, HARDLY)
        if found is not None and found.decision == "above":
            raised[data_set] = found
    return [seed for seed in regularized if seed.natural.data_set not in raised], raised


def weight_decay(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`quiet`, or `false_alarm` above, `moves_down` below, `unclear`; `no_scale` if it does not tell random labels."""
    return _excess(zoo, "weight_decay", row, outcome, "weight decay")


def dropout(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """As weight_decay."""
    return _excess(zoo, "dropout", row, outcome, "dropout")


def random_crop(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """As weight_decay."""
    return _excess(zoo, "random_crop", row, outcome, "random cropping")


def _excess(zoo: Zoo, regularizer: str, row: Rows, outcome: Outcomes, what: str) -> Finding:
    regularized, raised = where_gap_stays(interventions.regularized(zoo, regularizer), outcome)
    bounds = Bounds(
        QUIET,
        QUIET_NEIGHBOURS,
        {
            "within": ("quiet", ""),
            "above": ("false_alarm", f"takes {what} for memorizing, though it does not raise the gap"),
            "below": ("moves_down", f"falls under {what} by more than the gap does"),
            "unclear": ("unclear", f"may move under {what} more than the gap does, or not"),
        },
    )
    found = too_few(regularized, what) or excess_finding(zoo, regularized, row, outcome, bounds)
    without = "".join(f"; without {name}, where the gap itself rises by {shown(gap)}" for name, gap in raised.items())
    return dataclasses.replace(
        found,
        problem=found.problem and found.problem + without,
        skipped=found.skipped and found.skipped + without,
        detail=found.detail and found.detail + without,
    )


QUESTION = Question("regularizers", recipes, premise, (weight_decay, dropout, random_crop))
