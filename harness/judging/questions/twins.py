"""What the questions about twins have in common: the gate's sign test over units, as a Finding."""

from collections.abc import Mapping, Sequence

from harness.evaluation.finding import Finding
from harness.judging.questions.question import Outcomes, Rows, numbers_of
from harness.judging.twin_statistics import sign_test
from harness.judging.units.decision import Unit, decide
from harness.judging.units.headline import told
from harness.judging.units.sign_test import SIGNIFICANCE
from harness.judging.units.witnesses import by_unit
from harness.judging.verdict import Verdict, judge
from harness.zoo.zoo import Twin


def compare(twins: Sequence[Twin], row: Rows, outcome: Outcomes, limits: Mapping[Unit, float] | None = None) -> Verdict:
    """The gate's statistics on these twins: larger on the randomized one, in enough units? Differences below a unit's
    limit are ties, if `limits` are given."""
    return judge("", "", by_unit(twins), row, lambda recipe: outcome(recipe).gap, limits)


def pairs_finding(verdict: Verdict, status: str, problem: str) -> Finding:
    """The finding with the verdict's numbers; `problem` is completed by them."""
    if verdict.status in ("error", "timeout"):
        return Finding(problem=verdict.reason, status=verdict.status)
    if verdict.status == "not_applicable":
        return Finding(skipped=f"not applicable to any of these models: {verdict.reason}", status=verdict.status)
    detail = counted(verdict)
    return Finding(
        problem=f"{problem} ({detail})" if problem else "",
        numbers=numbers_of(
            won=verdict.won,
            lost=verdict.lost,
            units=len(verdict.units),
            p_value=verdict.p_value,
            p_inverted=verdict.p_inverted,
            auc=verdict.auc,
            kendall_tau=verdict.kendall_tau,
        ),
        status=status,
        detail=detail,
    )


def counted(verdict: Verdict) -> str:
    """`larger in 13 of 14 units, loses convnet on digits, p = 0.00092`; of more units lost than won, how many."""
    if verdict.lost > verdict.won:
        return f"smaller in {verdict.lost} of {len(verdict.units)} units, p = {verdict.p_inverted:.2g}"
    return f"larger in {told(verdict)}, p = {verdict.p_value:.2g}"


def larger_gap(twins: Sequence[Twin], outcome: Outcomes, who: str) -> list[str]:
    """A premise: the second of the twins has the larger gap, by the sign test over units."""
    units = by_unit(twins).units
    gaps = {unit: [(outcome(twin.natural).gap, outcome(twin.randomized).gap) for twin in units[unit]] for unit in units}
    larger = sum(decide(unit, pairs).decision == "won" for unit, pairs in gaps.items())
    if sign_test(larger, len(units)) < SIGNIFICANCE:
        return []
    return [f"{who} have the larger gap in only {larger} of {len(units)} units: nothing is there to be told"]
