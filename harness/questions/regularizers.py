"""Does it raise a false alarm when training is regularized?

Zhang et al. 2017 (arXiv:1611.03530), section 3: regularizers barely change the gap. So a measure may not take the same
natural data, trained with weight decay, with dropout or on random crops, for something nearly memorized: how far does
each move it, on the way from the natural value to that on random labels, beyond what the gap itself moves?
"""

from harness import interventions
from harness.checklist import Finding
from harness.interventions import REGULARIZERS
from harness.questions.question import Outcomes, Question, Rows, unfitted
from harness.questions.ways import excess_finding, gap_fraction, shown
from harness.recipe import Recipe
from harness.zoo import Zoo

HARDLY = 0.05
"""The gap itself, in a premise: so far at most."""


def recipes(zoo: Zoo) -> list[Recipe]:
    ways = [way for name in REGULARIZERS for way in interventions.regularized(zoo, name)]
    return list(dict.fromkeys(each for way in ways for each in (way.natural, way.changed, way.randomized)))


def premise(zoo: Zoo, outcome: Outcomes) -> list[str]:
    """Every network fits its images, and no regularizer raises the gap."""
    problems = unfitted(recipes(zoo), outcome)
    for name in REGULARIZERS:
        fraction = gap_fraction(interventions.regularized(zoo, name), outcome)
        if fraction is None or fraction.interval[1] > HARDLY:
            problems.append(
                f"{name.replace('_', ' ')} raises the gap itself: by {shown(fraction)} of the way to random labels"
            )
    return problems


def weight_decay(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`quiet`, or `false_alarm`, `unclear`; `no_scale` if the measure does not tell random labels."""
    return excess_finding(interventions.regularized(zoo, "weight_decay"), row, outcome, "weight decay")


def dropout(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """As weight_decay."""
    return excess_finding(interventions.regularized(zoo, "dropout"), row, outcome, "dropout")


def random_crop(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """As weight_decay."""
    return excess_finding(interventions.regularized(zoo, "random_crop"), row, outcome, "random cropping")


QUESTION = Question("regularizers", recipes, premise, (weight_decay, dropout, random_crop))
