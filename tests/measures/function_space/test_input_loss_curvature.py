import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings

from measures.function_space.geometric_complexity import geometric_complexity
from measures.function_space.input_loss_curvature import input_loss_curvature
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model, with_snapshots
from tests.builders.small_networks import NETWORKS, linear_model, randomly_labelled_network


def exact_trace(trained, model):
    total = 0.0
    for x, y in zip(trained.inputs, trained.labels, strict=True):

        def loss(x, y=y):
            return F.cross_entropy(model(x[None]), y[None])

        total += float(torch.autograd.functional.hessian(loss, x).reshape(x.numel(), -1).trace())
    return total / len(trained.labels)


def test_of_two_opposite_logits_at_even_odds_is_the_second_derivative():
    # ℓ = log(1 + e^(−6x)) at x = 0: ℓ'' = 36 · ½ · ½
    assert input_loss_curvature(linear_model([[3.0], [-3.0]], [[0.0]], [0])) == pytest.approx(9, rel=1e-12)


@pytest.mark.parametrize("kind", NETWORKS)
def test_is_the_mean_trace_of_explicit_hessians_over_snapshots_and_the_end(kind):
    trained = randomly_labelled_network(kind)
    trained = trained_model(trained.model, trained.inputs[:4], trained.labels[:4], init=trained.init)
    assert input_loss_curvature(trained) == pytest.approx(exact_trace(trained, trained.model), rel=1e-8)
    early, networks = with_snapshots(trained, trained.init), (trained.init, trained.model)
    expected = sum(exact_trace(trained, network) for network in networks) / 2
    assert input_loss_curvature(early) == pytest.approx(expected, rel=1e-8)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_is_between_zero_and_half_the_geometric_complexity(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    assert 0 < input_loss_curvature(trained) <= geometric_complexity(trained) / 2


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(input_loss_curvature, set(), seed)
