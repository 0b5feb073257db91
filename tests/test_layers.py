import copy
import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from harness import layers as harness_layers
from harness.layers import operator_matrix, row_norms, weight_layers
from measures import NotApplicable
from tests.models import random_network, trained_model
from tests.naive import dense_layers, logits, matrices, unrolled_convolution


@st.composite
def convolutions(draw):
    """A convolution with random weights and the shape of its input, at least as large as its (dilated) kernel."""

    def pair(low, high):
        return draw(st.tuples(st.integers(low, high), st.integers(low, high)))

    groups = draw(st.integers(1, 3))
    kernel, stride, padding, dilation = pair(1, 3), pair(1, 3), pair(0, 2), pair(1, 2)
    reach = [dilation[a] * (kernel[a] - 1) + 1 for a in range(2)]
    sizes = [draw(st.integers(max(1, reach[a] - 2 * padding[a]), 6)) for a in range(2)]
    channels = groups * draw(st.integers(1, 2))
    module = nn.Conv2d(
        channels, groups * draw(st.integers(1, 2)), kernel, stride, padding, dilation, groups, dtype=torch.float64
    )
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**20)))
    with torch.no_grad():
        module.weight.normal_(generator=generator)
    return module, (channels, *sizes)


def only_layer(module, input_shape):
    network = nn.Sequential(module)
    (layer,) = weight_layers(network, network, torch.ones(1, *input_shape, dtype=torch.float64))
    return layer


def unrolled(module, input_shape):
    return unrolled_convolution(
        module.weight, input_shape, module.stride, module.padding, module.dilation, module.groups
    )


@settings(deadline=None, max_examples=60)
@given(convolutions())
def test_a_convolutions_operator_is_its_unrolled_matrix(drawn):
    layer, expected = only_layer(*drawn), unrolled(*drawn)
    assert np.prod(layer.output_shape) == len(expected)
    np.testing.assert_allclose(operator_matrix(layer, layer.weight).numpy(), expected, atol=1e-13)
    assert layer.operator_norm == pytest.approx(np.linalg.norm(expected, 2), rel=1e-9, abs=1e-12)
    assert layer.frobenius_norm == pytest.approx(np.linalg.norm(expected), rel=1e-12)
    np.testing.assert_allclose(row_norms(layer, layer.weight).numpy(), np.linalg.norm(expected, axis=1), atol=1e-12)


@settings(deadline=None, max_examples=25)
@given(convolutions().filter(lambda drawn: min(unrolled(*drawn).shape) > 1 and unrolled(*drawn).any()))
def test_lanczos_finds_the_norm_that_the_dense_matrix_has(drawn):
    layer, expected = only_layer(*drawn), np.linalg.norm(unrolled(*drawn), 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness_layers, "DENSE_LIMIT", 0)
        patch.setattr(harness_layers, "operator_matrix", None)  # not to be called
        assert harness_layers.operator_norm(layer, layer.weight) == pytest.approx(expected, rel=1e-5)


def test_lanczos_leaves_the_global_random_states_alone(monkeypatch):
    monkeypatch.setattr(harness_layers, "DENSE_LIMIT", 0)
    layer = only_layer(nn.Conv2d(2, 3, 3, dtype=torch.float64), (2, 5, 5))
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()
    norm = harness_layers.operator_norm(layer, layer.weight)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state[1]) and np.random.get_state()[2] == numpy_state[2]
    np.random.rand(3)
    assert harness_layers.operator_norm(layer, layer.weight) == norm


def test_the_norm_of_a_padded_convolution_is_not_that_of_its_reshaped_kernel():
    module = nn.Conv2d(16, 16, 3, padding=1, dtype=torch.float64)
    with torch.no_grad():
        module.weight.normal_(generator=torch.Generator().manual_seed(0))
    reshaped = torch.linalg.matrix_norm(module.weight.detach().flatten(1), 2).item()
    assert only_layer(module, (16, 8, 8)).operator_norm > 1.3 * reshaped


def test_a_linear_layers_operator_is_its_weight():
    layer = only_layer(nn.Linear(2, 2, dtype=torch.float64), (2,))
    weight = torch.tensor([[3.0, 0.0], [4.0, 5.0]])
    assert harness_layers.operator_norm(layer, weight) == pytest.approx(45**0.5)
    assert row_norms(layer, weight).tolist() == pytest.approx([3, 41**0.5])
    assert operator_matrix(layer, weight).tolist() == weight.tolist()


def test_lanczos_keeps_its_tolerance_on_a_spectrum_that_it_cannot_exhaust(monkeypatch):
    module = nn.Conv2d(1, 1, 3, padding=1, dtype=torch.float64)
    with torch.no_grad():
        module.weight.normal_(generator=torch.Generator().manual_seed(0))
    layer, expected = only_layer(module, (1, 16, 16)), np.linalg.norm(unrolled(module, (1, 16, 16)), 2)
    monkeypatch.setattr(harness_layers, "DENSE_LIMIT", 0)
    assert harness_layers.operator_norm(layer, layer.weight) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dense_limit", [0, 2**22])
def test_a_zero_weight_has_norm_zero(dense_limit, monkeypatch):
    monkeypatch.setattr(harness_layers, "DENSE_LIMIT", dense_limit)
    layer = only_layer(nn.Conv2d(1, 1, 3, dtype=torch.float64), (1, 4, 4))
    assert harness_layers.operator_norm(layer, torch.zeros(1, 1, 3, 3)) == 0
    assert row_norms(layer, torch.zeros(1, 1, 3, 3)).sum() == 0


@pytest.mark.parametrize("name", ["mlp_3x5", "convnet", "convnet_bn"])
def test_layers_are_those_of_the_network_written_as_matrices(name):
    trained = random_network(name, seed=3)
    shape = tuple(trained.inputs.shape[1:])
    dense = dense_layers(trained.model, shape)
    for x, expected in zip(trained.inputs, trained.logits, strict=True):
        np.testing.assert_allclose(logits(dense, x.flatten().numpy()), expected.numpy(), atol=1e-12)
    before = matrices(trained.init, shape)
    for layer, matrix, start in zip(trained.layers, matrices(trained.model, shape), before, strict=True):
        assert layer.operator_norm == pytest.approx(np.linalg.norm(matrix, 2), rel=1e-9)
        np.testing.assert_allclose(operator_matrix(layer, layer.weight), matrix, atol=1e-13)
        np.testing.assert_allclose(operator_matrix(layer, layer.init_weight), start, atol=1e-13)


def test_layers_come_in_the_order_in_which_they_are_applied():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.first = nn.Linear(3, 2), nn.Linear(4, 3)

        def forward(self, x):
            return self.last(self.first(x).relu())

    network = Backwards()
    assert [layer.name for layer in weight_layers(network, network, torch.ones(1, 4))] == ["first", "last"]


def test_measuring_the_layers_leaves_the_network_as_it_was():
    trained = random_network("convnet_bn", seed=1)
    before = copy.deepcopy(trained.model.state_dict())
    trained.model[0].weight.grad = torch.ones_like(trained.model[0].weight)
    for layer in trained.layers:
        assert layer.operator_norm <= layer.frobenius_norm
        assert not layer.weight.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in trained.model.state_dict().items())
    assert all(not module._forward_hooks for module in trained.model.modules())
    assert bool((trained.model[0].weight.grad == 1).all())


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, x):
        return x * self.scale


SHARED = nn.Linear(2, 2)
REFUSED = {
    "ConvTranspose2d": (nn.Sequential(nn.ConvTranspose2d(1, 1, 2), nn.Flatten()), (1, 2, 2)),
    "Conv1d": (nn.Sequential(nn.Conv1d(1, 1, 2), nn.Flatten()), (1, 4)),
    "LSTM": (nn.LSTM(2, 2), (2,)),
    "pads with reflect": (nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), (1, 4, 4)),
    "2 times": (nn.Sequential(SHARED, nn.ReLU(), SHARED), (2,)),
    "applied along": (nn.Linear(2, 2), (3, 2)),
    "'1.weight' belongs to no Linear": (nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)), (2,)),
    "'scale' belongs to no Linear": (Scaled(), (2,)),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_no_plain_linear_map_is_refused_with_its_reason(reason):
    network, shape = REFUSED[reason]
    with pytest.raises(NotApplicable, match=reason):
        weight_layers(network, network, torch.ones(1, *shape))


def test_the_layers_of_a_trained_model_are_computed_once():
    trained = trained_model(nn.Sequential(nn.Linear(2, 3)), torch.ones(2, 2), torch.tensor([0, 1]))
    assert trained.layers is trained.layers
    assert dataclasses.replace(trained).layers is not trained.layers
