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
from measures.spectral.pac_bayes_spectral import spectral_init_main, spectral_orig_main
from measures.spectral.spectral_over_margin import spectral_over_margin
from measures.spectral.spectral_sum import spectral_sum, spectral_sum_over_margin
from tests.equivalent import assert_sees_only
from tests.models import random_network, trained_model
from tests.naive import matrices

WITH_MARGIN = [spectral_over_margin, spectral_sum_over_margin, spectral_init_main, spectral_orig_main]


def by_hand():
    """Operators diag(3, 4) and [[2, 2], [-2, -2]], started from zero; the margins are all 4."""
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False)).double()
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
        network[2].weight.copy_(torch.tensor([[2.0, 2.0], [-2.0, -2.0]]))
    inputs = torch.tensor([[1 / 3, 0.0], [0.0, 1 / 4]], dtype=torch.float64)
    return trained_model(network, inputs, torch.tensor([0, 0]))


def test_worked_out_by_hand():
    trained = by_hand()
    # Spectral norms 4 and 4 (the second matrix has rank one), squared Frobenius norms 25 and 16, margin 2 - (-2).
    assert spectral_over_margin(trained) == pytest.approx(math.log(16 * 16 / 16), rel=1e-9)
    assert spectral_sum(trained) == pytest.approx(math.log(16 + 16), rel=1e-9)
    assert spectral_sum_over_margin(trained) == pytest.approx(math.log(2 * math.sqrt(16)), rel=1e-9)
    assert spectral_orig_main(trained) == pytest.approx(math.log(16 * (25 / 16 + 1)), rel=1e-9)
    assert spectral_init_main(trained) == pytest.approx(spectral_orig_main(trained), rel=1e-9)


@pytest.mark.parametrize("name", ["mlp_1x4", "mlp_3x5", "convnet", "convnet_bn"])
def test_are_equations_29_to_35_of_the_dense_matrices(name):
    trained = random_network(name, seed=1, size=4)
    shape = tuple(trained.inputs.shape[1:])
    ends, starts = matrices(trained.model, shape), matrices(trained.init, shape)
    margins = []
    for logits, label in zip(trained.logits.tolist(), trained.labels.tolist(), strict=True):
        margins.append(logits[label] - max(logits[j] for j in range(3) if j != label))
    gamma = np.percentile(margins, 10)
    product, moved, size = 1.0, 0.0, 0.0
    for end, start in zip(ends, starts, strict=True):
        norm = np.linalg.norm(end, 2)
        product *= norm**2
        moved += ((end - start) ** 2).sum() / norm**2
        size += (end**2).sum() / norm**2
    depth = len(ends)
    assert spectral_over_margin(trained) == pytest.approx(np.log(product / gamma**2), rel=1e-7)
    assert spectral_init_main(trained) == pytest.approx(np.log(product * moved / gamma**2), rel=1e-7)
    assert spectral_orig_main(trained) == pytest.approx(np.log(product * size / gamma**2), rel=1e-7)
    assert spectral_sum(trained) == pytest.approx(np.log(depth * product ** (1 / depth)), rel=1e-7)
    expected = np.log(depth * (product / gamma**2) ** (1 / depth))
    assert spectral_sum_over_margin(trained) == pytest.approx(expected, rel=1e-7)


@settings(deadline=None, max_examples=3)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_scaling_the_last_layer_leaves_what_is_over_the_margin(seed, factor):
    trained = random_network("mlp_2x5", seed)
    scaled = dataclasses.replace(trained, model=copy.deepcopy(trained.model))
    with torch.no_grad():
        scaled.model[-1].weight *= factor
        scaled.model[-1].bias *= factor
    for each in (spectral_over_margin, spectral_sum_over_margin, spectral_orig_main):
        assert each(scaled) == pytest.approx(each(trained), abs=1e-6)
    assert spectral_sum(scaled) - spectral_sum(trained) == pytest.approx(2 / 3 * math.log(factor), abs=1e-9)


@pytest.mark.parametrize("each", [spectral_over_margin, spectral_sum, spectral_sum_over_margin, spectral_orig_main])
@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_see_no_change_that_leaves_the_function_as_it_is(each, seed):
    assert_sees_only(each, set(), seed)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_the_distance_to_the_initialization_sees_what_moves_the_weights_away_from_it(seed):
    assert_sees_only(spectral_init_main, {"layer_rescaling", "unit_permutation"}, seed)


@pytest.mark.parametrize("each", WITH_MARGIN)
def test_is_not_applicable_until_the_training_set_is_fitted(each):
    with pytest.raises(NotApplicable, match="γ = -4"):
        each(dataclasses.replace(by_hand(), labels=torch.tensor([1, 1])))


@pytest.mark.parametrize("each", [*WITH_MARGIN, spectral_sum])
def test_is_not_applicable_to_a_layer_of_zeros(each):
    trained = by_hand()
    with torch.no_grad():
        trained.model[0].weight.zero_()
    with pytest.raises(NotApplicable, match="zero"):
        each(trained)


def test_is_not_applicable_to_a_network_that_did_not_move():
    trained = by_hand()
    with pytest.raises(NotApplicable, match="initialization"):
        spectral_init_main(dataclasses.replace(trained, init=copy.deepcopy(trained.model)))
