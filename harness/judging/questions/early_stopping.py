"""Does it measure the gap, or the error?

After three epochs on random labels a network errs on nine test images of ten, and on almost as many training images:
there is hardly a gap, since nothing has been fitted yet. A measure of the gap has gone little of the way to its value
on random labels then; a measure of the error, or of the data, all of it.
"""

from harness.evaluation.finding import Finding
from harness.judging.questions.fractions import fraction_finding, gap_fraction, models_of, shown
from harness.judging.questions.question import Outcomes, Question, Rows, unfitted
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.zoo import Zoo

LITTLE = 0.25
"""The gap itself, in a premise: so far at most, at this part of the test error at least."""
MOST = 0.8


def recipes(zoo: Zoo) -> list[Recipe]:
    return models_of(interventions.stopped_early(zoo))


def premise(zoo: Zoo, outcome: Outcomes) -> list[str]:
    """Stopped early, a network errs as one that fits random labels does, and has little gap."""
    stopped = interventions.stopped_early(zoo)
    problems = unfitted((recipe for seed in stopped for recipe in (seed.natural, seed.randomized)), outcome)
    problems += [
        f"{seed.changed.id} has test error {outcome(seed.changed).test_error:.2f} only"
        for seed in stopped
        if outcome(seed.changed).test_error < MOST * outcome(seed.randomized).test_error
    ]
    fraction = gap_fraction(stopped, outcome)
    if fraction is None or fraction.interval[1] > LITTLE:
        problems.append(f"the gap is there already after {interventions.EARLY_EPOCHS} epochs: {shown(fraction)} of it")
    return problems


def three_epochs(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`gap`, or `error` if it has gone more than half of the way, `unclear`; `no_scale` as in regularizers."""
    return fraction_finding(interventions.stopped_early(zoo), row)


QUESTION = Question("early_stopping", recipes, premise, (three_epochs,))
