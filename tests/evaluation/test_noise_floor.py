"""The noise floor: draws are told from signal, and what draws nothing has none."""

import math

import pytest
import torch

from harness.evaluation.finding import Finding
from harness.evaluation.noise_floor import model, spread_over_draws, with_signal
from harness.training.recipe import Recipe
from harness.zoo.zoo import Zoo, twins
from measures import Measure, NotApplicable, measure
from measures.trained_model import TrainedModel
from tests.builders.models import random_network

pytestmark = pytest.mark.usefixtures("own_registry")


def noisy(scale: float) -> Measure:
    @measure(source="a test")
    def one_draw(trained: TrainedModel) -> float:
        return 10 + scale * float(torch.randn((), generator=trained.generator()))

    return one_draw


def test_the_spread_is_that_of_eight_draws_from_other_generators() -> None:
    numbers = spread_over_draws(noisy(2.0), lambda: random_network("mlp_1x4", 0)).numbers
    assert numbers["draws"] == 8
    assert numbers["spread_over_draws"] == pytest.approx(2.0, rel=0.6)
    assert numbers["mean_over_draws"] == pytest.approx(10, abs=2.5)


def test_what_draws_nothing_has_no_noise_after_three_values() -> None:
    numbers = spread_over_draws(noisy(0.0), lambda: random_network("mlp_1x4", 0)).numbers
    assert (numbers["draws"], numbers["spread_over_draws"]) == (3, 0)


def test_what_does_not_apply_is_not_asked() -> None:
    @measure(source="a test")
    def never(trained: TrainedModel) -> float:
        raise NotApplicable("never")

    assert spread_over_draws(never, lambda: random_network("mlp_1x4", 0)).skipped == "never"


def values_with(zoo: Zoo, rise: float) -> dict[Recipe, float | None]:
    """Natural models have the values 0, 1, 2, ..., their twins on random labels `rise` more."""
    values: dict[Recipe, float | None] = {}
    for number, twin in enumerate(twins(zoo, "random_labels")):
        values |= {twin.natural: float(number), twin.randomized: number + rise}
    return values


REPEATED = Zoo("repeated", "digits", {"mlp_1x8": 0.3, "mlp_1x9": 0.3}, seeds_per_network=5)


def test_draws_that_reach_half_the_signal_drown_it() -> None:
    finding = Finding(numbers={"draws": 8, "mean_over_draws": 0, "spread_over_draws": 2.0})
    quiet = with_signal(finding, REPEATED, values_with(REPEATED, 4.1))
    drowned = with_signal(finding, REPEATED, values_with(REPEATED, -3.9))
    assert quiet.problem == ""
    assert quiet.numbers["signal"] == pytest.approx(4.1)
    assert quiet.numbers["spread_over_training_seeds"] == pytest.approx(2.5**0.5)  # of five numbers in a row
    assert "its draws drown its signal: another generator moves it by 2 " in drowned.problem


def test_without_draws_or_without_rows_nothing_is_drowned(tiny_zoo: Zoo) -> None:
    silent = Finding(numbers={"draws": 3, "mean_over_draws": 0, "spread_over_draws": 0.0})
    assert with_signal(silent, tiny_zoo, values_with(tiny_zoo, 0)).problem == ""
    none = dict.fromkeys(values_with(tiny_zoo, 0))
    noise = Finding(numbers={"draws": 8, "mean_over_draws": 0, "spread_over_draws": 1.0})
    assert with_signal(noise, tiny_zoo, none).numbers.keys() == noise.numbers.keys()


def test_the_model_is_a_natural_one_of_the_first_unit() -> None:
    recipe = model(REPEATED)
    assert (recipe.network, recipe.seed, recipe.condition) == ("mlp_1x8", 0, "true_labels")


def test_values_that_no_float_can_compare_are_a_problem_and_no_number() -> None:
    @measure(source="a test")
    def either_end(trained: TrainedModel) -> float:
        return 1.79e308 * (-1) ** trained.seed

    found = spread_over_draws(either_end, lambda: random_network("mlp_1x4", 0))
    assert "too large, or too far apart" in found.problem and found.numbers.keys() <= {"draws", "mean_over_draws"}
    told = Finding(numbers={"draws": 8, "mean_over_draws": 0, "spread_over_draws": 2.0})
    huge: dict[Recipe, float | None] = {}
    for twin in twins(REPEATED, "random_labels"):
        huge |= {twin.natural: -1.7e308, twin.randomized: 1.7e308}
    signal = with_signal(told, REPEATED, huge)
    assert "too large, or too far apart" in signal.problem
    assert all(math.isfinite(number) for number in signal.numbers.values())
