"""What the questions about trends have in common: Page's test over ladders, as a Finding."""

from collections.abc import Sequence

from harness.evaluation.finding import Finding
from harness.judging.questions.question import Outcomes, Rows, nothing_to_judge, numbers_of
from harness.judging.trend import page_trend
from harness.judging.twin_statistics import mean_kendall_tau
from harness.judging.verdict import SIGNIFICANCE
from harness.zoo.interventions import Ladder


def trend_finding(
    ladders: Sequence[Ladder], row: Rows, outcome: Outcomes, what: str, same_data: bool = False
) -> Finding:
    """`grows` if Page's test says so, else `falls` or `flat`; with the `same_data` on every rung, ties throughout are
    `data_only`."""
    if (none := nothing_to_judge([row(recipe) for ladder in ladders for recipe in ladder])) is not None:
        return none
    values = [[row(recipe).value for recipe in ladder] for ladder in ladders]
    trend = page_trend(values)
    tau = mean_kendall_tau([[(row(recipe).value, outcome(recipe).gap) for recipe in ladder] for ladder in ladders])
    if trend.p_rising < SIGNIFICANCE:
        status, problem = "grows", ""
    elif trend.p_falling < SIGNIFICANCE:
        status, problem = "falls", f"falls as {what} grows"
    elif same_data and all(len({*block}) == 1 for block in values):
        status, problem = "data_only", "data only: it ties throughout on the images that are the same"
    else:
        status, problem = "flat", f"does not grow with {what}"
    p_value = trend.p_falling if status == "falls" else trend.p_rising
    detail = f"Page's trend p = {p_value:.2g} over {len(ladders)} blocks"
    detail += "" if tau is None else f", tau with the gap {tau:z.2f}"
    return Finding(
        problem=f"{problem} ({detail})" if problem else "",
        numbers=numbers_of(p_value=trend.p_rising, p_falling=trend.p_falling, rho=trend.rho, kendall_tau=tau),
        status=status,
        detail=detail,
    )


def gap_rises(ladders: Sequence[Ladder], outcome: Outcomes, what: str) -> list[str]:
    """A premise: the gap itself grows."""
    p_value = page_trend([[outcome(recipe).gap for recipe in ladder] for ladder in ladders]).p_rising
    if p_value < SIGNIFICANCE:
        return []
    return [f"the gap does not grow with {what} (Page's trend p = {p_value:.2g})"]
