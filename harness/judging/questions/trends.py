"""What the questions about trends have in common: in how many units does the measure rise along the ladder?

The sign test over units, as in the gate: a unit's ladder rises where Spearman's correlation with the level is positive,
and a measure that knows nothing of the level rises with probability one half at most. Page's test beside it supposes
more, that any order of a ladder's values is equally likely: a measure whose sign is a coin for each unit, and which
follows the level otherwise, would pass Page's in 8 to 10% of draws at p < 0.001.
"""

from collections.abc import Sequence

from harness.evaluation.finding import Finding
from harness.judging.questions import random_labels
from harness.judging.questions.question import Outcomes, Rows, nothing_to_judge, numbers_of
from harness.judging.trend import Trend, page_trend
from harness.judging.twin_statistics import mean_kendall_tau, sign_test
from harness.judging.units.headline import NAMED, listed
from harness.judging.units.networks import enough_of, networks_without
from harness.judging.units.sign_test import SIGNIFICANCE
from harness.judging.units.witnesses import unit_of
from harness.zoo.interventions import Ladder
from harness.zoo.zoo import Zoo


def trend_finding(
    zoo: Zoo, ladders: Sequence[Ladder], row: Rows, outcome: Outcomes, what: str, same_data: bool = False
) -> Finding:
    """`grows` if enough units of enough networks rise, `falls` if they fall, else `flat`; with the `same_data` on every
    rung, ties throughout are `data_only`. A ladder whose values differ by no more than a tie of its unit neither rises
    nor falls. The units in which the measure does not rise are named."""
    if (none := nothing_to_judge([row(recipe) for ladder in ladders for recipe in ladder])) is not None:
        return none
    limits = random_labels.limits(zoo, row)
    values = [without_ties([row(recipe).value for recipe in ladder], limits[unit_of(ladder[0])]) for ladder in ladders]
    trend = page_trend(values)
    units = [unit_of(ladder[0]) for ladder in ladders]
    of_units = dict(zip(units, trend.rhos, strict=True))
    rising, falling = ([unit for unit, rho in of_units.items() if sign * rho > 0] for sign in (1, -1))
    p_rising, p_falling = (sign_test(len(found), len(units)) for found in (rising, falling))
    tau = mean_kendall_tau([[(row(recipe).value, outcome(recipe).gap) for recipe in ladder] for ladder in ladders])
    if enough_of(rising, units):
        status, problem = "grows", ""
    elif enough_of(falling, units):
        status, problem = "falls", f"falls as {what} grows"
    elif same_data and all(None not in block and len({*block}) == 1 for block in values):
        status, problem = "data_only", "data only: it ties throughout on the images that are the same"
    else:
        on = f" on {listed(networks_without(rising, units))}" if p_rising < SIGNIFICANCE else ""
        status, problem = "flat", f"does not grow with {what}{on}"
    down = status == "falls"
    side = f"falls in {len(falling)}" if down else f"rises in {len(rising)}"
    detail = f"{side} of {len(ladders)} units, p = {p_falling if down else p_rising:.2g}"
    detail += "" if tau is None else f", tau with the gap {tau:z.2f}"
    detail += "" if down else _not_rising(ladders, trend)
    return Finding(
        problem=f"{problem} ({detail})" if problem else "",
        numbers=numbers_of(
            p_value=p_rising,
            p_falling=p_falling,
            page_p=trend.p_rising,
            page_p_falling=trend.p_falling,
            rho=trend.rho,
            kendall_tau=tau,
            units=len(ladders),
            units_rising=len(rising),
            units_falling=len(falling),
        ),
        status=status,
        detail=detail,
    )


def gap_rises(ladders: Sequence[Ladder], outcome: Outcomes, what: str) -> list[str]:
    """A premise: the gap itself grows."""
    p_value = page_trend([[outcome(recipe).gap for recipe in ladder] for ladder in ladders]).p_rising
    if p_value < SIGNIFICANCE:
        return []
    return [f"the gap does not grow with {what} (Page's trend p = {p_value:.2g})"]


def without_ties(block: Sequence[float | None], limit: float) -> Sequence[float | None]:
    """The block, tied throughout if its values differ by less than the limit."""
    known = [value for value in block if value is not None]
    if len(known) < len(block) or max(known) / 2 - min(known) / 2 >= limit / 2:  # halves: no overflow
        return block
    return [known[0]] * len(block)


def _not_rising(ladders: Sequence[Ladder], trend: Trend) -> str:
    """`; not on convnet on digits (rho -0.90), mlp_1x512 on digits (rho 0.00)`, the worst first."""
    rhos = sorted(zip(trend.rhos, map(unit_of, (ladder[0] for ladder in ladders)), strict=True))
    fallen = [f"{unit} (rho {rho:z.2f})" for rho, unit in rhos if rho <= 0]
    if not fallen:
        return ""
    more = f" and {len(fallen) - NAMED} more" if len(fallen) > NAMED else ""
    return f"; not on {', '.join(fallen[:NAMED])}{more}"
