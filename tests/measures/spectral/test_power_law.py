import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.folding import folded
from measures.spectral._weight_spectra import fitted_power_law
from measures.spectral.power_law import log_alpha_norm, power_law_alpha, weighted_alpha
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model

# convnet_bn, and the changed layer among the neighbours of its one large matrix
SEEDS = st.sampled_from([4, 8, 16, 20, 28])


def with_eigenvalues(*layers):
    """A chain of linear layers; WᵀW has these eigenvalues."""
    linears = []
    for seed, values in enumerate(layers):
        generator = torch.Generator().manual_seed(seed)
        turns = (torch.linalg.qr(torch.randn(len(values), len(values), generator=generator).double())[0] for _ in "LR")
        left, right = turns
        linears.append(nn.Linear(len(values), len(values), bias=False, dtype=torch.float64))
        with torch.no_grad():
            linears[-1].weight.copy_(left * values.sqrt() @ right)
    return trained_model(nn.Sequential(*linears), torch.ones(1, len(layers[0])).double(), torch.tensor([0]))


def quantiles(exponent, size=64, start=1.0):
    return start * ((torch.arange(size, dtype=torch.float64) + 0.5) / size) ** (-1 / (exponent - 1))


def test_of_planted_power_laws_is_the_mean_of_their_exponents():
    trained = with_eigenvalues(quantiles(2.0), quantiles(4.0))
    assert power_law_alpha(trained) == pytest.approx(3, rel=0.1)


def test_the_weighted_ones_weigh_by_the_largest_eigenvalue_and_by_all():
    first, second = quantiles(2.0), quantiles(4.0, start=0.1)
    trained = with_eigenvalues(first, second)
    exponents = [fitted_power_law(values).exponent for values in (first, second)]
    weighted = sum(a * math.log10(max(v.tolist())) for a, v in zip(exponents, (first, second), strict=True)) / 2
    norms = sum(math.log10(sum(x**a for x in v.tolist())) for a, v in zip(exponents, (first, second), strict=True)) / 2
    assert weighted_alpha(trained) == pytest.approx(weighted, rel=1e-6)
    assert log_alpha_norm(trained) == pytest.approx(norms, rel=1e-6)


def test_of_a_convnet_is_that_of_its_one_large_matrix():
    trained = random_network("convnet_bn", seed=3, size=4)
    network = folded(trained.model, trained.inputs)
    weight = next(module.weight for module in network.modules() if isinstance(module, nn.Linear)).detach()
    eigenvalues = torch.linalg.eigvalsh(weight.T @ weight)
    alpha = fitted_power_law(eigenvalues).exponent
    assert power_law_alpha(trained) == pytest.approx(alpha, rel=1e-7)
    assert weighted_alpha(trained) == pytest.approx(alpha * math.log10(eigenvalues.max()), rel=1e-7)


@settings(deadline=None, max_examples=4)
@given(st.floats(0.1, 10))
def test_scaling_a_matrix_moves_the_weighted_ones_by_its_logarithm_and_leaves_the_exponent(factor):
    eigenvalues = quantiles(3.0)
    one, other = with_eigenvalues(eigenvalues), with_eigenvalues(factor * eigenvalues)
    alpha = power_law_alpha(one)
    assert power_law_alpha(other) == pytest.approx(alpha, rel=1e-7)
    for measure in (weighted_alpha, log_alpha_norm):
        assert measure(other) - measure(one) == pytest.approx(alpha * math.log10(factor), abs=1e-6)


@settings(deadline=None, max_examples=2)
@given(SEEDS)
def test_the_exponent_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(power_law_alpha, set(), seed)


@pytest.mark.slow
@settings(deadline=None, max_examples=2)
@given(SEEDS)
def test_the_weighted_ones_see_the_scale_of_a_layer(seed):
    assert_sees_only(weighted_alpha, {"layer_rescaling"}, seed)
    assert_sees_only(log_alpha_norm, {"layer_rescaling"}, seed)


@pytest.mark.parametrize("measure", [power_law_alpha, weighted_alpha, log_alpha_norm])
def test_is_not_applicable_to_small_matrices(measure):
    with pytest.raises(NotApplicable, match="needs 50"):
        measure(random_network("mlp_2x5", seed=0))
