"""Does it measure the gap, or the error?

After three epochs on random labels a network errs on nine test images of ten, and on almost as many training images:
there is hardly a gap, since nothing has been fitted yet. A measure of the gap has gone little of the way to its value
on random labels then; a measure of the error, or of the data, all of it.
"""

from harness import interventions
from harness.checklist import Finding
from harness.questions.question import Outcomes, Question, Rows, unfitted
from harness.questions.ways import fraction_finding, gap_fraction, shown
from harness.recipe import Recipe
from harness.zoo import Zoo

LITTLE = 0.25
"""The gap itself, in a premise: so far at most, at this part of the test error at least."""
MOST = 0.8


def recipes(zoo: Zoo) -> list[Recipe]:
    ways = interventions.stopped_early(zoo)
    return list(dict.fromkeys(each for way in ways for each in (way.natural, way.changed, way.randomized)))


def premise(zoo: Zoo, outcome: Outcomes) -> list[str]:
    """Stopped early, a network errs as one that fits random labels does, and has little gap."""
    ways = interventions.stopped_early(zoo)
    problems = unfitted((each for way in ways for each in (way.natural, way.randomized)), outcome)
    problems += [
        f"{way.changed.id} has test error {outcome(way.changed).test_error:.2f} only"
        for way in ways
        if outcome(way.changed).test_error < MOST * outcome(way.randomized).test_error
    ]
    fraction = gap_fraction(ways, outcome)
    if fraction is None or fraction.interval[1] > LITTLE:
        problems.append(f"the gap is there already after {interventions.EARLY_EPOCHS} epochs: {shown(fraction)} of it")
    return problems


def three_epochs(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`gap`, or `error` if it has gone more than half of the way, `unclear`; `no_scale` as in regularizers."""
    return fraction_finding(interventions.stopped_early(zoo), row)


QUESTION = Question("early_stopping", recipes, premise, (three_epochs,))
