"""On natural data alone, does it rank networks by their gap as hyperparameters change?

Jiang et al. 2020 (arXiv:1912.02178): networks of different width, depth, batch size and learning rate, all on true
labels; a measure should be larger where the gap is, when one hyperparameter changes and the others do not. Dziugaite
et al. 2020 (arXiv:2010.11924): and not on average only.

Two numbers stand beside a measure's own: what the expected gap itself reaches on the measured gaps (ceiling.py), and
how often functions of the hyperparameters pass that have nothing to do with the gap (FALSE_POSITIVES).
"""

import math
import statistics
from collections.abc import Mapping, Sequence

from harness.evaluation.finding import Finding
from harness.judging.ceiling import Ceiling, ceiling, standard_error
from harness.judging.questions.question import Outcomes, Question, Rows, nothing_to_judge, numbers_of, unfitted
from harness.judging.ranking import Ranking, any_is_told_apart, is_above_chance, ranking
from harness.judging.units.decision import TIE
from harness.judging.units.fractions import mean_of_largest
from harness.judging.units.sign_test import SIGNIFICANCE
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.grid import Grid, GridPoint
from harness.zoo.zoo import Zoo

FALSE_POSITIVES = {(3, 2, 2, 2): 22}
"""Of 1,000 unrelated smooth functions, by the sizes of a grid's axes: how many predict (ranking.py)."""


def recipes(zoo: Zoo) -> list[Recipe]:
    return [recipe for seeds in interventions.hyperparameters(zoo).values() for recipe in seeds]


def premise(zoo: Zoo, outcome: Outcomes) -> list[str]:
    """Every network fits its images."""
    return unfitted(recipes(zoo), outcome)


def no_difference(zoo: Zoo, outcome: Outcomes) -> str:
    """Why there is nothing to rank: no grid, one on which the gap itself could not be told from chance, or gaps that
    differ between its points by no more than their error."""
    if zoo.grid is None:
        return f"the {zoo.name} zoo has no grid of hyperparameters"
    gaps = {point: [outcome(recipe).gap for recipe in s] for point, s in interventions.hyperparameters(zoo).items()}
    means = {point: statistics.fmean(seeds) for point, seeds in gaps.items()}
    spread, error = statistics.stdev(means.values()), standard_error([*gaps.values()])
    if spread <= error:
        return (
            f"the gaps differ by {spread:.2g} over the grid (standard deviation), no more than their error {error:.2g}"
        )
    if not any_is_told_apart(means, math.sqrt(2) * error):
        return (
            f"no two neighbours on the grid have gaps that differ by more than their error {math.sqrt(2) * error:.2g}"
        )
    if not is_above_chance(means, means, SIGNIFICANCE):
        return f"the grid of {len(means)} points is too small: the gap itself would not rank them better than chance"
    return ""


def grid(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`predicts` if both granulated tau and the signed information are above chance, else `overlaps`; `inverted` if
    both are above chance for the negated measure. Values and gaps are means over seeds. The detail has the ceiling of
    both, and how often smooth functions pass that have nothing to do with the gap."""
    reason = no_difference(zoo, outcome)
    if zoo.grid is None or reason:
        return Finding(skipped=reason)
    points = interventions.hyperparameters(zoo)
    if (none := nothing_to_judge([row(recipe) for seeds in points.values() for recipe in seeds])) is not None:
        return none
    known = {
        point: [value for recipe in seeds if (value := row(recipe).value) is not None]
        for point, seeds in points.items()
    }
    if missing := sum(len(known[point]) < len(seeds) for point, seeds in points.items()):
        return Finding(f"has no value at {missing} of {len(points)} places of the grid", status="not_applicable")
    gaps = {point: [outcome(recipe).gap for recipe in seeds] for point, seeds in points.items()}
    noise = math.sqrt(2) * standard_error([*gaps.values()])  # of a difference
    means = {point: _mean(seeds) for point, seeds in known.items()}
    if _within_a_tie(means, known):
        means = dict.fromkeys(means, 0.0)
    mean_gaps = {point: statistics.fmean(seeds) for point, seeds in gaps.items()}
    found = ranking(means, mean_gaps, noise)
    status, problem = "overlaps", "does not rank natural networks by their gap"
    if max(found.granulated_p, found.information_p) < SIGNIFICANCE:
        status, problem = "predicts", ""
    elif _ranks_against(means, mean_gaps, found):
        status, problem = "inverted", "ranks natural networks against their gap"
    best = ceiling(gaps)
    detail = _detail(found, best) + _by_chance(zoo.grid)
    return Finding(
        problem=f"{problem} ({detail})" if problem else "",
        numbers=_numbers(found, best, zoo.grid),
        status=status,
        detail=detail,
    )


def _mean(values: Sequence[float]) -> float:
    try:
        return statistics.fmean(values)
    except OverflowError:  # of the sum alone
        return mean_of_largest(values)


def _within_a_tie(means: Mapping[GridPoint, float], values: Mapping[GridPoint, Sequence[float]]) -> bool:
    """Whether the means are told apart by less than a tie (units/decision.py): TIE times the spread over seeds."""
    largest = max(abs(value) for seeds in values.values() for value in seeds) or 1.0  # no overflow on the way
    spreads = [statistics.stdev(value / largest for value in seeds) for seeds in values.values() if len(seeds) > 1]
    apart = (max(means.values()) / largest) - (min(means.values()) / largest)
    return apart < TIE * min(spreads, default=0.0)


def _detail(found: Ranking, best: Ceiling) -> str:
    tau, information = f"granulated tau {found.granulated_tau:z.2f}", f"signed information {found.information:z.2f}"
    return (
        f"{tau} (p = {found.granulated_p:.2g}, at best {best.granulated_tau:z.2f}), {information} (p = "
        f"{found.information_p:.2g}, at best {best.information:z.2f}), worst sign error {found.worst_sign_error:.2f}"
    )


def _by_chance(grid: Grid) -> str:
    """Said of the grids on which it was simulated, alone."""
    sizes = tuple(sorted((len(values) for values in grid.axes.values()), reverse=True))
    if sizes not in FALSE_POSITIVES:
        return ""
    return f"; unrelated smooth functions predict in {FALSE_POSITIVES[sizes]} of 1,000 draws"


def _ranks_against(means: Mapping[GridPoint, float], gaps: Mapping[GridPoint, float], found: Ranking) -> bool:
    if found.granulated_tau >= 0:
        return False
    return is_above_chance({point: -mean for point, mean in means.items()}, gaps, SIGNIFICANCE)


def _numbers(found: Ranking, best: Ceiling, grid: Grid) -> dict[str, float]:
    by_axis = {f"tau_{name}": found.tau_by_axis[number] for number, name in enumerate(grid.axes)}
    return by_axis | numbers_of(
        granulated_tau=found.granulated_tau,
        granulated_p=found.granulated_p,
        worst_sign_error=found.worst_sign_error,
        information=found.information,
        information_p=found.information_p,
        granulated_tau_ceiling=best.granulated_tau,
        information_ceiling=best.information,
    )


QUESTION = Question("hyperparameters", recipes, premise, (grid,))
