"""The grid of natural networks, asked of measures with known fates."""

import dataclasses

import pytest

import tests.builders.constructed_zoo as made
from harness.evaluation.finding import Finding
from harness.judging.questions import QUESTIONS
from harness.training.recipe import Recipe
from harness.training.train import Outcome
from tests.builders.constructed_zoo import DIGITS, Value, outcome, rows

pytestmark = pytest.mark.slow

QUESTION = next(question for question in QUESTIONS if question.name == "hyperparameters")
(GRID,) = QUESTION.clauses


def found(value: Value) -> Finding:
    return GRID(DIGITS, rows(value), outcome)


def test_the_grid_has_its_ceiling_and_its_false_positives_beside_it() -> None:
    finding = found(made.gap)
    assert finding.numbers["granulated_tau_ceiling"] > 0.98
    assert "at best 1.00" in finding.detail
    assert "unrelated smooth functions predict in" in finding.detail


def test_the_grid_is_not_judged_where_gaps_differ_by_no_more_than_their_error() -> None:
    def by_seed(recipe: Recipe) -> Outcome:
        return dataclasses.replace(outcome(recipe), train_error=0.0, test_error=0.05 + 0.01 * recipe.seed)

    skipped = GRID(DIGITS, rows(made.coin), by_seed).skipped
    assert skipped == "the gaps differ by 0 over the grid (standard deviation), no more than their error 0.0058"


def test_a_zoo_without_a_grid_asks_nothing_of_it() -> None:
    no_grid = dataclasses.replace(DIGITS, grid=None)
    assert GRID(no_grid, rows(made.coin), outcome).skipped == "the digits zoo has no grid of hyperparameters"
    assert QUESTION.recipes(no_grid) == []


def test_a_difference_on_the_grid_that_seeds_drown_a_hundred_times_is_none() -> None:
    def drowned(recipe: Recipe) -> float:
        return recipe.seed % 2 + 1e-9 * made.gap(recipe)

    assert found(drowned).status == "overlaps"


def test_the_largest_floats_are_ranked_on_the_grid_like_others() -> None:
    assert found(lambda recipe: 1.7e308 * made.gap(recipe)).status == "predicts"


def test_a_grid_on_which_the_gap_itself_could_not_be_told_from_chance_is_not_judged() -> None:
    axes = {name: DIGITS.grid.axes[name] for name in ("depth", "width")}
    few = dataclasses.replace(DIGITS.grid, axes=axes, training={"learning_rate": 0.01, "batch_size": 16})
    small = dataclasses.replace(DIGITS, grid=few)
    finding = GRID(small, rows(made.gap), outcome)
    assert "is too small: the gap itself would not rank them better than chance" in finding.skipped


def test_a_grid_whose_neighbours_do_not_differ_by_more_than_their_error_is_not_judged() -> None:
    """Gaps that add up small steps along every axis differ over the grid, and between no two neighbours."""

    def small_steps(recipe: Recipe) -> Outcome:
        depth, width = map(int, recipe.network.removeprefix("mlp_").split("x"))
        at = {"depth": depth, "width": width, "batch_size": recipe.batch_size, "learning_rate": recipe.learning_rate}
        levels = sum(values.index(at[name]) / (len(values) - 1) for name, values in DIGITS.grid.axes.items())
        error = 0.1 + 0.01 * levels + 0.01 * 3**0.5 / 1.2 * (recipe.seed % 3 - 1)  # an error of 0.01 / 1.2
        return dataclasses.replace(outcome(recipe), test_error=error, train_error=0.0)

    assert (
        "no two neighbours on the grid have gaps that differ by more than their error"
        in GRID(DIGITS, rows(made.gap), small_steps).skipped
    )
