import copy
import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures import layers as layers_module
from measures.compression.compression_bits import compression_bits
from measures.layers import operator_matrix, row_norms
from measures.norms.frobenius_norm import frobenius_norm
from measures.norms.group_norm import l1_inf_norm
from measures.norms.trace_norm import trace_norm
from measures.spectral.effective_rank import effective_rank
from measures.spectral.nuclear_to_frobenius import nuclear_to_frobenius
from measures.spectral.spectral_complexity import spectral_complexity
from measures.spectral.spectral_norm import spectral_norm
from measures.spectral.stable_quality import stable_quality
from measures.spectral.stable_rank import stable_rank_sum
from measures.weight_layers import weight_layers
from tests.builders.models import random_network, trained_model
from tests.references.dense_networks import dense_layers, logits, matrices, unrolled_convolution


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
def test_iteration_finds_the_norm_that_the_dense_matrix_has(drawn):
    layer, expected = only_layer(*drawn), np.linalg.norm(unrolled(*drawn), 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers_module, "DENSE_SIZE", 0)
        patch.setattr(layers_module, "operator_matrix", None)  # not to be called
        assert layers_module.operator_norm(layer, layer.weight) == pytest.approx(expected, rel=1e-9)


def test_iteration_leaves_the_global_random_states_alone(monkeypatch):
    monkeypatch.setattr(layers_module, "DENSE_SIZE", 0)
    layer = only_layer(nn.Conv2d(2, 3, 3, dtype=torch.float64), (2, 5, 5))
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()
    norm = layers_module.operator_norm(layer, layer.weight)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state[1]) and np.random.get_state()[2] == numpy_state[2]
    np.random.rand(3)
    assert layers_module.operator_norm(layer, layer.weight) == norm


def test_the_norm_of_a_padded_convolution_is_not_that_of_its_reshaped_kernel():
    module = nn.Conv2d(16, 16, 3, padding=1, dtype=torch.float64)
    with torch.no_grad():
        module.weight.normal_(generator=torch.Generator().manual_seed(0))
    reshaped = torch.linalg.matrix_norm(module.weight.detach().flatten(1), 2).item()
    assert only_layer(module, (16, 8, 8)).operator_norm > 1.3 * reshaped


def test_a_linear_layers_operator_is_its_weight():
    layer = only_layer(nn.Linear(2, 2, dtype=torch.float64), (2,))
    weight = torch.tensor([[3.0, 0.0], [4.0, 5.0]])
    assert layers_module.operator_norm(layer, weight) == pytest.approx(45**0.5)
    assert row_norms(layer, weight).tolist() == pytest.approx([3, 41**0.5])
    assert operator_matrix(layer, weight).tolist() == weight.tolist()


def test_iteration_keeps_its_tolerance_on_a_spectrum_that_it_cannot_exhaust(monkeypatch):
    module = nn.Conv2d(1, 1, 3, padding=1, dtype=torch.float64)
    with torch.no_grad():
        module.weight.normal_(generator=torch.Generator().manual_seed(0))
    layer, expected = only_layer(module, (1, 16, 16)), np.linalg.norm(unrolled(module, (1, 16, 16)), 2)
    monkeypatch.setattr(layers_module, "DENSE_SIZE", 0)
    assert layers_module.operator_norm(layer, layer.weight) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_iteration_knows_no_scale(scale, monkeypatch):
    monkeypatch.setattr(layers_module, "DENSE_SIZE", 0)
    layer = only_layer(nn.Conv2d(2, 3, 3, dtype=torch.float64), (2, 6, 6))
    expected = scale * layers_module.operator_norm(layer, layer.weight)
    assert layers_module.operator_norm(layer, scale * layer.weight) == pytest.approx(expected, rel=1e-9)


def test_where_iteration_ends_too_soon_there_is_no_norm(monkeypatch):
    for name, value in {"DENSE_SIZE": 0, "STEPS": 2, "CYCLES": 1}.items():
        monkeypatch.setattr(layers_module, name, value)
    layer = only_layer(nn.Conv2d(2, 3, 3, padding=1, dtype=torch.float64), (2, 8, 8))
    with pytest.raises(NotApplicable, match="did not converge"):
        layers_module.operator_norm(layer, layer.weight)


def test_iteration_that_has_to_begin_again_finds_the_same(monkeypatch):
    layer = only_layer(nn.Conv2d(2, 3, 3, padding=1, dtype=torch.float64), (2, 8, 8))
    monkeypatch.setattr(layers_module, "DENSE_SIZE", 0)
    at_once = layers_module.operator_norm(layer, layer.weight)
    monkeypatch.setattr(layers_module, "STEPS", 12)
    monkeypatch.setattr(layers_module, "CYCLES", 100)
    assert layers_module.operator_norm(layer, layer.weight) == pytest.approx(at_once, rel=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(0, 1), st.integers(0, 2**20))
def test_a_kernel_of_one_pixel_has_the_norm_of_its_matrix_at_every_position(groups, width, stride, padding, seed):
    module = nn.Conv2d(groups * width, groups * 2, 1, stride, padding, groups=groups, dtype=torch.float64)
    with torch.no_grad():
        module.weight.normal_(generator=torch.Generator().manual_seed(seed))
    layer, expected = only_layer(module, (groups * width, 5, 4)), unrolled(module, (groups * width, 5, 4))
    assert layer.operator_norm == pytest.approx(np.linalg.norm(expected, 2), rel=1e-12)


@pytest.mark.parametrize("dense_size", [0, 256])
def test_a_zero_weight_has_norm_zero(dense_size, monkeypatch):
    monkeypatch.setattr(layers_module, "DENSE_SIZE", dense_size)
    layer = only_layer(nn.Conv2d(1, 1, 3, dtype=torch.float64), (1, 4, 4))
    assert layers_module.operator_norm(layer, torch.zeros(1, 1, 3, 3)) == 0
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


def test_the_layers_of_a_trained_model_are_computed_once():
    trained = trained_model(nn.Sequential(nn.Linear(2, 3)), torch.ones(2, 2), torch.tensor([0, 1]))
    assert trained.layers is trained.layers
    assert dataclasses.replace(trained).layers is not trained.layers


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet_bn"])
def test_singular_values_are_of_the_dense_operator_and_the_change_is_from_init(name):
    for layer in random_network(name, 0).layers:
        assert float(layer.singular_values[0]) == pytest.approx(layer.operator_norm, rel=1e-10)
        assert float(layer.singular_values.norm()) == pytest.approx(layer.frobenius_norm, rel=1e-10)
        assert torch.equal(layer.change, layer.weight - layer.init_weight)
        moved = dataclasses.replace(layer, weight=layer.change)
        assert layer.change_operator_norm == moved.operator_norm
        assert layer.change_frobenius_norm == moved.frobenius_norm


def test_a_layer_of_zeros_is_named_in_the_same_sentence_by_whatever_asks_for_its_size():
    network = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 2))
    with torch.no_grad():
        network[2].weight.zero_()
    trained = trained_model(network, torch.ones(2, 3), torch.tensor([0, 1]))
    sentence = "^the weights of layer '2' are all zero: the logarithm of their norm, and what is relative to it, is"
    asked = [frobenius_norm, l1_inf_norm, trace_norm, spectral_norm, spectral_complexity, stable_rank_sum]
    for measure in (*asked, effective_rank, nuclear_to_frobenius, stable_quality, compression_bits):
        with pytest.raises(NotApplicable, match=sentence):
            measure(trained)
