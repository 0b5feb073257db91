"""Does the verdict survive equal steps in place of equal loss?

The gate's twins stop at one training loss, which random labels reach after ten times as many steps. Here the natural
network goes on for as many steps as its twin took. What then decides otherwise has been reading what differs besides:
the length of training, or the loss that is left.
"""

from harness.evaluation.finding import Finding
from harness.judging.questions.question import Outcomes, Question, Rows, unfitted
from harness.judging.questions.twins import compare, counted, larger_gap, pairs_finding
from harness.judging.twin_statistics import sign_test
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.zoo import Twin, Zoo, twins

CHANCE = 0.05
"""A changed verdict counts only if twins changed sides more often one way than so."""


def recipes(zoo: Zoo) -> list[Recipe]:
    pairs = [*twins(zoo, "random_labels"), *interventions.equal_steps(zoo)]
    return list(dict.fromkeys(recipe for twin in pairs for recipe in (twin.natural, twin.randomized)))


def premise(zoo: Zoo, outcome: Outcomes) -> list[str]:
    """Twins took equally many steps, and the one on random labels still has the larger gap."""
    pairs = interventions.equal_steps(zoo)
    unequal = [
        f"{twin.natural.id} took {outcome(twin.natural).steps} steps, its twin {outcome(twin.randomized).steps}"
        for twin in pairs
        if outcome(twin.natural).steps != outcome(twin.randomized).steps
    ]
    return unfitted(recipes(zoo), outcome) + unequal + larger_gap(pairs, outcome, "the networks on random labels")


def equal_steps(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`survives` if it separates both times, `confounded` if the verdict changes (by more than chance: else `unclear`);
    else what it was before and after."""
    before = compare(twins(zoo, "random_labels"), row, outcome)
    after = compare(interventions.equal_steps(zoo), row, outcome)
    change = f"{before.status} at equal loss ({counted(before)}), {after.status} at equal steps ({counted(after)})"
    status: str
    if {before.status, after.status} & {"error", "timeout", "not_applicable"}:
        status, problem = after.status, after.reason
    elif before.status == after.status:
        status = "survives" if after.passes else after.status
        problem = "" if after.passes else "does not tell random labels, whether at equal loss or at equal steps"
    else:
        p_value = changed_sides(zoo, row)
        status = "confounded" if p_value < CHANCE else "unclear"
        problem = f"confounded with the stopping rule: {change}" if p_value < CHANCE else f"unclear: {change}"
    return pairs_finding(after, status, problem)


def changed_sides(zoo: Zoo, row: Rows) -> float:
    """Exact two-sided test (McNemar's) of whether seeds that win once do so rather before, or rather after."""
    won_before = [_wins(twin, row) for twin in twins(zoo, "random_labels")]
    won_after = [_wins(twin, row) for twin in interventions.equal_steps(zoo)]
    gained = sum(after and not before for before, after in zip(won_before, won_after, strict=True))
    lost = sum(before and not after for before, after in zip(won_before, won_after, strict=True))
    return min(1.0, 2 * sign_test(max(gained, lost), gained + lost)) if gained + lost else 1.0


def _wins(twin: Twin, row: Rows) -> bool:
    natural, randomized = row(twin.natural).value, row(twin.randomized).value
    return natural is not None and randomized is not None and randomized > natural


QUESTION = Question("stopping_rule", recipes, premise, (equal_steps,))
