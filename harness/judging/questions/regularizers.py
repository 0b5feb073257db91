"""Does it raise a false alarm when training is regularized?

Zhang et al. 2017 (arXiv:1611.03530), section 3: regularizers barely change the gap. So a measure may not take the same
natural data, trained with weight decay, with dropout or on random crops, for something nearly memorized: how far does
each move it, on the way from the natural value to that on random labels, beyond what the gap itself moves?
"""

from harness.evaluation.finding import Finding
from harness.judging.questions.fractions import excess_finding, gap_fraction, models_of, shown
from harness.judging.questions.question import Outcomes, Question, Rows, too_few, unfitted
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.interventions import REGULARIZERS
from harness.zoo.zoo import Zoo

HARDLY = 0.05
"""The gap itself, in a premise: so far at most."""


def recipes(zoo: Zoo) -> list[Recipe]:
    return models_of([seed for name in REGULARIZERS for seed in interventions.regularized(zoo, name)])


def premise(zoo: Zoo, outcome: Outcomes) -> list[str]:
    """Every network fits its images, and no regularizer raises the gap."""
    problems = unfitted(recipes(zoo), outcome)
    for name in REGULARIZERS:
        if too_few(interventions.regularized(zoo, name), name):
            continue
        fraction = gap_fraction(interventions.regularized(zoo, name), outcome)
        if fraction is None or fraction.interval[1] > HARDLY:
            problems.append(
                f"{name.replace('_', ' ')} raises the gap itself: by {shown(fraction)} of the way to random labels"
            )
    return problems


def weight_decay(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`quiet`, or `false_alarm`, `unclear`; `no_scale` if the measure does not tell random labels."""
    return _excess(zoo, "weight_decay", row, outcome, "weight decay")


def dropout(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """As weight_decay."""
    return _excess(zoo, "dropout", row, outcome, "dropout")


def random_crop(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """As weight_decay."""
    return _excess(zoo, "random_crop", row, outcome, "random cropping")


def _excess(zoo: Zoo, regularizer: str, row: Rows, outcome: Outcomes, what: str) -> Finding:
    regularized = interventions.regularized(zoo, regularizer)
    return too_few(regularized, what) or excess_finding(regularized, row, outcome, what)


QUESTION = Question("regularizers", recipes, premise, (weight_decay, dropout, random_crop))
