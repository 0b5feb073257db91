import itertools
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.function_space.loss_sensitivity_gini import gini, loss_sensitivity_gini
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import with_snapshots
from tests.builders.small_networks import NETWORKS, linear_model, randomly_labelled_network
from tests.references.input_derivatives import loss_gradient

values = st.lists(st.floats(0, 100), min_size=2, max_size=20).filter(lambda v: sum(v) > 1e-3)


def naive_gini(g):
    differences = sum(abs(a - b) for a, b in itertools.product(g, g))
    return differences / (2 * len(g) * sum(g))


def test_one_example_with_all_the_sensitivity_of_4_has_gini_three_quarters():
    assert gini(torch.tensor([0.0, 8.0, 0.0, 0.0])) == pytest.approx(3 / 4, rel=1e-6)


def test_of_odds_1_and_3_is_a_sixth_negated():
    # ∂ℓ/∂x of logits (x, −x) and label 0 is −2 p₁, with p₁ = 1/2 at x = 0 and p₁ = 1/4 at e^(2x) = 3:
    # g = (1, ½), mean absolute difference ¼, over twice the mean of ¾: 1/6
    trained = linear_model([[1.0], [-1.0]], [[0.0], [math.log(3) / 2]], [0, 0])
    assert loss_sensitivity_gini(trained) == pytest.approx(-1 / 6, rel=1e-9)


@pytest.mark.parametrize("kind", NETWORKS)
def test_is_the_naive_gini_of_1_norms_averaged_over_snapshots_and_the_end(kind):
    trained = randomly_labelled_network(kind)
    early, networks = with_snapshots(trained, trained.init), (trained.init, trained.model)
    g = [
        sum(float(loss_gradient(network, x, y).abs().sum()) for network in networks) / 2
        for x, y in zip(trained.inputs, trained.labels, strict=True)
    ]
    assert loss_sensitivity_gini(early) == pytest.approx(-naive_gini(g), rel=1e-9)


@settings(deadline=None, max_examples=20)
@given(values, st.floats(0.01, 100))
def test_gini_is_that_of_all_pairs_between_0_and_1_and_has_no_unit(g, factor):
    g = torch.tensor(g, dtype=torch.float64)
    assert gini(g) == pytest.approx(naive_gini(g.tolist()), abs=1e-9)
    assert -1e-12 < gini(g) < 1
    assert gini(factor * g) == pytest.approx(gini(g), abs=1e-9)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(loss_sensitivity_gini, set(), seed)


def test_is_not_applicable_where_the_loss_is_flat_everywhere():
    with pytest.raises(NotApplicable, match="no gradient"):
        loss_sensitivity_gini(linear_model([[0.0], [0.0]], [[1.0], [2.0]], [0, 1]))
