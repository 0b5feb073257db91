import copy
import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.norms.weight_change_profile import weight_change_profile
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.references.dense_networks import matrices


def chain(*weights):
    """A linear layer of one weight after another."""
    network = nn.Sequential(*(nn.Linear(1, 1, bias=False) for _ in weights))
    with torch.no_grad():
        for layer, weight in zip(network, weights, strict=True):
            layer.weight.fill_(weight)
    return network


def of_chains(now, start):
    return weight_change_profile(
        trained_model(chain(*now), torch.ones(1, 1), torch.tensor([0]), init=chain(*start), num_classes=2)
    )


def test_relative_changes_of_1_0_and_3_lie_three_quarters_up():
    assert of_chains((2.0, 5.0, -4.0), (1.0, 5.0, 2.0)) == pytest.approx((0 * 1 + 0.5 * 0 + 1 * 3) / 4, rel=1e-12)


@pytest.mark.parametrize("moved, expected", [(0, 0.0), (1, 0.5), (2, 1.0)])
def test_is_the_place_of_the_only_layer_that_moved(moved, expected):
    now = [1.0, 1.0, 1.0]
    now[moved] = 7.0
    assert of_chains(now, (1.0, 1.0, 1.0)) == expected


@pytest.mark.parametrize("name", ["mlp_3x5", "convnet", "convnet_bn"])
def test_is_the_naive_centre_of_mass_of_the_dense_matrices_changes(name):
    trained = random_network(name, seed=1, size=4)
    pairs = zip(matrices(trained.model, (1, 4, 4)), matrices(trained.init, (1, 4, 4)), strict=True)
    shares = [np.sqrt(((w - w0) ** 2).sum() / (w0**2).sum()) for w, w0 in pairs]
    expected = sum(place * share for place, share in zip((0, 1 / 3, 2 / 3, 1), shares, strict=True)) / sum(shares)
    assert weight_change_profile(trained) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_lies_between_0_and_1_whatever_the_length_of_the_change(seed, factor):
    trained = random_network("mlp_3x4", seed, size=4)
    further = copy.deepcopy(trained.model)
    with torch.no_grad():
        for weight, start in zip(further.parameters(), trained.init.parameters(), strict=True):
            weight.copy_(start + factor * (weight - start))
    value = weight_change_profile(trained)
    assert 0 <= value <= 1
    assert weight_change_profile(dataclasses.replace(trained, model=further)) == pytest.approx(value, rel=1e-6)


@pytest.mark.slow
@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_rescaling_and_permutation_which_move_the_weights_away_from_where_they_began(seed):
    assert_sees_only(weight_change_profile, {"layer_rescaling", "unit_permutation"}, seed)


@pytest.mark.parametrize(
    "now, start, what",
    [
        ((2.0,), (1.0,), "1 weight layer"),
        ((2.0, 3.0), (2.0, 3.0), "no weight moved"),
        ((2.0, 3.0), (2.0, 0.0), "layer '1' was all zeros"),
    ],
)
def test_is_not_applicable_without_a_profile(now, start, what):
    with pytest.raises(NotApplicable, match=what):
        of_chains(now, start)
