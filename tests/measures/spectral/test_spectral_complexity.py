import copy
import dataclasses
import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.spectral.spectral_complexity import spectral_complexity
from tests.builders.equivalent_networks import assert_sees_only, layer_rescaling, unit_permutation
from tests.builders.models import random_network, trained_model
from tests.references.dense_networks import matrices


def linear(*rows):
    network = nn.Linear(len(rows[0]), len(rows), bias=False, dtype=torch.float64)
    with torch.no_grad():
        network.weight.copy_(torch.tensor(rows))
    return network


def started_from_zero(*layers):
    network = nn.Sequential(*layers)
    return trained_model(network, torch.ones(1, layers[0].in_features, dtype=torch.float64), torch.tensor([0]))


def test_of_one_layer_is_the_sum_of_the_norms_of_the_moves_of_its_rows():
    # Rows are outputs: the columns of this matrix would give 3 + 4.
    assert spectral_complexity(started_from_zero(linear([3.0, 4.0], [0.0, 0.0]))) == pytest.approx(5, rel=1e-12)
    assert spectral_complexity(started_from_zero(linear([3.0, 0.0], [0.0, 4.0]))) == pytest.approx(7, rel=1e-12)


def test_of_two_layers_worked_out_by_hand():
    trained = started_from_zero(linear([3.0, 0.0], [0.0, 4.0]), nn.ReLU(), linear([1.0, 1.0], [1.0, 1.0]))
    # Spectral norms 4 and 2; row norms 3 + 4 and √2 + √2.
    expected = 4 * 2 * ((7 / 4) ** (2 / 3) + math.sqrt(2) ** (2 / 3)) ** 1.5
    assert spectral_complexity(trained) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["mlp_1x4", "mlp_3x5", "convnet", "convnet_bn"])
@pytest.mark.parametrize("seed", [0, 1])
def test_is_equation_1_2_of_the_dense_matrices(name, seed):
    trained = random_network(name, seed)
    shape = tuple(trained.inputs.shape[1:])
    product, total = 1.0, 0.0
    for matrix, reference in zip(matrices(trained.model, shape), matrices(trained.init, shape), strict=True):
        norm = np.linalg.svd(matrix, compute_uv=False)[0]
        distance = sum(math.sqrt(sum(row**2)) for row in matrix - reference)
        product *= norm
        total += distance ** (2 / 3) / norm ** (2 / 3)
    assert spectral_complexity(trained) == pytest.approx(product * total**1.5, rel=1e-8)


def test_of_a_network_that_did_not_move_is_0():
    trained = random_network("convnet_bn", seed=1)
    assert spectral_complexity(dataclasses.replace(trained, init=copy.deepcopy(trained.model))) == 0


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_scaling_4_layers_and_their_initialization_scales_it_by_the_fourth_power(seed, factor):
    trained = random_network("mlp_3x4", seed)
    scaled = dataclasses.replace(trained, model=copy.deepcopy(trained.model), init=copy.deepcopy(trained.init))
    with torch.no_grad():
        for parameter in (*scaled.model.parameters(), *scaled.init.parameters()):
            parameter *= factor
    assert spectral_complexity(scaled) == pytest.approx(factor**4 * spectral_complexity(trained), rel=1e-9)


@pytest.mark.slow
@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_sees_what_moves_the_weights_away_from_their_initialization(seed):
    assert_sees_only(spectral_complexity, {"layer_rescaling", "unit_permutation"}, seed)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_is_unmoved_when_the_initialization_is_changed_alike(seed):
    trained = random_network("mlp_3x4", seed)
    swapped = dataclasses.replace(trained, model=trained.init, init=trained.model)
    for change in (layer_rescaling, unit_permutation):
        changed = dataclasses.replace(change(trained, seed), init=change(swapped, seed).model)
        assert spectral_complexity(changed) == pytest.approx(spectral_complexity(trained), rel=1e-9)


def test_is_not_applicable_to_a_layer_of_zeros():
    trained = random_network("mlp_2x5", seed=1)
    with torch.no_grad():
        trained.model[3].weight.zero_()
    with pytest.raises(NotApplicable, match="zero"):
        spectral_complexity(trained)
