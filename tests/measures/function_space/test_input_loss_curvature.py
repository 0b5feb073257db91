import dataclasses

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings

from measures.function_space.geometric_complexity import geometric_complexity
from measures.function_space.input_loss_curvature import input_loss_curvature
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import history_of, random_network, trained_model, with_snapshots
from tests.builders.small_networks import NETWORKS, linear_model, random_linear_model, randomly_labelled_network


def exact_curvature(trained, model):
    """The mean over the examples of the Frobenius norm of the Hessian by the input."""
    total = 0.0
    for x, y in zip(trained.inputs, trained.labels, strict=True):

        def loss(x, y=y):
            return F.cross_entropy(model(x[None]), y[None])

        total += float(torch.autograd.functional.hessian(loss, x).norm())
    return total / len(trained.labels)


def test_of_two_opposite_logits_at_even_odds_is_the_second_derivative():
    # ℓ = log(1 + e^(−6x)) at x = 0: ℓ'' = 36 · ½ · ½
    assert input_loss_curvature(linear_model([[3.0], [-3.0]], [[0.0]], [0])) == pytest.approx(9, rel=1e-12)


def few(kind):
    trained = randomly_labelled_network(kind)
    return trained_model(
        trained.model, trained.inputs[:4], trained.labels[:4], init=trained.init, history=history_of(epochs=5)
    )


@pytest.mark.parametrize("kind", NETWORKS)
def test_without_snapshots_is_the_mean_norm_of_explicit_hessians_at_the_end(kind):
    trained = few(kind)
    assert input_loss_curvature(trained) == pytest.approx(exact_curvature(trained, trained.model), rel=1e-8)


def test_two_directions_of_the_input_add_up_as_squares():
    # Two classes, p = ½ each: H = ¼ w wᵀ with w = (6, 8), whose norm is ¼ · 100; and so is its trace.
    one = linear_model([[6.0, 8.0], [0.0, 0.0]], [[0.0, 0.0]], [0])
    assert input_loss_curvature(one) == pytest.approx(25, rel=1e-12)
    # Three classes, logits (a, b, 0) with p = ⅓: H = ⅓ I − ⅑ 1 1ᵀ has the eigenvalues ⅓ and ⅑.
    two = linear_model([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0]], [0])
    assert input_loss_curvature(two) == pytest.approx((1 / 9 + 1 / 81) ** 0.5, rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_every_epoch_counts_once_and_those_between_two_that_are_known_lie_on_the_line_between_them(kind):
    trained = few(kind)
    early = with_snapshots(trained, trained.init, few("mlp" if kind == "mlp" else kind).model)
    with torch.no_grad():
        for parameter in early.snapshots[1][1].parameters():
            parameter.mul_(0.5)
    first, second, last = (
        exact_curvature(trained, network) for network in (trained.init, early.snapshots[1][1], trained.model)
    )
    # known at the ends of epochs 1, 2 and 5
    expected = (first + second + (2 * second + last) / 3 + (second + 2 * last) / 3 + last) / 5
    assert input_loss_curvature(early) == pytest.approx(expected, rel=1e-6)


def test_all_of_three_hundred_examples_are_in_the_mean():
    trained = random_linear_model(0, num_train=300)
    assert input_loss_curvature(trained) == pytest.approx(exact_curvature(trained, trained.model), rel=1e-8)


def test_of_too_many_examples_a_weighted_sample_has_the_same_mean_on_average(monkeypatch):
    monkeypatch.setattr("measures.function_space.input_loss_curvature.EXAMPLES", 20)
    whole = random_linear_model(0, num_train=200)
    exact = exact_curvature(whole, whole.model)
    found = torch.tensor([input_loss_curvature(dataclasses.replace(whole, seed=seed)) for seed in range(100)])
    error = float(found.std()) / 10
    assert 0 < error < exact / 20
    assert abs(float(found.mean()) - exact) < 4 * error


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_is_between_zero_and_half_the_geometric_complexity(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    assert 0 < input_loss_curvature(trained) <= geometric_complexity(trained) / 2  # the trace is at most that


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(input_loss_curvature, set(), seed)
