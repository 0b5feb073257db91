"""What the questions about twins have in common: the gate's sign test, as a Finding."""

from collections.abc import Sequence

from harness.evaluation.finding import Finding
from harness.judging.questions.question import Outcomes, Rows, numbers_of
from harness.judging.twin_statistics import sign_test
from harness.judging.verdict import SIGNIFICANCE, Verdict, judge
from harness.zoo.zoo import Twin


def compare(twins: Sequence[Twin], row: Rows, outcome: Outcomes) -> Verdict:
    """The gate's statistics on these twins: larger on the randomized one?"""
    return judge("", "", twins, row, lambda recipe: outcome(recipe).gap)


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
            wins=verdict.wins,
            ties=verdict.ties,
            losses=verdict.losses,
            pairs=verdict.pairs,
            p_value=verdict.p_value,
            auc=verdict.auc,
            kendall_tau=verdict.kendall_tau,
        ),
        status=status,
        detail=detail,
    )


def counted(verdict: Verdict) -> str:
    """`18/20 larger, p = 0.0002`: the side that is in the majority."""
    wins, side = (verdict.losses, "smaller") if verdict.losses > verdict.wins else (verdict.wins, "larger")
    ties = f", {verdict.ties} ties" if verdict.ties else ""
    return f"{wins}/{verdict.pairs} {side}{ties}, p = {sign_test(wins, verdict.pairs):.2g}"


def larger_gap(twins: Sequence[Twin], outcome: Outcomes, who: str) -> list[str]:
    """A premise: the second of the twins has the larger gap, by the sign test."""
    larger = sum(outcome(twin.randomized).gap > outcome(twin.natural).gap for twin in twins)
    if sign_test(larger, len(twins)) < SIGNIFICANCE:
        return []
    return [f"{who} have the larger gap in only {larger} of {len(twins)} twins: nothing is there to be told"]
