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

pytestmark = pytest.mark.slow

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
def test_the_negated_gap_passes_nothing() -> None:
    statuses = {name: found(lambda recipe: -made.gap(recipe), name).status for name in NAMES}
    assert statuses["same_data"] == statuses["equal_steps"] == statuses["equal_error"] == statuses["grid"] == "inverted"
    assert statuses["corrupted_fraction"] == statuses["attack_dose"] == statuses["scarce_images"] == "falls"
    assert statuses["weight_decay"] == statuses["three_epochs"] == statuses["shuffled_pixels"] == "no_scale"
    assert passing(lambda recipe: -made.gap(recipe)) == set()


@pytest.mark.slow
@pytest.mark.parametrize("value", [made.constant, made.coin, made.parameters])
def test_a_constant_a_coin_and_a_parameter_count_pass_nothing_but_silence_by_ties(value: Value) -> None:
    assert passing(value) == (set() if value is made.coin else {"shuffled_pixels"})


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


@pytest.mark.slow
def test_the_test_error_is_caught_by_the_early_stop_alone() -> None:
    assert found(made.test_error, "three_epochs").status == "error_not_gap"
    assert passing(made.test_error) == set(NAMES) - {"three_epochs"}


@pytest.mark.parametrize(
    ("sign", "count"), [(1, "larger in 18 and smaller in 0"), (-1, "larger in 0 and smaller in 18")]
)
def test_a_measure_that_moves_on_shuffled_pixels_is_not_silent_either_way(sign: int, count: str) -> None:
    def moved(recipe: Recipe) -> float:
        return made.gap(recipe) + 0.4 * sign * (recipe.condition == "shuffled_pixels")

    finding = found(moved, "shuffled_pixels")
    assert finding.status == "moves"
    assert f"under shuffled pixels {count} of 18 seeds" in finding.problem
    assert (finding.numbers["larger"], finding.numbers["smaller"]) == ((18, 0) if sign > 0 else (0, 18))


def test_without_a_scale_a_measure_is_silent_only_if_it_is_the_same_to_the_last_digit() -> None:
    """The same value for true and random labels; a difference of 1e-12 could be large or small."""
    silent = found(made.constant, "shuffled_pixels")
    assert (silent.status, silent.detail) == ("silent", "the same on both networks of all 18 seeds")
    assert found(lambda recipe: 1.0 + 1e-12 * (recipe.condition == "shuffled_pixels"), "shuffled_pixels").problem
    missing = found(lambda recipe: None if recipe.seed == 0 else 1.0, "shuffled_pixels")
    assert missing.status == "no_scale"


def unit_number(recipe: Recipe) -> int:
    """0 to 17: every unit has three seeds of its own."""
    return recipe.seed // 3


def test_noise_as_wide_as_the_way_is_unclear_under_a_regularizer() -> None:
    def noisy(recipe: Recipe) -> float:
        return made.gap(recipe) + (3 * made.noise(recipe, "wide") if recipe.weight_decay else 0.0)

    assert found(noisy, "weight_decay").status == "unclear"


def test_a_regularizer_that_moves_a_measure_far_down_is_told_with_the_worst_unit() -> None:
    def falls(recipe: Recipe) -> float:
        dropped = 0.0 if not recipe.weight_decay else 0.9 if recipe.seed in (0, 1, 2) else 0.5
        return made.gap(recipe) - dropped

    finding = found(falls, "weight_decay")
    assert finding.status == "moves_down"
    assert "(mlp_1x512 on digits): below minus 15% (below minus 10%, below minus 20%)" in finding.problem
    assert finding.numbers["excess_high"] < -0.15
    assert finding.numbers["excess_worst"] == pytest.approx(-0.9 / 0.86, abs=0.05)


def test_a_regularizer_may_move_a_measure_as_far_as_the_gap() -> None:
    """Larger by 0.2 of the way in the gap itself: but then nobody is judged; smaller by as much is quiet."""

    def with_smaller_gap(recipe: Recipe) -> Outcome:
        found = outcome(recipe)
        return dataclasses.replace(found, test_error=found.test_error - 0.2 * (recipe.dropout > 0))

    clause = CLAUSES[NAMES.index("dropout")][1]
    finding = clause(DIGITS, rows(lambda recipe: with_smaller_gap(recipe).gap), with_smaller_gap)
    assert finding.status == "quiet"
    assert finding.numbers["excess"] == pytest.approx(0, abs=1e-9)
    assert finding.numbers["fraction"] == finding.numbers["gap_fraction"] < -0.2


def test_a_data_set_where_a_regularizer_raises_the_gap_is_left_out_and_named() -> None:
    def raised(recipe: Recipe) -> Outcome:
        found = outcome(recipe)
        more = 0.2 if recipe.random_crop and recipe.data_set == "noisy_digits" else 0.0
        return dataclasses.replace(found, test_error=found.test_error + more)

    question, clause = CLAUSES[NAMES.index("random_crop")]
    assert question.premise(DIGITS, raised) == []
    finding = clause(DIGITS, rows(made.gap), raised)
    assert (finding.status, finding.numbers["units"]) == ("quiet", 10)
    assert "without noisy_digits, where the gap itself rises by 23% [" in finding.detail


def test_a_regularizer_that_raises_the_gap_everywhere_is_not_asked_about() -> None:
    def raised(recipe: Recipe) -> Outcome:
        return dataclasses.replace(outcome(recipe), test_error=outcome(recipe).test_error + 0.2 * (recipe.dropout > 0))

    question, clause = CLAUSES[NAMES.index("dropout")]
    assert question.premise(DIGITS, raised) == []
    skipped = clause(DIGITS, rows(made.gap), raised).skipped
    assert skipped.startswith("no units of this zoo can have dropout; 4 are needed; without digits, where the gap")


def test_what_does_not_tell_random_labels_has_no_scale_and_one_unit_more_is_enough() -> None:
    def told_in(units: int) -> Value:
        return lambda recipe: made.gap(recipe) if unit_number(recipe) < units else 1.0

    assert found(told_in(15), "dropout").status == "no_scale"
    assert "in only 15 of 18 units; 16 are needed" in found(told_in(15), "dropout").problem
    enough = found(told_in(16), "dropout")
    assert (enough.status, enough.numbers["units_without_scale"]) == ("quiet", 2)
    assert "; no scale on " in enough.detail


def test_after_three_epochs_a_measure_has_to_be_where_the_gap_is_either_way() -> None:
    def at(share: float) -> Value:
        return lambda recipe: share if recipe.max_epochs == 3 else float(recipe.condition == "random_labels")

    assert found(at(0.3), "three_epochs").status == "gap"
    assert found(at(0.9), "three_epochs").status == "error_not_gap"
    assert found(at(-0.9), "three_epochs").status == "below"
    assert "within 60%" in found(at(0.55), "three_epochs").problem


def test_a_gap_that_natural_networks_have_is_not_held_against_the_gap_when_it_is_gone_early() -> None:
    """As on noisy digits: more than half of the way below the natural value, and where the gap is."""

    def with_natural_gap(recipe: Recipe) -> Outcome:
        found = outcome(recipe)
        return dataclasses.replace(found, test_error=max(found.test_error, 0.5))

    question, clause = CLAUSES[NAMES.index("three_epochs")]
    assert question.premise(DIGITS, with_natural_gap) == []
    finding = clause(DIGITS, rows(lambda recipe: with_natural_gap(recipe).gap), with_natural_gap)
    assert finding.numbers["fraction_high"] < -0.5
    assert finding.status == "gap"


def test_the_units_in_which_a_measure_does_not_rise_are_named_the_worst_first() -> None:
    def value(recipe: Recipe) -> float:
        """Falls with the attack in the third unit, is constant in the second and the fifth."""
        return made.gap(recipe) * {1: 0, 2: -1, 4: 0}.get(unit_number(recipe), 1)

    finding = found(value, "attack_dose")
    assert finding.status == "flat"
    assert "rises in 15 of 18 units, p = 0.0038, tau with the gap " in finding.detail  # 988 of 2**18 cases
    assert finding.detail.endswith(
        "; not on residual_mlp_2x128 on digits (rho -1.00), convnet_bn on digits (rho 0.00), "
        "mlp_3x256 on digits (rho 0.00)"
    )
    assert (finding.numbers["units_rising"], finding.numbers["units_falling"]) == (15, 1)


def test_a_unit_that_falls_does_not_keep_a_trend_from_being_one() -> None:
    finding = found(lambda recipe: made.gap(recipe) * (-1 if unit_number(recipe) == 2 else 1), "attack_dose")
    assert (finding.status, finding.numbers["units_rising"]) == ("grows", 17)


def test_an_epsilon_is_no_trend() -> None:
    """What follows the gap by far less than its own spread over training seeds ties throughout."""
    finding = found(lambda recipe: made.neighbours(recipe) + 1e-9 * made.gap(recipe), "attack_dose")
    assert (finding.status, finding.numbers["units_rising"]) == ("data_only", 0)


@pytest.mark.parametrize("name", ["same_data", "attack_dose"])
def test_an_epsilon_beside_rounded_data_which_have_no_spread_over_seeds_is_data_only(name: str) -> None:
    finding = found(lambda recipe: round(made.neighbours(recipe), 1) + 1e-9 * made.gap(recipe), name)
    assert finding.status == "data_only" and finding.problem


def test_a_measure_that_knows_the_level_and_whose_sign_is_a_coin_for_each_unit_neither_grows_nor_is_quiet() -> None:
    """Page's test, which supposes that any order of a ladder is equally likely, would call it a trend at times."""
    signs = [1, -1, 1, 1, 1, -1, 1, 1, 1, 1, 1, -1, 1, 1, 1, 1, 1, 1]

    def value(recipe: Recipe) -> float:
        return signs[unit_number(recipe)] * made.gap(recipe)

    dose = found(value, "attack_dose")
    assert dose.numbers["page_p"] < 0.001
    assert (dose.status, dose.numbers["units_rising"]) == ("flat", 15)
    assert found(value, "weight_decay").status == "no_scale"


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
    assert len(set(NAMES)) == len(NAMES) == 12
    for question, clause in CLAUSES:
        assert _recipes_of(clause, question)


BROKEN_PREMISES = [
    ("same_data", lambda recipe: bool(recipe.attack), {"test_error": 0.02}, "larger gap in only"),
    ("same_data", lambda recipe: bool(recipe.attack), {"fitted": False}, "stopped at cross-entropy"),
    ("corrupted_labels", lambda recipe: recipe.corrupted_fraction > 0, {"test_error": 0.99}, "does not grow"),
    (
        "regularizers",
        lambda recipe: recipe.dropout > 0 and recipe.seed < 3,
        {"test_error": 0.4},
        "dropout raises the gap",
    ),
    ("early_stopping", lambda recipe: recipe.max_epochs == 3, {"train_error": 0.3}, "the gap is there already"),
    ("early_stopping", lambda recipe: recipe.max_epochs == 3, {"test_error": 0.5}, "has test error 0.50 only"),
    ("stopping_rule", lambda recipe: bool(recipe.steps_of), {"steps": 7}, "took 7 steps, its twin"),
    ("stopping_rule", lambda recipe: bool(recipe.steps_of), {"test_error": 0.95}, "larger gap in only"),
    ("stopping_rule", lambda recipe: bool(recipe.steps_of), {"train_error": 0.02}, "misclassifies 2.0% of what it was"),
    ("sample_size", lambda recipe: recipe.num_train == 51, {"test_error": 0.01}, "does not grow with fewer"),
    (
        "shuffled_pixels",
        lambda recipe: recipe.condition == "shuffled_pixels",
        {"test_error": 0.4},
        "the gap itself moves",
    ),
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


@pytest.mark.parametrize("after", [None, 1e300])
@pytest.mark.parametrize("name", ["weight_decay", "random_crop", "three_epochs"])
def test_a_measure_that_has_no_finite_value_after_the_intervention_on_most_units_is_not_judged_by_the_others(
    name: str, after: float | None
) -> None:
    """A tenth of a billionth on the way, so that 1e300 is beyond all numbers; five units are left."""

    def selective(recipe: Recipe) -> float | None:
        changed = recipe.weight_decay or recipe.augmentation or recipe.random_crop or not made.fitted(recipe)
        if changed and unit_number(recipe) >= 5:
            return after
        return 1e-10 * made.gap(recipe)

    finding = found(selective, name)
    assert (finding.status, bool(finding.problem)) == ("not_applicable", True)
    assert "has no finite value after the intervention on " in finding.problem


def test_a_ladder_without_values_is_no_tie() -> None:
    """One unit has the same value throughout, the others none."""
    finding = found(lambda recipe: 1.0 if unit_number(recipe) == 0 else None, "attack_dose")
    assert finding.status != "data_only"
