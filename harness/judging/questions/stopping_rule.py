"""Does the verdict survive equal steps in place of equal loss, and equal errors beside it?

The gate's twins stop at one training loss, and that is not all that could be equal. Random labels reach it after more
steps, on noisy data at times after fewer: here the natural network takes as many steps as its twin took. And at one
loss twins may misclassify different numbers of the examples that they were trained on: here the seeds are judged alone
whose twins misclassify equally many. What then decides otherwise has been reading what differs besides: the length of
training, the loss that is left, or the errors that are.
"""

import math
import statistics
from collections.abc import Sequence

from harness.evaluation.finding import Finding
from harness.judging.questions.question import Outcomes, Question, Rows, unfitted
from harness.judging.questions.twins import compare, counted, larger_gap, pairs_finding
from harness.judging.twin_statistics import sign_test
from harness.judging.units.sign_test import MIN_UNITS
from harness.judging.units.witnesses import by_unit, unit_of
from harness.judging.verdict import Verdict
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.zoo import Twin, Zoo, twins

CHANCE = 0.05
"""A changed verdict counts only if units changed sides more often one way than so."""

FITTED = 0.01
"""With as many steps as its twin the natural network ends at a loss of its own, and that is what is asked about."""

LEAST = 1e-9
"""Training errors that differ by less are equal: an example is a larger part of any training set."""


def recipes(zoo: Zoo) -> list[Recipe]:
    pairs = [*twins(zoo, "random_labels"), *interventions.equal_steps(zoo)]
    return list(dict.fromkeys(recipe for twin in pairs for recipe in (twin.natural, twin.randomized)))


def premise(zoo: Zoo, outcome: Outcomes) -> list[str]:
    """The gate's networks fit, twins took equally many steps, the natural one misclassifies at most FITTED of what it
    was trained on, and the one on random labels still has the larger gap."""
    pairs = interventions.equal_steps(zoo)
    problems = unfitted((recipe for twin in twins(zoo, "random_labels") for recipe in _both(twin)), outcome)
    problems += [
        f"{twin.natural.id} misclassifies {found:.1%} of what it was trained on after as many steps as its twin"
        for twin in pairs
        if (found := outcome(twin.natural).train_error) > FITTED
    ]
    unequal = [
        f"{twin.natural.id} took {outcome(twin.natural).steps} steps, its twin {outcome(twin.randomized).steps}"
        for twin in pairs
        if outcome(twin.natural).steps != outcome(twin.randomized).steps
    ]
    return problems + unequal + larger_gap(pairs, outcome, "the networks on random labels")


def equal_steps(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`survives` if it separates both times, `confounded` if the verdict changes (by more than chance: else `unclear`);
    else what it was before and after."""
    before = compare(twins(zoo, "random_labels"), row, outcome)
    after = compare(interventions.equal_steps(zoo), row, outcome)
    return _changed(before, after, "at equal steps", "confounded with the stopping rule")


def equal_error(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """As equal_steps, on the gate's seeds whose twins have the same training error; a unit without any is left out.

    Skipped where fewer units are left than any measure could pass with. Both sides' training errors are in the detail.
    """
    pairs = twins(zoo, "random_labels")
    equal = equal_errors(pairs, outcome)
    errors = f"{len(equal)} of {len(pairs)} seeds have equal training errors: {_errors(pairs, outcome)}"
    left = by_unit(equal).units
    if len(left) < MIN_UNITS:
        return Finding(skipped=f"too few units, {len(left)} of the {MIN_UNITS} needed, have such a seed: {errors}")
    before = compare([twin for twin in pairs if unit_of(twin.natural) in left], row, outcome)
    after = compare(equal, row, outcome)
    finding = _changed(before, after, "at equal errors", "confounded with the training error")
    if not finding.detail:
        return finding
    return Finding(
        problem=f"{finding.problem}; {errors}" if finding.problem else "",
        numbers=finding.numbers | {"equal_seeds": float(len(equal)), "seeds": float(len(pairs))},
        status=finding.status,
        detail=f"{finding.detail}; {errors}",
    )


def equal_errors(pairs: Sequence[Twin], outcome: Outcomes) -> list[Twin]:
    """Twins that misclassify equally many of the examples that they were trained on."""
    return [
        twin for twin in pairs if math.isclose(*(outcome(recipe).train_error for recipe in _both(twin)), abs_tol=LEAST)
    ]


def changed_sides(before: Verdict, after: Verdict) -> float:
    """Exact two-sided test (McNemar's) of whether units that are won once are so rather before, or rather after."""
    won = [{unit.unit for unit in verdict.units if unit.decision == "won"} for verdict in (before, after)]
    gained, lost = len(won[1] - won[0]), len(won[0] - won[1])
    return min(1.0, 2 * sign_test(max(gained, lost), gained + lost)) if gained + lost else 1.0


def _changed(before: Verdict, after: Verdict, where: str, confounded: str) -> Finding:
    """What a verdict says that is asked twice, at equal loss alone and then with something else equal."""
    status: str
    if {before.status, after.status} & {"error", "timeout", "not_applicable"}:
        failed = after if after.status in ("error", "timeout", "not_applicable") else before
        return pairs_finding(failed, failed.status, failed.reason)
    if before.status == after.status:
        status = "survives" if after.passes else after.status
        problem = "" if after.passes else f"does not tell random labels, whether at equal loss or {where}"
    else:
        change = f"{before.status} at equal loss ({counted(before)}), {after.status} {where}"
        status = "confounded" if changed_sides(before, after) < CHANCE else "unclear"
        problem = f"{confounded if status == 'confounded' else status}: {change}"
    return pairs_finding(after, status, problem)


def _errors(pairs: Sequence[Twin], outcome: Outcomes) -> str:
    """`natural 0.02%, on random labels 0.00% (more in 1, fewer in 4 seeds)`, the means over seeds."""
    errors = [(outcome(twin.natural).train_error, outcome(twin.randomized).train_error) for twin in pairs]
    natural, randomized = (statistics.fmean(side) for side in zip(*errors, strict=True))
    unequal = [pair for pair in errors if not math.isclose(*pair, abs_tol=LEAST)]
    more = sum(theirs > own for own, theirs in unequal)
    less = len(unequal) - more
    return f"natural {natural:.2%}, on random labels {randomized:.2%} (more in {more}, fewer in {less} seeds)"


def _both(twin: Twin) -> tuple[Recipe, Recipe]:
    return twin.natural, twin.randomized


QUESTION = Question("stopping_rule", recipes, premise, (equal_steps, equal_error))
