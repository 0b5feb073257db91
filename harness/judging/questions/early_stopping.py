"""Does it measure the gap, or the error?

After three epochs on random labels a network errs on nine test images of ten, and on almost as many training images:
there is hardly a gap, since nothing has been fitted yet. A measure of the gap is where the gap is then, within half of
the way to random labels, either way; a measure of the error, or of the data, has gone all of it. Where natural networks
have a gap themselves, as on noisy digits, that of the early stop is smaller than theirs: hence "where the gap is", and
not "where it was".
"""

from harness.evaluation.finding import Finding
from harness.judging.questions.fractions import Bounds, at_most, excess_finding, gap_fraction, models_of, shown
from harness.judging.questions.question import Outcomes, Question, Rows, unfitted
from harness.judging.units.equivalence import GAP, GAP_NEIGHBOURS
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.zoo import Zoo

LITTLE = 0.25
"""The gap itself, in a premise: so far at most, by the end of its interval, at this part of the test error at least."""
MOST = 0.8

BOUNDS = Bounds(
    GAP,
    GAP_NEIGHBOURS,
    {
        "within": ("gap", ""),
        "above": ("error_not_gap", "measures the error, not the gap, before anything is fitted"),
        "below": ("below", "falls far below where the gap is before anything is fitted"),
        "unclear": ("unclear", "may measure the error, or the gap, before anything is fitted"),
    },
)


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
    fraction = gap_fraction(stopped, outcome, LITTLE)
    if not at_most(fraction):
        problems.append(f"the gap is there already after {interventions.EARLY_EPOCHS} epochs: {shown(fraction)} of it")
    return problems


def three_epochs(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`gap` within half of the way, `error_not_gap` above it, `below`, `unclear`; `no_scale` as in regularizers."""
    return excess_finding(zoo, interventions.stopped_early(zoo), row, outcome, BOUNDS)


QUESTION = Question("early_stopping", recipes, premise, (three_epochs,))
