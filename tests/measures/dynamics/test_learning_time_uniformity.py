import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.dynamics.learning_time_uniformity import (
    TRAININGS,
    learning_time_uniformity,
    minus_variance_of_chances,
    variance_of_chances,
)
from tests.builders.models import random_network, trained_model
from tests.builders.retraining import Table, assert_sees_no_change_of_the_given_network


def trained_to(right, asked=None):
    """Example i has the input i and the label 1; the network of the k-th training is right where `right[k]` is."""
    n = len(right[0])

    def retrain(inputs, labels, reseed, max_epochs):
        if asked is not None:
            asked.append((len(labels), reseed, max_epochs))
        return Table([int(x) for x in right[(reseed - 1) % len(right)]])

    inputs = torch.arange(n, dtype=torch.float64)[:, None]
    return trained_model(Table([1] * n), inputs, torch.ones(n, dtype=torch.int64), retrain_function=retrain)


def test_half_of_them_always_right_and_half_never_spread_by_a_quarter():
    assert learning_time_uniformity(trained_to([[1, 1, 0, 0]])) == pytest.approx(-1 / 4, rel=1e-12)


def test_of_examples_equally_hard_is_about_0_however_few_are_right():
    generator = torch.Generator().manual_seed(0)
    for chance in (0.1, 0.8):
        right = (torch.rand(TRAININGS, 5000, generator=generator) < chance).tolist()
        assert learning_time_uniformity(trained_to(right)) == pytest.approx(0, abs=0.002)


def test_more_easy_examples_spread_more_though_the_mean_is_larger():
    # Of the deviation over the mean the order would be the other way round.
    one_in_ten, half = ([[1] * easy + [0] * (20 - easy)] for easy in (2, 10))
    assert learning_time_uniformity(trained_to(half)) < learning_time_uniformity(trained_to(one_in_ten)) < 0


def test_asks_for_trainings_of_one_epoch_on_all_examples_each_with_a_start_of_its_own():
    asked = []
    learning_time_uniformity(trained_to([[1, 0, 1]], asked))
    assert asked == [(3, reseed, 1) for reseed in range(1, TRAININGS + 1)]


def naive_estimate(right):
    """Pair by pair of trainings: the mean product over the examples less the product of the means."""
    r, n = len(right), len(right[0])
    pairs = [
        sum(right[k][i] * right[m][i] for i in range(n)) / n - sum(right[k]) / n * sum(right[m]) / n
        for k in range(r)
        for m in range(r)
        if k != m
    ]
    return sum(pairs) / len(pairs)


@settings(deadline=None, max_examples=30)
@given(
    st.tuples(st.integers(2, 5), st.integers(1, 9)).flatmap(
        lambda size: st.lists(
            st.lists(st.integers(0, 1), min_size=size[1], max_size=size[1]), min_size=size[0], max_size=size[0]
        )
    )
)
def test_the_estimate_is_the_mean_over_pairs_of_trainings_and_at_most_a_quarter(right):
    found = variance_of_chances(torch.tensor(right).bool())
    assert found == pytest.approx(naive_estimate(right), abs=1e-12)
    assert found <= 0.25 + 1e-12


def test_the_estimate_is_unbiased_also_where_some_trainings_go_better_than_others():
    generator = torch.Generator().manual_seed(0)
    chances = torch.tensor([0.9, 0.5, 0.2, 0.2]).double()
    estimates = []
    for _ in range(4000):
        better = torch.rand(3, 1, generator=generator) < 0.5  # a training that goes wrong is right nowhere
        right = (torch.rand(3, 4, generator=generator) < chances) & better
        estimates.append(variance_of_chances(right))
    expected = float((chances / 2).var(correction=0))
    mean, error = torch.tensor(estimates).mean().item(), torch.tensor(estimates).std().item() / 4000**0.5
    assert abs(mean - expected) < 4 * error < expected / 4


def test_the_standard_error_is_about_the_spread_over_other_trainings():
    generator = torch.Generator().manual_seed(0)
    chances = torch.linspace(0.05, 0.95, 200).double()
    found = []
    for _ in range(200):
        better = 0.7 + 0.3 * torch.rand(TRAININGS, 1, generator=generator)
        right = torch.rand(TRAININGS, 200, generator=generator) < chances * better
        found.append(minus_variance_of_chances(right))
    told = sum(each.standard_error for each in found) / len(found)
    assert told == pytest.approx(torch.tensor(found, dtype=torch.float64).std().item(), rel=0.25)


def test_of_one_example_is_0():
    assert learning_time_uniformity(trained_to([[1], [0]])) == 0


def test_does_not_see_the_given_network():
    assert_sees_no_change_of_the_given_network(learning_time_uniformity, seed=0)


def test_is_not_applicable_to_networks_that_cannot_be_trained_again():
    with pytest.raises(NotApplicable, match="train them again"):
        learning_time_uniformity(random_network("mlp_1x2", seed=0))


def test_a_network_that_learns_nothing_in_an_epoch_is_uniform():
    trained = dataclasses.replace(
        random_network("mlp_1x2", seed=0, num_classes=3),
        retrain_function=lambda inputs, labels, reseed, max_epochs: (
            nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
            .double()
            .requires_grad_(False)
            .apply(lambda module: nn.init.zeros_(module.weight) if isinstance(module, nn.Linear) else None)
        ),
        labels=torch.zeros(20, dtype=torch.int64),
    )
    assert abs(learning_time_uniformity(trained)) < 1e-12
