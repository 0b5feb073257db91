"""The judge is judged: an oracle must pass, its negation is inverted, and nothing that cannot tell may pass."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.evaluation.rows import Row, RowStatus
from harness.judging.units.witnesses import by_unit
from harness.judging.verdict import Verdict, gate_verdict, judge
from harness.training.recipe import Recipe
from harness.zoo.zoo import GATE, twins
from harness.zoo.zoos import ZOOS

DIGITS = ZOOS["digits"]
WITNESSES = {condition: by_unit(twins(DIGITS, condition)) for condition in GATE}
NOISY = "noisy_digits"


def row(recipe: Recipe, value: float | None, status: RowStatus = "value", reason: str = "") -> Row:
    return Row("m", 1, "0" * 64, recipe.key, "0" * 64, status, value, reason, 0.1)


def gap_of(recipe: Recipe) -> float:
    """Natural models generalize, to an extent that differs between seeds; randomized ones do not."""
    return 0.02 + 0.001 * recipe.seed if recipe.condition == "true_labels" else 0.9 + 0.0001 * recipe.seed


def verdict_of(value: Callable[[Recipe], float | None], condition: str = "random_labels") -> Verdict:
    def row_of(recipe: Recipe) -> Row:
        found = value(recipe)
        return row(
            recipe, found, "value" if found is not None else "not_applicable", "" if found is not None else "why"
        )

    return judge("m", condition, WITNESSES[condition], row_of, gap_of)  # type: ignore[index]


def but(value: Callable[[Recipe], float | None], seeds: range) -> Callable[[Recipe], float | None]:
    """The gap, but on twins of these seeds this."""
    return lambda recipe: value(recipe) if recipe.seed in seeds else gap_of(recipe)


@pytest.mark.parametrize("condition", GATE)
def test_the_oracle_separates_everywhere(condition: str) -> None:
    verdict = verdict_of(gap_of, condition)
    assert verdict.passes
    assert (verdict.won, len(verdict.units), verdict.wins, verdict.twins) == (14, 14, 42, 42)
    assert (verdict.auc, verdict.p_value) == (1.0, 2**-14)


@pytest.mark.parametrize("condition", GATE)
def test_the_negated_oracle_is_inverted_and_does_not_pass(condition: str) -> None:
    verdict = verdict_of(lambda recipe: -gap_of(recipe), condition)
    assert verdict.status == "inverted"
    assert not verdict.passes
    assert "against its claim: larger on the randomized twin in 0 of 14 units, loses 14" in verdict.explain()
    assert "sign test of that p = 6.1e-05" in verdict.explain()


def test_a_constant_ties_on_every_twin_and_overlaps() -> None:
    verdict = verdict_of(lambda recipe: 1.0)
    assert (verdict.status, verdict.ties, verdict.p_value) == ("overlaps", 42, 1.0)
    assert "it ties on every one of 42 twins" in verdict.explain()


def test_a_measure_of_the_network_alone_overlaps() -> None:
    assert verdict_of(lambda recipe: float(len(recipe.network))).status == "overlaps"


def test_two_seeds_of_three_win_a_unit() -> None:
    """One seed of every unit goes the other way, and the measure passes all the same."""
    verdict = verdict_of(lambda recipe: -gap_of(recipe) if recipe.seed % 3 == 0 else gap_of(recipe))
    assert (verdict.won, verdict.wins, verdict.losses) == (14, 28, 14)
    assert verdict.passes


def test_13_of_14_units_are_enough_and_12_are_not() -> None:
    assert verdict_of(but(lambda recipe: 0.5, range(3))).passes
    twelve = verdict_of(but(lambda recipe: 0.5, range(6)))
    assert (twelve.won, twelve.ties, twelve.passes) == (12, 6, False)


def test_where_units_differ_it_depends_on_the_network_and_they_are_named() -> None:
    verdict = verdict_of(but(lambda recipe: -gap_of(recipe), range(6)))
    assert verdict.status == "depends_on_the_network"
    said = verdict.explain()
    assert (
        "tells random labels from natural data on some networks alone: larger on the randomized twin in 12 of" in said
    )
    assert "loses mlp_1x512 and mlp_3x256 on digits (units differ, p = " in said


def test_a_network_on_two_data_sets_is_two_units() -> None:
    verdict = verdict_of(lambda recipe: gap_of(recipe) * (-1 if recipe.data_set == NOISY else 1))
    lost = {str(unit.unit) for unit in verdict.units if unit.decision == "lost"}
    won = {str(unit.unit) for unit in verdict.units if unit.decision == "won"}
    assert "mlp_1x512 on noisy_digits" in lost
    assert "mlp_1x512 on digits" in won


def test_an_epsilon_wins_no_ties() -> None:
    """A difference far below the measure's own spread over training seeds means nothing."""

    def epsilon(recipe: Recipe) -> float:
        return recipe.seed + 1e-9 * gap_of(recipe)

    verdict = verdict_of(epsilon)
    assert (verdict.ties, verdict.status) == (42, "overlaps")


def test_a_twin_without_a_value_counts_against_the_measure() -> None:
    def sometimes(recipe: Recipe) -> float | None:
        return gap_of(recipe) if recipe.seed >= 6 or recipe.condition == "true_labels" else None

    verdict = verdict_of(sometimes)
    assert (verdict.won, verdict.passes) == (12, False)
    assert "6 twins without a value (why)" in verdict.explain()


def test_no_value_on_any_model_is_not_applicable() -> None:
    verdict = verdict_of(lambda recipe: None)
    assert verdict.status == "not_applicable"
    assert "why" in verdict.explain()


def test_one_error_leaves_no_verdict() -> None:
    bad = twins(DIGITS, "random_labels")[7].randomized

    def row_of(recipe: Recipe) -> Row:
        return row(recipe, None, "error", "it raised") if recipe == bad else row(recipe, gap_of(recipe))

    verdict = judge("m", "random_labels", WITNESSES["random_labels"], row_of, gap_of)
    assert (verdict.status, verdict.passes) == ("error", False)
    assert "it raised (no value on 1 of 84 models)" in verdict.explain()


def test_of_many_timeouts_the_reason_is_the_one_that_happened() -> None:
    first = twins(DIGITS, "random_labels")[5].natural

    def row_of(recipe: Recipe) -> Row:
        return row(recipe, None, "timeout", "too slow" if recipe == first else "not evaluated: too slow")

    verdict = judge("m", "random_labels", WITNESSES["random_labels"], row_of, gap_of)
    assert (verdict.status, verdict.reason) == ("timeout", "too slow (no value on 84 of 84 models)")


def test_too_few_units_are_an_error_even_for_the_oracle() -> None:
    few = by_unit(twins(DIGITS, "random_labels")[:27])
    with pytest.raises(HarnessError, match=r"too few units: this zoo has 9, .* p < 0[.]001 with fewer than 10"):
        judge("m", "random_labels", few, lambda recipe: row(recipe, gap_of(recipe)), gap_of)


@pytest.mark.slow
@pytest.mark.parametrize(("coins", "most"), [(250, 3), pytest.param(1000, 6, marks=pytest.mark.long)])
def test_of_so_many_coins_the_gate_passes_none(coins: int, most: int) -> None:
    """`most` of the 3 tests of each, at 0.0009 each, may separate: more come up in one case of a hundred."""
    rng = np.random.default_rng(0)
    separations = 0
    passed = 0
    for _ in range(coins):
        flips: dict[Recipe, float] = {}
        statuses = [
            verdict_of(lambda r, f=flips: f.setdefault(r, rng.random()), condition).status for condition in GATE
        ]  # type: ignore[misc]
        separations += statuses.count("separates")
        passed += statuses == ["separates"] * 3
    assert passed == 0
    assert separations <= most


def test_every_unit_is_reported() -> None:
    verdict = verdict_of(lambda recipe: gap_of(recipe) * (recipe.network != "convnet"))
    assert [unit.ties for unit in verdict.units if unit.unit.network == "convnet"] == [3]
    assert [unit.wins for unit in verdict.units if unit.unit.network != "convnet"] == [3] * 13


def test_a_verdict_survives_json() -> None:
    verdict = verdict_of(gap_of)
    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict


def test_a_gate_without_conditions_is_passed_by_nobody() -> None:
    assert gate_verdict({}, ()) is None
