import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import nn

from measures.quantities import plain_layers
from measures.quantities.gradient_gram import (
    SAMPLE,
    final_tangent_kernel,
    gradient_gram,
    initial_tangent_kernel,
    tangent_kernel,
)
from tests.builders.models import random_network
from tests.measures.quantities.test_per_example import UNUSUAL, Largest
from tests.references.explicit_gradients import gradients_one_by_one, jacobian


def assert_equals_explicit(model, inputs, labels):
    gradients = gradients_one_by_one(model, inputs, labels)
    torch.testing.assert_close(gradient_gram(model, inputs, labels), gradients @ gradients.T, rtol=1e-8, atol=1e-12)
    rows = jacobian(model, inputs)
    kernel = torch.einsum("ikp,jkp->ij", rows, rows) / rows.shape[1]
    torch.testing.assert_close(tangent_kernel(model, inputs), kernel, rtol=1e-8, atol=1e-12)


def test_the_kernel_of_a_linear_layer_is_the_inner_product_of_the_inputs_plus_one_for_the_bias():
    network = nn.Linear(2, 3).double().eval()
    inputs = torch.tensor([[3.0, 4.0], [1.0, -1.0]], dtype=torch.float64)
    expected = torch.tensor([[26.0, 0.0], [0.0, 3.0]], dtype=torch.float64)
    torch.testing.assert_close(tangent_kernel(network, inputs), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["mlp_2x8", "convnet", "convnet_bn"])
def test_equal_the_explicit_gradients_and_jacobian(name):
    trained = random_network(name, seed=0, size=4, num_train=7)
    assert_equals_explicit(trained.model, trained.inputs, torch.arange(7) % 3)


@pytest.mark.parametrize("name", UNUSUAL)
def test_equal_the_explicit_gradients_and_jacobian_for_layers_of_every_kind(name):
    torch.manual_seed(0)
    network = UNUSUAL[name]()
    inputs = torch.randn(5, 2, 6, 6, dtype=torch.float64)
    network(inputs)
    assert_equals_explicit(network.eval(), inputs, torch.arange(5) % 3)


@pytest.mark.parametrize("name", ["convnet_bn", "groups"])
def test_the_size_of_the_blocks_does_not_matter(name, monkeypatch):
    torch.manual_seed(0)
    network = UNUSUAL[name]() if name in UNUSUAL else random_network(name, seed=0).model
    inputs = torch.randn(8, 2 if name in UNUSUAL else 1, 6, 6, dtype=torch.float64)
    network.eval()
    whole = gradient_gram(network, inputs, torch.arange(8) % 3), tangent_kernel(network, inputs)
    monkeypatch.setattr(plain_layers, "MAX_ENTRIES", 1000)
    parts = gradient_gram(network, inputs, torch.arange(8) % 3), tangent_kernel(network, inputs)
    torch.testing.assert_close(parts, whole, rtol=1e-9, atol=1e-12)


def test_gradients_of_all_examples_are_never_held_at_once(monkeypatch):
    monkeypatch.setattr(plain_layers, "MAX_ENTRIES", 20_000)
    network = random_network("convnet", seed=0, dtype=torch.float32).model
    inputs = torch.randn(100, 1, 6, 6)
    plain, largest = Largest(), Largest()
    with plain, torch.no_grad():
        network(inputs)
    with largest:
        tangent_kernel(network, inputs)
    kernels = sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.Conv2d))
    assert largest.numbers <= 3 * max(20_000, plain.numbers) < 100 * kernels


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.sampled_from(["mlp_2x5", "convnet_bn"]))
def test_the_mean_of_all_inner_products_is_the_mean_gradients_squared_norm(seed, name):
    trained = random_network(name, seed, size=4)
    labels = torch.arange(20) % 3
    loss = F.cross_entropy(trained.model(trained.inputs), labels)
    mean = torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(trained.model.parameters()))])
    gram = gradient_gram(trained.model, trained.inputs, labels)
    assert float(gram.mean()) == pytest.approx(float(mean @ mean), rel=1e-8)


def test_kernels_before_and_after_training_are_of_the_sample_and_of_their_own_network():
    trained = random_network("mlp_2x5", seed=0)
    inputs, _ = trained.sample(SAMPLE)
    torch.testing.assert_close(initial_tangent_kernel(trained), tangent_kernel(trained.init, inputs))
    torch.testing.assert_close(final_tangent_kernel(trained), tangent_kernel(trained.model, inputs))
    assert not torch.allclose(initial_tangent_kernel(trained), final_tangent_kernel(trained))
