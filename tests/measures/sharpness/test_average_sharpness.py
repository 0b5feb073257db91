import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.perturbations import noise_rows
from measures.sharpness.average_sharpness import average_sharpness
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.references.loss_surfaces import exact_hessian, naive_loss


def test_noise_on_a_margin_of_1_is_averaged_over_32_draws():
    trained = linear_model([[1.0], [0.0]], inputs=[[1.0]], labels=[0])
    margins = [1 + 10**-1.5 * (a - b) for a, b in torch.stack([*noise_rows(trained, 32)]).tolist()]
    expected = np.mean([math.log1p(math.exp(-margin)) for margin in margins]) - math.log1p(math.exp(-1))
    assert average_sharpness(trained) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_is_the_mean_loss_of_noisy_copies(kind):
    trained = small_network(kind, seed=1)
    theta, z = flat_parameters(trained.model), [*noise_rows(trained, 32)]
    before = naive_loss(trained, theta).item()
    losses = [naive_loss(trained, theta + 0.2 * row).item() for row in z]
    assert average_sharpness.function(trained, noise_std=0.2) == pytest.approx(np.mean(losses) - before, rel=1e-9)


@pytest.mark.parametrize("kind", ["mlp", "convnet"])
def test_little_noise_adds_its_share_of_the_slope_and_of_half_the_curvature(kind):
    trained = small_network(kind, seed=2)
    theta, z = flat_parameters(trained.model).requires_grad_(), torch.stack([*noise_rows(trained, 32)])
    (slope,) = torch.autograd.grad(naive_loss_of(trained, theta), theta)
    expected = (1e-4 * (z @ slope) + 1e-8 / 2 * (z @ exact_hessian(trained) * z).sum(dim=1)).mean().item()
    assert average_sharpness.function(trained, noise_std=1e-4) == pytest.approx(expected, rel=1e-2)


def naive_loss_of(trained, theta):
    names = [name for name, _ in trained.model.named_parameters()]
    shapes = [parameter.shape for parameter in trained.model.parameters()]
    pieces = theta.split([shape.numel() for shape in shapes])
    named = {name: piece.view(shape) for name, piece, shape in zip(names, pieces, shapes, strict=True)}
    logits = torch.func.functional_call(trained.model, named, trained.inputs)
    return torch.nn.functional.cross_entropy(logits, trained.labels)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_on_a_convex_loss_it_grows_faster_than_the_noise(seed):
    trained = random_linear_model(seed)
    small, large = (average_sharpness.function(trained, noise_std=size) for size in (0.5, 1.5))
    assert large > 3 * small


@pytest.mark.parametrize("seed", [0, 1])
def test_sees_every_change_but_a_shift_of_the_logits(seed):
    assert_sees_only(average_sharpness, {"layer_rescaling", "unit_permutation", "batch_norm_folding"}, seed)
