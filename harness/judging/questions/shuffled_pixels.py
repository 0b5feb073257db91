"""Is it silent where nothing changes?

Zhang et al. 2017 (arXiv:1611.03530), section 2.1: one fixed permutation of the pixels for all images. To a network
without any idea of neighbourhood the problem is the same as before, so in the units of such networks (MLPs) a measure
must stay where it was: within QUIET of the way to its value on random labels, either way, in the mean over units, by
an interval. That it was not seen to move would not be enough: with few units hardly anything is.
"""

from harness.evaluation.finding import Finding
from harness.judging.questions import random_labels
from harness.judging.questions.fractions import (
    Bounds,
    fraction_finding,
    gap_fraction,
    models_of,
    not_applied,
    shown,
)
from harness.judging.questions.question import Outcomes, Question, Rows, too_few, unfitted
from harness.judging.twin_statistics import count
from harness.judging.units.equivalence import QUIET, QUIET_NEIGHBOURS
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.zoo import Zoo

WHAT = "one permutation of positions that changes nothing"
MOVES = "tells shuffled pixels from natural ones, where nothing changed"
BOUNDS = Bounds(
    QUIET,
    QUIET_NEIGHBOURS,
    {
        "within": ("silent", ""),
        "above": ("moves", MOVES),
        "below": ("moves", MOVES),
        "unclear": ("unclear", "may move under shuffled pixels, where nothing changed, or not"),
    },
)


def recipes(zoo: Zoo) -> list[Recipe]:
    asked = models_of(interventions.shuffled_pixels(zoo))
    return [*dict.fromkeys([*asked, *(random_labels.models(zoo) if asked else ())])]


def premise(zoo: Zoo, outcome: Outcomes) -> list[str]:
    """Every network fits its images, and the gap itself stays within QUIET of the way to random labels."""
    shuffled = interventions.shuffled_pixels(zoo)
    problems = unfitted(recipes(zoo), outcome)
    if too_few(shuffled, WHAT):
        return problems
    fraction = gap_fraction(shuffled, outcome, QUIET)
    if fraction is None or fraction.decision != "within":
        problems.append(f"the gap itself moves under shuffled pixels: by {shown(fraction)} of the way to random labels")
    return problems


def shuffled_pixels(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`silent`, or `moves` where nothing happened, `unclear`; `no_scale` if random labels do not move it reliably.

    Without a scale a measure is `silent` only if it is the same to the last digit on both networks of every seed, as a
    constant is: any other difference could be large or small.
    """
    shuffled = interventions.shuffled_pixels(zoo)
    if none := too_few(shuffled, WHAT) or not_applied(shuffled, row):
        return none
    pairs = [(row(seed.natural).value, row(seed.changed).value) for seed in shuffled]
    wins, ties, losses = count(pairs)
    found = fraction_finding(zoo, shuffled, row, BOUNDS)
    counts = {"larger": float(wins), "smaller": float(losses), "seeds": float(len(pairs))}
    counted = f"larger in {wins} and smaller in {losses} of {len(pairs)} seeds"
    if found.status == "no_scale" and ties == len(pairs):
        return Finding(status="silent", numbers=counts, detail=f"the same on both networks of all {len(pairs)} seeds")
    return Finding(
        problem=f"{found.problem}; under shuffled pixels {counted}" if found.problem else "",
        numbers=found.numbers | counts,
        status=found.status,
        detail=f"{found.detail}; {counted}",
    )


QUESTION = Question("shuffled_pixels", recipes, premise, (shuffled_pixels,))
