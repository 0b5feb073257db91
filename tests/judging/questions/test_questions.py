"""Each question's clauses on measures with known fates, on outcomes that follow from the recipes."""

import dataclasses

import pytest

import tests.builders.constructed_zoo as made
from harness.evaluation.finding import Finding
from harness.evaluation.rows import Row
from harness.judging.questions import QUESTIONS
from harness.judging.questions.question import Question
from harness.training.recipe import Recipe
from harness.training.train import Outcome
from tests.builders.constructed_zoo import DIGITS, Value, outcome, rows

CLAUSES = [(question, clause) for question in QUESTIONS for clause in question.clauses]
NAMES = [clause.__name__ for _, clause in CLAUSES]


def found(value: Value, name: str) -> Finding:
    question, clause = CLAUSES[NAMES.index(name)]
    assert question.premise(DIGITS, outcome) == []
    return clause(DIGITS, rows(value), outcome)


def passing(value: Value) -> set[str]:
    return {name for name in NAMES if not (finding := found(value, name)).problem and not finding.skipped}


def question_named(name: str) -> Question:
    return next(question for question in QUESTIONS if question.name == name)


@pytest.mark.slow
def test_the_gap_itself_passes_everything() -> None:
    assert passing(made.gap) == set(NAMES)


@pytest.mark.slow
def test_the_negated_gap_passes_nothing_but_silence() -> None:
    assert passing(lambda recipe: -made.gap(recipe)) == {"shuffled_pixels"}
    statuses = {name: found(lambda recipe: -made.gap(recipe), name).status for name in NAMES}
    assert statuses["same_data"] == statuses["equal_steps"] == statuses["grid"] == "inverted"
    assert statuses["corrupted_fraction"] == statuses["attack_dose"] == statuses["scarce_images"] == "falls"
    assert statuses["weight_decay"] == statuses["three_epochs"] == "no_scale"


@pytest.mark.slow
@pytest.mark.parametrize("value", [made.constant, made.coin, made.parameters])
def test_a_constant_a_coin_and_a_parameter_count_pass_nothing_but_silence(value: Value) -> None:
    assert passing(value) == {"shuffled_pixels"}


def test_what_reads_the_data_only_is_called_that_and_takes_error_for_gap() -> None:
    assert found(made.neighbours, "same_data").status == "data_only"
    assert found(made.neighbours, "attack_dose").status == "data_only"
    assert found(made.neighbours, "three_epochs").status == "error_not_gap"
    assert found(made.neighbours, "corrupted_fraction").status == "grows"


def test_a_clock_is_caught_by_random_crops_and_by_equal_steps() -> None:
    assert found(made.clock, "same_data").status == "separates"
    assert found(made.clock, "random_crop").status == "false_alarm"
    assert found(made.clock, "equal_steps").status == "confounded"
    assert found(made.clock, "weight_decay").status == "quiet"


def test_the_residual_loss_is_confounded_with_the_stopping_rule() -> None:
    finding = found(made.residual_loss, "equal_steps")
    assert finding.status == "confounded"
    assert "overlaps at equal loss" in finding.problem and "separates at equal steps (20/20 larger" in finding.problem


@pytest.mark.slow
def test_the_test_error_is_caught_by_the_early_stop_alone() -> None:
    assert found(made.test_error, "three_epochs").status == "error_not_gap"
    assert passing(made.test_error) == set(NAMES) - {"three_epochs"}


def test_a_measure_that_moves_on_shuffled_pixels_is_not_silent() -> None:
    for sign in (1, -1):
        moved = found(lambda recipe, sign=sign: sign * (recipe.condition == "shuffled_pixels"), "shuffled_pixels")  # type: ignore[misc]
        assert moved.status == "moves"


def test_a_verdict_that_changes_on_one_twin_is_unclear_and_not_confounded() -> None:
    def nearly(recipe: Recipe) -> float:
        """17 of 20 at equal loss, 18 of 20 at equal steps."""
        lost = recipe.seed in (0, 1, 2) if not recipe.steps_of else recipe.seed in (0, 1)
        return float((recipe.condition == "random_labels") != 0) + (
            2.0 if lost and recipe.condition == "true_labels" else 0
        )

    assert found(nearly, "equal_steps").status == "unclear"


def test_noise_as_wide_as_the_way_is_unclear_under_a_regularizer() -> None:
    def noisy(recipe: Recipe) -> float:
        return made.gap(recipe) + (0.4 * made.noise(recipe, "wide") if recipe.weight_decay else 0.0)

    assert found(noisy, "weight_decay").status in ("unclear", "false_alarm")


@pytest.mark.parametrize("name", NAMES)
def test_an_error_on_one_model_is_the_finding(name: str) -> None:
    question, clause = CLAUSES[NAMES.index(name)]
    broken = _recipes_of(clause, question)[-1]

    def row(recipe: Recipe) -> Row:
        row = rows(made.gap)(recipe)
        return dataclasses.replace(row, status="error", value=None, reason="it raised") if recipe == broken else row

    finding = clause(DIGITS, row, outcome)
    assert finding.status == "error"
    assert finding.problem.startswith("it raised (no value on 1 of ")


def _recipes_of(clause: object, question: Question) -> list[Recipe]:
    """Those whose rows the clause reads."""
    read = []

    def row(recipe: Recipe) -> Row:
        read.append(recipe)
        return rows(made.gap)(recipe)

    clause(DIGITS, row, outcome)  # type: ignore[operator]
    assert set(read) <= set(question.recipes(DIGITS))
    return read


@pytest.mark.parametrize("name", NAMES)
def test_a_measure_without_any_value_is_not_judged(name: str) -> None:
    finding = found(lambda recipe: None, name)
    assert finding.status == "not_applicable"
    assert "it has no meaning here" in finding.skipped


def test_a_measure_that_refuses_unfitted_networks_is_not_judged_by_the_early_stop() -> None:
    finding = found(lambda recipe: made.gap(recipe) if made.fitted(recipe) else None, "three_epochs")
    assert (finding.status, finding.problem) == ("not_applicable", "")
    assert finding.skipped


@pytest.mark.slow
def test_every_clause_has_a_name_of_its_own_and_reads_only_its_questions_models() -> None:
    assert len(set(NAMES)) == len(NAMES) == 11
    for question, clause in CLAUSES:
        assert _recipes_of(clause, question)


BROKEN_PREMISES = [
    ("same_data", lambda recipe: bool(recipe.attack), {"test_error": 0.02}, "larger gap in only"),
    ("same_data", lambda recipe: bool(recipe.attack), {"fitted": False}, "stopped at cross-entropy"),
    ("corrupted_labels", lambda recipe: recipe.corrupted_fraction > 0, {"test_error": 0.99}, "does not grow"),
    ("regularizers", lambda recipe: recipe.dropout > 0, {"test_error": 0.2}, "dropout raises the gap itself"),
    ("early_stopping", lambda recipe: recipe.max_epochs == 3, {"train_error": 0.3}, "the gap is there already"),
    ("early_stopping", lambda recipe: recipe.max_epochs == 3, {"test_error": 0.5}, "has test error 0.50 only"),
    ("stopping_rule", lambda recipe: bool(recipe.steps_of), {"steps": 7}, "took 7 steps, its twin"),
    ("stopping_rule", lambda recipe: bool(recipe.steps_of), {"test_error": 0.95}, "larger gap in only"),
    ("sample_size", lambda recipe: recipe.num_train == 143, {"test_error": 0.01}, "does not grow with fewer"),
    ("shuffled_pixels", lambda recipe: recipe.condition == "shuffled_pixels", {"test_error": 0.2}, "in 20 of 20 twins"),
    ("hyperparameters", lambda recipe: recipe.batch_size == 16, {"fitted": False}, "stopped at cross-entropy"),
]


@pytest.mark.parametrize(("name", "chosen", "change", "sentence"), BROKEN_PREMISES)
def test_a_premise_that_does_not_hold_is_said(
    name: str, chosen: object, change: dict[str, object], sentence: str
) -> None:
    def altered(recipe: Recipe) -> Outcome:
        found = outcome(recipe)
        return dataclasses.replace(found, **change) if chosen(recipe) else found  # type: ignore[operator, arg-type]

    problems = question_named(name).premise(DIGITS, altered)
    assert any(sentence in problem for problem in problems), problems


def test_the_grid_is_not_judged_where_gaps_differ_by_no_more_than_their_error() -> None:
    def by_seed(recipe: Recipe) -> Outcome:
        return dataclasses.replace(outcome(recipe), train_error=0.0, test_error=0.05 + 0.01 * recipe.seed)

    _, clause = CLAUSES[NAMES.index("grid")]
    skipped = clause(DIGITS, rows(made.coin), by_seed).skipped
    assert skipped == "the gaps differ by 0 over the grid (standard deviation), no more than their error 0.0058"


def test_a_zoo_without_a_grid_asks_nothing_of_it() -> None:
    question, clause = CLAUSES[NAMES.index("grid")]
    no_grid = dataclasses.replace(DIGITS, grid=None)
    assert clause(no_grid, rows(made.coin), outcome).skipped == "the digits zoo has no grid of hyperparameters"
    assert question.recipes(no_grid) == []
