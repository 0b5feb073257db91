import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
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


def heavy(shape, first):
    """Numbers with heavy tails, the same on every machine."""
    k = torch.arange(first, first + math.prod(shape), dtype=torch.float64)
    u, v = ((torch.sin(factor * k) * 43758.5453).remainder(1) for factor in (12.9898, 78.233))
    return ((u - 0.5) * (v + 0.05) ** -0.5).view(shape)


def with_heavy_weights(first):
    """A convolution of 9 matrices (24, 16), normalized, then two linear layers, the last with too few eigenvalues."""
    network = nn.Sequential(
        nn.Conv2d(16, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.Flatten(),
        nn.Linear(24 * 16, 80), nn.ReLU(), nn.Linear(80, 3),
    ).double()  # fmt: skip
    with torch.no_grad():
        network[0].weight.copy_(heavy((24, 16, 3, 3), first))
        network[4].weight.copy_(heavy((80, 384), first + 10_000))
        network[1].weight.copy_(torch.linspace(0.1, 3, 24))
    return trained_model(network, torch.ones(1, 16, 4, 4).double(), torch.tensor([0]))


# What weightwatcher 0.7.7 says of the two layers: analyze(min_evals=50, conv2d_norm=False), whose columns are alpha,
# alpha_weighted and log_alpha_norm. Its tails are of 18 eigenvalues and more in all of them but one, which has 10.
WEIGHT_WATCHER = {
    1: [(3.151720564, 11.491623860), (4.015058603, 26.539916136), (5.232402399, 27.050864130)],
    100_001: [(5.785608366, 5.152966541), (7.838785282, 11.869284877), (8.547668902, 12.769719209)],
    200_001: [(5.088455125, 5.472884019), (6.758770066, 12.608925040), (7.590467445, 13.480156305)],
    300_001: [(4.370024696, 4.107155772), (5.576870331, 9.421418753), (6.615011878, 10.486821696)],
    400_001: [(6.326440823, 6.154176118), (8.661446727, 14.250439283), (9.242775923, 15.021490656)],
}


@pytest.mark.parametrize("first", WEIGHT_WATCHER)
def test_are_the_means_of_what_weight_watcher_says_of_each_layer(first):
    trained = with_heavy_weights(first)
    found = [power_law_alpha(trained), weighted_alpha(trained), log_alpha_norm(trained)]
    assert found == pytest.approx([sum(layers) / 2 for layers in WEIGHT_WATCHER[first]], rel=1e-6)


def test_of_a_convnet_are_of_the_kernels_positions_put_together_and_of_its_linear_layer():
    trained = random_network("convnet_bn", seed=3, size=4)
    layers = [module.weight.detach() for module in trained.model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    pooled = []
    for weight in layers:
        matrices = weight.view(*weight.shape[:2], -1)
        parts = [matrices[:, :, k] for k in range(matrices.shape[2])]
        small = [part.T @ part if part.shape[0] > part.shape[1] else part @ part.T for part in parts]
        pooled.append(torch.cat([torch.linalg.eigvalsh(matrix) for matrix in small]))
    large = [eigenvalues for eigenvalues in pooled if len(eigenvalues) >= 50]
    assert len(large) == 2  # 144 eigenvalues of the second convolution and 128; not 9 of the first, nor 3
    alphas = [fitted_power_law(eigenvalues).exponent for eigenvalues in large]
    assert power_law_alpha(trained) == pytest.approx(sum(alphas) / 2, rel=1e-7)
    logs = [alpha * math.log10(eigenvalues.max()) for alpha, eigenvalues in zip(alphas, large, strict=True)]
    assert weighted_alpha(trained) == pytest.approx(sum(logs) / 2, rel=1e-7)


@settings(deadline=None, max_examples=4)
@given(st.floats(0.1, 10))
def test_scaling_a_matrix_moves_the_weighted_ones_by_its_logarithm_and_leaves_the_exponent(factor):
    eigenvalues = quantiles(3.0)
    one, other = with_eigenvalues(eigenvalues), with_eigenvalues(factor * eigenvalues)
    alpha = power_law_alpha(one)
    assert power_law_alpha(other) == pytest.approx(alpha, rel=1e-7)
    for measure in (weighted_alpha, log_alpha_norm):
        assert measure(other) - measure(one) == pytest.approx(alpha * math.log10(factor), abs=1e-6)


@pytest.mark.slow
@settings(deadline=None, max_examples=2)
@given(SEEDS)
def test_the_exponent_sees_only_what_normalization_becomes_part_of_a_layer(seed):
    assert_sees_only(power_law_alpha, {"batch_norm_folding"}, seed)


@pytest.mark.slow
@settings(deadline=None, max_examples=2)
@given(SEEDS)
def test_the_weighted_ones_see_the_scale_of_a_layer(seed):
    assert_sees_only(weighted_alpha, {"layer_rescaling", "batch_norm_folding"}, seed)
    assert_sees_only(log_alpha_norm, {"layer_rescaling", "batch_norm_folding"}, seed)


@pytest.mark.parametrize("measure", [power_law_alpha, weighted_alpha, log_alpha_norm])
def test_is_not_applicable_to_small_matrices(measure):
    with pytest.raises(NotApplicable, match="needs 50"):
        measure(random_network("mlp_2x5", seed=0))
