"""Values at the ends of what a float holds are answered like any other, and a record can be written with the answer."""

import json
import sys
import warnings

import pytest

import tests.builders.constructed_zoo as made
from harness.evaluation.finding import Finding
from harness.judging.questions import QUESTIONS
from harness.judging.questions.question import Clause
from harness.training.recipe import Recipe
from tests.builders.constructed_zoo import DIGITS, Value, outcome, rows

LARGEST = sys.float_info.max
CLAUSES = [clause for question in QUESTIONS for clause in question.clauses]


def signs(recipe: Recipe) -> float:
    return LARGEST if made.noise(recipe) > 0.5 else -LARGEST


def split(recipe: Recipe) -> float:
    return -LARGEST if recipe.condition == "true_labels" else LARGEST


def one_is_largest(recipe: Recipe) -> float:
    return LARGEST if recipe.condition == "true_labels" and made.noise(recipe) > 0.95 else made.gap(recipe)


def smallest(recipe: Recipe) -> float:
    return 5e-324 * (recipe.condition != "true_labels")


@pytest.mark.slow
@pytest.mark.parametrize("value", [signs, split, one_is_largest, smallest])
@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
def test_each_clause_answers_with_numbers_that_a_record_holds(clause: Clause, value: Value) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        finding = clause(DIGITS, rows(value), outcome)
    assert isinstance(finding, Finding)
    assert json.dumps(finding.numbers, allow_nan=False)
