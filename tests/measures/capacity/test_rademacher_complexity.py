import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures.capacity.rademacher_complexity import rademacher_complexity
from tests.builders.equivalent_networks import CHANGES
from tests.builders.models import digits_model, random_network, trained_model


class Outputs(nn.Module):
    """Has the outputs `table[k]` on the input k."""

    def __init__(self, table):
        super().__init__()
        self.register_buffer("table", table)

    def forward(self, x):
        return self.table[x[:, 0].long()]


def retrained_by(function, n, seed=0):
    """n examples, example k with the input k; `function` makes a network's outputs from the labels to fit."""
    inputs = torch.arange(n, dtype=torch.float64)[:, None]
    return trained_model(
        Outputs(torch.zeros(n, 4)),
        inputs,
        torch.zeros(n, dtype=torch.int64),
        seed=seed,
        retrain_function=lambda inputs, labels, reseed: Outputs(function(labels)),
    )


def right_on(share):
    """Fits the labels of the first examples, this share of all, and is wrong on the others."""

    def outputs(labels):
        right = torch.arange(len(labels)) < share * len(labels)
        return nn.functional.one_hot(torch.where(right, labels, 1 - labels), 4).double()

    return outputs


def signs_drawn(trained):
    drawn = []
    replaced = dataclasses.replace(
        trained, retrain_function=lambda inputs, labels, reseed: drawn.append(labels) or trained.model
    )
    rademacher_complexity(replaced)
    (labels,) = drawn
    return labels


def test_is_1_for_a_network_that_fits_every_sign():
    assert rademacher_complexity(retrained_by(right_on(1.0), 50)) == 1


def test_is_minus_1_for_a_network_that_fits_every_opposite_sign():
    assert rademacher_complexity(retrained_by(right_on(0.0), 50)) == -1


def test_is_one_half_for_a_network_that_fits_three_of_four_signs():
    assert rademacher_complexity(retrained_by(right_on(0.75), 40)) == 0.5


def test_is_0_for_a_network_that_cannot_decide():
    assert rademacher_complexity(retrained_by(lambda labels: torch.ones(len(labels), 4), 50)) == 0


def test_a_network_that_diverged_has_fitted_nothing():
    assert rademacher_complexity(retrained_by(lambda labels: torch.full((len(labels), 4), torch.nan), 50)) == 0


@pytest.mark.slow
@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 60))
def test_is_one_minus_twice_the_error_on_the_signs(seed, n):
    outputs = torch.randn(n, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    trained = retrained_by(lambda labels: outputs, n, seed)
    wrong = 0
    for label, (zero, one, *_) in zip(signs_drawn(trained).tolist(), outputs.tolist(), strict=True):
        wrong += (one > zero) != (label == 1)
    assert rademacher_complexity(trained) == pytest.approx(1 - 2 * wrong / n, abs=1e-12)


def test_a_network_that_knows_nothing_of_the_signs_has_about_0():
    outputs = torch.randn(10_000, 4, generator=torch.Generator().manual_seed(0))
    value = rademacher_complexity(retrained_by(lambda labels: outputs, 10_000))
    assert abs(value) < 6 / 10_000**0.5  # six standard deviations


def test_the_signs_are_fair_coins():
    labels = signs_drawn(retrained_by(right_on(1.0), 10_000))
    assert set(labels.tolist()) == {0, 1}
    assert abs(labels.double().mean() - 0.5) < 3 / 10_000**0.5  # six standard deviations


def test_seeds_draw_different_signs_and_twins_the_same():
    one, twin, other = (retrained_by(right_on(1.0), 100, seed) for seed in (0, 0, 1))
    twin = dataclasses.replace(twin, labels=torch.ones_like(twin.labels))
    assert torch.equal(signs_drawn(one), signs_drawn(twin))
    assert not torch.equal(signs_drawn(one), signs_drawn(other))


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_does_not_depend_on_the_given_networks_weights_or_labels_at_all(seed, other_seed):
    assert rademacher_complexity.invariant_to == CHANGES.keys()
    trained = dataclasses.replace(
        random_network("mlp_3x4", seed),
        retrain_function=lambda inputs, labels, reseed: random_network("mlp_1x8", int(labels.sum())).model,
    )
    other = random_network("mlp_3x4", other_seed)
    changed = dataclasses.replace(trained, model=other.model, labels=other.labels)
    assert rademacher_complexity(changed) == rademacher_complexity(trained)


def test_twins_on_random_labels_tie_on_real_digits_and_their_network_fits_nearly_all_signs():
    values = [
        rademacher_complexity(digits_model(condition, num_train=200)) for condition in ("true_labels", "random_labels")
    ]
    assert values[0] == values[1]
    assert values[0] >= 0.95
