import copy

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from scipy.optimize import minimize
from torch import nn

from measures import NotApplicable
from measures.margins.all_layer_margin import all_layer_margin, all_layer_margins
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import fitted_network, linear_model
from tests.references.input_derivatives import naive_margin, naive_smallest_flip


def perturbed_margin(model, x, y, delta):
    """The margin with δₗ ‖hₗ‖ added to what each weight layer returns, layer by layer."""
    h, used = x[None], 0
    for layer in model:
        size, h = h.norm(), layer(h)
        if isinstance(layer, nn.Linear | nn.Conv2d):
            h = h + size * delta[used : used + h.numel()].view_as(h)
            used += h.numel()
    assert used == len(delta)
    return naive_margin(h[0], y)


def test_of_one_layer_is_the_margin_over_root_2_and_the_norm_of_the_input():
    # margins 2 · 5 and 2 · 10 at inputs of norm 5 and 10: 2/√2 for both
    trained = linear_model([[1.0, 0.5], [-1.0, -0.5]], [[3.0, 4.0], [6.0, 8.0]], [0, 0])
    assert all_layer_margin(trained) == pytest.approx(1 / 2, rel=3e-3)


@pytest.mark.parametrize("kind, size", [("mlp", 13), ("convnet", 115)])
def test_is_the_search_written_out_for_each_example(kind, size):
    trained, naive = fitted_network(kind), []
    for x, y in zip(trained.inputs, trained.labels.tolist(), strict=True):
        naive.append(naive_smallest_flip(lambda d, x=x, y=y: perturbed_margin(trained.model, x, y, d), size))
    assert all_layer_margin(trained) == pytest.approx(1 / np.quantile(naive, 0.1) ** 2, rel=1e-6)


def test_constrained_minimisation_finds_nothing_much_smaller():
    trained = fitted_network("mlp")
    found = all_layer_margins(copy.deepcopy(trained.model), trained.inputs, trained.labels).tolist()
    for x, y, radius in list(zip(trained.inputs, trained.labels.tolist(), found, strict=True))[:3]:

        def margin(delta, x=x, y=y):
            with torch.no_grad():
                return float(perturbed_margin(trained.model, x, y, torch.from_numpy(delta)))

        start = np.random.default_rng(0).normal(size=13) * radius / 10
        best = minimize(
            lambda d: d @ d, start, method="SLSQP", constraints={"type": "ineq", "fun": lambda d, m=margin: -m(d)}
        )
        assert best.success and abs(margin(best.x)) < 1e-6
        assert radius == pytest.approx(float(np.linalg.norm(best.x)), rel=0.02)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_split_of_scale_between_layers_only(seed):
    assert_sees_only(all_layer_margin, {"layer_rescaling"}, seed)


def test_the_network_measured_keeps_no_hook():
    trained = random_network("mlp_2x5", seed=1, size=4)
    all_layer_margin(trained)
    assert not any(module._forward_hooks for module in trained.model.modules())


def test_is_not_applicable_where_a_tenth_are_misclassified():
    with pytest.raises(NotApplicable, match="γ = 0"):
        all_layer_margin(linear_model([[1.0], [-1.0]], [[1.0], [2.0]], [1, 1]))
