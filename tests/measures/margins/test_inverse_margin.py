import copy
import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.margins.inverse_margin import inverse_margin
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import with_margins


def test_of_margins_1_to_11_is_a_quarter():
    assert inverse_margin(with_margins(*range(1, 12))) == pytest.approx(1 / 4, rel=1e-12)


def test_the_percentile_is_interpolated_between_neighbours():
    assert inverse_margin(with_margins(1.0, 2.0)) == pytest.approx(1 / 1.1**2, rel=1e-12)


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet", "convnet_bn"])
@pytest.mark.parametrize("num_train", [7, 20])
def test_is_the_naive_percentile_of_margins_taken_one_by_one(name, num_train):
    trained = random_network(name, seed=1, num_train=num_train)
    margins = []
    for logits, label in zip(trained.logits.tolist(), trained.labels.tolist(), strict=True):
        margins.append(logits[label] - max(logits[j] for j in range(3) if j != label))
    margins.sort()
    rank = 0.1 * (num_train - 1)
    below = int(rank)
    gamma = margins[below] + (rank - below) * (margins[below + 1] - margins[below])
    assert inverse_margin(trained) == pytest.approx(1 / gamma**2, rel=1e-9)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_scaling_the_logits_divides_it_by_the_square(seed, factor):
    trained = random_network("mlp_2x5", seed)
    scaled = copy.deepcopy(trained.model)
    with torch.no_grad():
        scaled[-1].weight *= factor
        scaled[-1].bias *= factor
    expected = inverse_margin(trained) / factor**2
    assert inverse_margin(dataclasses.replace(trained, model=scaled)) == pytest.approx(expected, rel=1e-6)


@given(st.lists(st.floats(0.1, 10), min_size=2, max_size=20), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=20)
def test_the_order_of_examples_does_not_matter(margins, random):
    shuffled = random.sample(margins, len(margins))
    assert inverse_margin(with_margins(*shuffled)) == pytest.approx(inverse_margin(with_margins(*margins)), rel=1e-12)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(inverse_margin, set(), seed)


@pytest.mark.parametrize("margins, gamma", [((-2.0, -2.0, 5.0), "-2"), ((0.0, 0.0, 1.0), "0"), ((torch.nan,), "nan")])
def test_is_not_applicable_when_a_tenth_is_misclassified_and_says_by_how_much(margins, gamma):
    with pytest.raises(NotApplicable, match=f"γ = {gamma}, not above 0"):
        inverse_margin(with_margins(*margins))
