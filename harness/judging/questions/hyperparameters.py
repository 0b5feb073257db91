"""On natural data alone, does it rank networks by their gap as hyperparameters change?

Jiang et al. 2020 (arXiv:1912.02178): networks of different width, depth, batch size and learning rate, all on true
labels; a measure should be larger where the gap is, when one hyperparameter changes and the others do not. Dziugaite
et al. 2020 (arXiv:2010.11924): and not on average only.
"""

import math
import statistics
from collections.abc import Mapping, Sequence

from harness.evaluation.finding import Finding
from harness.judging.questions.question import Outcomes, Question, Rows, nothing_to_judge, numbers_of, unfitted
from harness.judging.ranking import Ranking, ranking
from harness.judging.verdict import SIGNIFICANCE
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.grid import GridPoint
from harness.zoo.zoo import Zoo


def recipes(zoo: Zoo) -> list[Recipe]:
    return [recipe for seeds in interventions.hyperparameters(zoo).values() for recipe in seeds]


def premise(zoo: Zoo, outcome: Outcomes) -> list[str]:
    """Every network fits its images."""
    return unfitted(recipes(zoo), outcome)


def no_difference(zoo: Zoo, outcome: Outcomes) -> str:
    """Why there is nothing to rank: no grid, or gaps that differ between its points by no more than their error."""
    if zoo.grid is None:
        return f"the {zoo.name} zoo has no grid of hyperparameters"
    gaps = [[outcome(recipe).gap for recipe in seeds] for seeds in interventions.hyperparameters(zoo).values()]
    spread, error = statistics.stdev(statistics.fmean(seeds) for seeds in gaps), standard_error(gaps)
    if spread > error:
        return ""
    return f"the gaps differ by {spread:.2g} over the grid (standard deviation), no more than their error {error:.2g}"


def standard_error(gaps: Sequence[Sequence[float]]) -> float:
    """Of a grid point's mean gap over its seeds, pooled over the points."""
    return math.sqrt(statistics.fmean(statistics.variance(seeds) / len(seeds) for seeds in gaps))


def grid(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`predicts` if both granulated tau and the signed information are above chance, else `overlaps`; `inverted` if
    both are above chance for the negated measure. Values and gaps are means over seeds."""
    if reason := no_difference(zoo, outcome):
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
    means = {point: statistics.fmean(seeds) for point, seeds in known.items()}
    mean_gaps = {point: statistics.fmean(seeds) for point, seeds in gaps.items()}
    found = ranking(means, mean_gaps, noise)
    status, problem = "overlaps", "does not rank natural networks by their gap"
    if max(found.granulated_p, found.information_p) < SIGNIFICANCE:
        status, problem = "predicts", ""
    elif _ranks_against(means, mean_gaps, found):
        status, problem = "inverted", "ranks natural networks against their gap"
    detail = f"granulated tau {found.granulated_tau:z.2f} (p = {found.granulated_p:.2g}), "
    detail += f"signed information {found.information:z.2f} (p = {found.information_p:.2g}), "
    detail += f"worst sign error {found.worst_sign_error:.2f}"
    return Finding(
        problem=f"{problem} ({detail})" if problem else "",
        numbers=_numbers(found, zoo),
        status=status,
        detail=detail,
    )


def _ranks_against(means: Mapping[GridPoint, float], gaps: Mapping[GridPoint, float], found: Ranking) -> bool:
    if found.granulated_tau >= 0:
        return False
    negated = ranking({point: -mean for point, mean in means.items()}, gaps)
    return max(negated.granulated_p, negated.information_p) < SIGNIFICANCE


def _numbers(found: Ranking, zoo: Zoo) -> dict[str, float]:
    assert zoo.grid is not None
    by_axis = {f"tau_{name}": found.tau_by_axis[number] for number, name in enumerate(zoo.grid.axes)}
    return by_axis | numbers_of(
        granulated_tau=found.granulated_tau,
        granulated_p=found.granulated_p,
        worst_sign_error=found.worst_sign_error,
        information=found.information,
        information_p=found.information_p,
    )


QUESTION = Question("hyperparameters", recipes, premise, (grid,))
