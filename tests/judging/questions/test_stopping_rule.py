"""The gate's verdict asked again at equal steps and at equal training errors, on measures with known fates."""

import dataclasses
from collections.abc import Callable

import pytest

import tests.builders.constructed_zoo as made
from harness.training.recipe import Recipe
from harness.training.train import Outcome
from tests.builders.constructed_zoo import DIGITS, outcome, rows
from tests.judging.questions.test_questions import CLAUSES, NAMES, found, unit_number


def test_the_residual_loss_is_confounded_with_the_stopping_rule() -> None:
    finding = found(made.residual_loss, "equal_steps")
    assert finding.status == "confounded"
    assert "stopping rule: overlaps at equal loss (larger in 9 of 18 units, loses 9, p = 0.59), " in finding.problem
    assert finding.problem.endswith("separates at equal steps (larger in 18 of 18 units, p = 3.8e-06)")  # 2**-18


def test_a_verdict_that_changes_in_one_unit_is_unclear_and_not_confounded() -> None:
    def nearly(recipe: Recipe) -> float:
        """15 of 18 units at equal loss, 16 of 18 at equal steps; a unit of each network both times."""
        lost = unit_number(recipe) < (2 if recipe.steps_of else 3)
        return 1.0 if recipe.condition == "random_labels" else 2.0 * lost

    assert found(nearly, "equal_steps").status == "unclear"


@pytest.mark.parametrize("units", [5, 6])
def test_a_changed_verdict_counts_from_six_units_that_changed_sides_one_way(units: int) -> None:
    """McNemar's test: all of 5 units have p = 1/16, all of 6 have 1/32."""

    def falls_with_steps(recipe: Recipe) -> float:
        return (
            1.0
            if recipe.condition == "random_labels"
            else 2.0 * (bool(recipe.steps_of) and unit_number(recipe) < units)
        )

    assert found(falls_with_steps, "equal_steps").status == ("confounded" if units == 6 else "unclear")


def with_training_errors(unequal_seeds: int) -> Callable[[Recipe], Outcome]:
    """An example misclassified by the natural network on so many seeds, the first of the zoo."""

    def altered(recipe: Recipe) -> Outcome:
        found = outcome(recipe)
        errs = recipe.condition == "true_labels" and not recipe.steps_of and recipe.seed < unequal_seeds
        return dataclasses.replace(found, train_error=1 / 512) if errs else found

    return altered


def test_a_measure_that_reads_who_errs_is_confounded_with_the_training_error() -> None:
    """Smaller on the natural network where it misclassifies something, which it does on two seeds of every unit."""

    def altered(recipe: Recipe) -> Outcome:
        errs = recipe.condition == "true_labels" and recipe.seed % 3 > 0
        return dataclasses.replace(outcome(recipe), train_error=1 / 512) if errs else outcome(recipe)

    clause = CLAUSES[NAMES.index("equal_error")][1]
    finding = clause(DIGITS, rows(lambda recipe: -altered(recipe).train_error), altered)
    assert finding.status == "confounded"
    assert "confounded with the training error: separates at equal loss" in finding.problem
    assert "18 of 54 seeds have equal training errors: natural 0.13%" in finding.problem
    assert "(more in 0, fewer in 36 seeds)" in finding.problem
    assert clause(DIGITS, rows(made.gap), altered).status == "survives"


def test_units_without_a_seed_of_equal_errors_are_left_out_and_too_few_are_not_judged() -> None:
    clause = CLAUSES[NAMES.index("equal_error")][1]
    enough = clause(DIGITS, rows(made.gap), with_training_errors(24))
    assert (enough.status, enough.numbers["units"], enough.numbers["equal_seeds"]) == ("survives", 10, 30)
    few = clause(DIGITS, rows(made.gap), with_training_errors(25))
    assert few.status == "survives"  # a unit with two seeds left
    few = clause(DIGITS, rows(made.gap), with_training_errors(27))
    assert few.skipped.startswith("too few units, 9 of the 10 needed, have such a seed: 27 of 54 seeds")
