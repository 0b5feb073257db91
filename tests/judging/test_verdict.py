"""The judge is judged: an oracle must pass, its negation is inverted, and nothing that cannot tell may pass."""

from collections.abc import Callable

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.evaluation.rows import Row, RowStatus
from harness.judging.verdict import Verdict, gate_verdict, judge
from harness.training.recipe import Recipe
from harness.zoo.zoo import GATE, Twin, twins
from harness.zoo.zoos import ZOOS

DIGITS = ZOOS["digits"]
TWINS = {condition: twins(DIGITS, condition) for condition in GATE}


def row(recipe: Recipe, value: float | None, status: RowStatus = "value", reason: str = "") -> Row:
    return Row("m", 1, "0" * 64, recipe.key, "0" * 64, status, value, reason, 0.1)


def gap_of(recipe: Recipe) -> float:
    """Natural models generalize, to an extent that differs between seeds; randomized ones do not."""
    return 0.02 + 0.001 * recipe.seed if recipe.condition == "true_labels" else 0.9


def verdict_of(value: Callable[[Recipe], float | None], condition: str = "random_labels") -> Verdict:
    def row_of(recipe: Recipe) -> Row:
        found = value(recipe)
        return row(
            recipe, found, "value" if found is not None else "not_applicable", "" if found is not None else "why"
        )

    return judge("m", condition, TWINS[condition], row_of, gap_of)  # type: ignore[index]


@pytest.mark.parametrize("condition", GATE)
def test_the_oracle_separates_everywhere(condition: str) -> None:
    verdict = verdict_of(gap_of, condition)
    assert verdict.passes
    assert (verdict.wins, verdict.pairs, verdict.auc, verdict.kendall_tau) == (20, 20, 1.0, 1.0)


@pytest.mark.parametrize("condition", GATE)
def test_the_negated_oracle_is_inverted_and_does_not_pass(condition: str) -> None:
    verdict = verdict_of(lambda recipe: -gap_of(recipe), condition)
    assert verdict.status == "inverted"
    assert not verdict.passes
    assert "against its claim: larger on the randomized twin in 0 of 20, smaller in 20" in verdict.explain()
    assert "sign test of that p = 9.5e-07" in verdict.explain()


def test_a_constant_ties_on_every_twin_and_overlaps() -> None:
    verdict = verdict_of(lambda recipe: 1.0)
    assert (verdict.status, verdict.ties, verdict.p_value) == ("overlaps", 20, 1.0)
    assert "it ties on every one of 20 twins" in verdict.explain()


def test_a_measure_of_the_network_alone_overlaps() -> None:
    assert verdict_of(lambda recipe: float(len(recipe.network))).status == "overlaps"


def test_ties_count_against_the_measure() -> None:
    def nearly(recipe: Recipe) -> float:
        return gap_of(recipe) if recipe.seed >= 3 else 0.5

    verdict = verdict_of(nearly)
    assert (verdict.wins, verdict.ties, verdict.losses) == (17, 3, 0)
    assert verdict.status == "overlaps"
    assert "3 ties" in verdict.explain()


def test_18_of_20_is_enough() -> None:
    assert verdict_of(lambda recipe: gap_of(recipe) if recipe.seed >= 2 else 0.5).passes


def test_a_twin_without_a_value_counts_against_the_measure() -> None:
    def sometimes(recipe: Recipe) -> float | None:
        return gap_of(recipe) if recipe.seed >= 3 or recipe.condition == "true_labels" else None

    verdict = verdict_of(sometimes)
    assert (verdict.wins, verdict.status) == (17, "overlaps")
    assert "3 without a value (why)" in verdict.explain()


def test_no_value_on_any_model_is_not_applicable() -> None:
    verdict = verdict_of(lambda recipe: None)
    assert verdict.status == "not_applicable"
    assert "why" in verdict.explain()


def test_one_error_leaves_no_verdict() -> None:
    bad = twins(DIGITS, "random_labels")[7].randomized

    def row_of(recipe: Recipe) -> Row:
        return row(recipe, None, "error", "it raised") if recipe == bad else row(recipe, gap_of(recipe))

    verdict = judge("m", "random_labels", twins(DIGITS, "random_labels"), row_of, gap_of)
    assert (verdict.status, verdict.passes) == ("error", False)
    assert "it raised (no value on 1 of 40 models)" in verdict.explain()


def test_of_many_timeouts_the_reason_is_the_one_that_happened() -> None:
    first = twins(DIGITS, "random_labels")[5].natural

    def row_of(recipe: Recipe) -> Row:
        return row(recipe, None, "timeout", "too slow" if recipe == first else "not evaluated: too slow")

    verdict = judge("m", "random_labels", twins(DIGITS, "random_labels"), row_of, gap_of)
    assert (verdict.status, verdict.reason) == ("timeout", "too slow (no value on 40 of 40 models)")


def test_too_few_twins_are_an_error_even_for_the_oracle() -> None:
    few: list[Twin] = twins(DIGITS, "random_labels")[:9]
    with pytest.raises(HarnessError, match=r"9 twins; no measure can reach p < 0[.]001 with fewer than 10"):
        judge("m", "random_labels", few, lambda recipe: row(recipe, gap_of(recipe)), gap_of)


@pytest.mark.slow
@pytest.mark.parametrize(("coins", "most"), [(250, 1), pytest.param(1000, 5, marks=pytest.mark.long)])
def test_of_so_many_coins_the_gate_passes_none(coins: int, most: int) -> None:
    """`most` of the 3 tests of each, at 0.0002 each, may separate."""
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


def test_every_network_is_reported() -> None:
    verdict = verdict_of(lambda recipe: gap_of(recipe) * (recipe.network != "convnet"))
    assert verdict.by_network["convnet"].ties == 5
    assert {name: part.wins for name, part in verdict.by_network.items()} == {
        "convnet": 0,
        "convnet_bn": 5,
        "mlp_3x256": 5,
        "mlp_1x512": 5,
    }


def test_a_verdict_survives_json() -> None:
    verdict = verdict_of(gap_of)
    assert Verdict.from_json(verdict.to_json()) == verdict


def test_a_gate_without_conditions_is_passed_by_nobody() -> None:
    assert gate_verdict({}, ()) is None
