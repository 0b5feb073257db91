import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.representation.rankme import rankme
from tests.builders.features import NETWORKS, assert_sees_no_change, labelled_network, model_with_features
from tests.references.layer_inputs import naive_layers


def test_of_singular_values_3_and_1_is_minus_the_exponential_of_their_entropy():
    trained = model_with_features(torch.tensor([[3.0, 0.0], [0.0, 1.0]]), [0, 1])
    entropy = -(3 / 4 * math.log(3 / 4) + 1 / 4 * math.log(1 / 4))
    assert rankme(trained) == pytest.approx(-math.exp(entropy), rel=1e-6)  # but for the 10⁻⁷


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_formula_value_by_value(name, seed):
    trained = labelled_network(name, seed)
    values = np.linalg.svd(naive_layers(trained)[-1].numpy(), compute_uv=False)
    shares = [value / values.sum() + 1e-7 for value in values]
    assert rankme(trained) == pytest.approx(-math.exp(-sum(p * math.log(p) for p in shares)), rel=1e-9)


@pytest.mark.parametrize("rank", [1, 3])
def test_equal_singular_values_count_their_number(rank):
    points = torch.eye(4)[:rank].repeat(2, 1)
    assert rankme(model_with_features(points, [0, 1] * rank)) == pytest.approx(-rank, rel=1e-4)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_lies_between_minus_the_width_and_minus_1(seed):
    assert -5 * (1 + 1e-4) <= rankme(labelled_network("mlp_2x5", seed)) <= -1 + 1e-5


def test_of_one_example_is_minus_1():
    assert rankme(model_with_features(torch.tensor([[2.0, 1.0]]), [0])) == pytest.approx(-1, rel=1e-5)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_no_change(rankme, seed)


def test_is_not_applicable_to_features_of_zero():
    with pytest.raises(NotApplicable, match="zero"):
        rankme(model_with_features(torch.zeros(3, 2), [0, 1, 1]))
