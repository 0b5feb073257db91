"""Small networks drawn at random: what every measure does on them, and what shared quantities are by brute force."""

import copy

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import Phase, given, settings
from torch import Tensor, nn

from measures.gradients.gradient_norm import gradient_norm
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.hessian_spectrum import hessian_product
from measures.quantities.per_example import gradient_norms
from measures.trained_model import TrainedModel
from tests.builders.models import trained_model, with_snapshots
from tests.networks.networks_table import measures_of
from tests.networks.readings import readings_of
from tests.references.explicit_gradients import gradients_one_by_one

CLASSES = 3
SEEDS = st.integers(0, 2**20)
ACTIVATIONS = (nn.ReLU, nn.ReLU, nn.Tanh, nn.GELU, nn.LeakyReLU)  # ReLU twice as often


class Stage(nn.Module):
    """A weight layer, a normalization, an activation and a pooling; what it receives is added, if `skip`."""

    def __init__(self, layer: nn.Module, norm: nn.Module, after: nn.Module, skip: bool):
        super().__init__()
        self.layer, self.norm, self.after, self.skip = layer, norm, after, skip

    def forward(self, x: Tensor) -> Tensor:
        returned = self.norm(self.layer(x))
        return self.after(returned + x if self.skip else returned)


class Tokens(nn.Module):
    """Each position of a map becomes a vector of its channels."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2).transpose(1, 2)


class MeanOfTokens(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=1)


def convolution(draw, channels, size):
    groups = draw(st.sampled_from([1, 1, channels]))
    kernel, stride = draw(st.integers(1, min(3, size))), draw(st.integers(1, 2))
    out = groups * draw(st.integers(1, 3))
    layer = nn.Conv2d(
        channels, out, kernel, stride, draw(st.integers(0, kernel // 2)), groups=groups, bias=draw(st.booleans())
    )
    before, size = size, (size + 2 * layer.padding[0] - kernel) // stride + 1
    norms = [nn.Identity, nn.BatchNorm2d] + [lambda out: nn.GroupNorm(1, out)] * (out * size > 1)  # torch asks for two
    norm = draw(st.sampled_from(norms))(out)
    skip = (channels, before) == (out, size) and draw(st.booleans())
    pool = draw(st.sampled_from([nn.Identity(), nn.MaxPool2d(2), nn.AvgPool2d(2)])) if size >= 2 else nn.Identity()
    size = size if isinstance(pool, nn.Identity) else size // 2
    after = nn.Sequential(draw(st.sampled_from(ACTIVATIONS))(), pool)
    return Stage(layer, norm, after, skip), out, size


def linear(draw, width):
    out = draw(st.sampled_from([width, 3, 5]))
    norm = draw(st.sampled_from([nn.Identity, nn.Identity, nn.LayerNorm]))(out)
    layer = nn.Linear(width, out, bias=draw(st.booleans()))
    return Stage(layer, norm, draw(st.sampled_from(ACTIVATIONS))(), out == width and draw(st.booleans())), out


@st.composite
def networks(draw):
    """The stages of a network for inputs (1, size, size), and the size."""
    size = given_size = draw(st.integers(3, 8))
    stages, channels = [], 1
    for _ in range(draw(st.integers(0, 2))):
        stage, channels, size = convolution(draw, channels, size)
        stages.append(stage)
    ends = draw(st.sampled_from(["flat", "mean", "tokens", "all convolutional"]))
    if ends == "all convolutional":
        end = [nn.Conv2d(channels, CLASSES, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        return nn.Sequential(*stages, *end), given_size
    width = channels * size * size if ends == "flat" else channels
    stages.append({"flat": nn.Flatten, "tokens": Tokens}.get(ends, nn.Identity)())
    stages += [nn.AdaptiveAvgPool2d(1), nn.Flatten()] if ends == "mean" else []
    for _ in range(draw(st.integers(0, 2))):
        stage, width = linear(draw, width)
        stages.append(stage)
    stages += [MeanOfTokens()] if ends == "tokens" else []
    return nn.Sequential(*stages, nn.Linear(width, CLASSES)), given_size


def trained(drawn: tuple[nn.Module, int], seed: int, fitted: bool, count: int = 12) -> TrainedModel:
    """The network with random weights and statistics, float64; its labels are its predictions, or half of them are."""
    network, size = copy.deepcopy(drawn[0]), drawn[1]
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, 1, size, size, generator=generator, dtype=torch.float64)

    def state() -> dict[str, Tensor]:
        drawn = {}
        for key, value in network.state_dict().items():
            numbers = torch.randn(value.shape, generator=generator)
            drawn[key] = (numbers.abs() + 0.5 if key.endswith("running_var") else numbers).to(value.dtype)
        return drawn

    init = copy.deepcopy(network)
    network.load_state_dict(state())
    init.load_state_dict(state())
    network, init = network.double().eval(), init.double().eval()
    with torch.no_grad():
        predicted = network(inputs).argmax(dim=1)
    labels = predicted if fitted else (predicted + torch.arange(count) % 2) % CLASSES
    return with_snapshots(trained_model(network, inputs, labels, init=init, num_classes=CLASSES), init)


@pytest.mark.slow
@settings(max_examples=10, phases=[Phase.explicit, Phase.generate])  # a smaller example takes minutes to find
@given(networks(), SEEDS, st.booleans())
def test_every_fast_measure_has_a_finite_number_or_a_reason_and_changes_nothing(drawn, seed, fitted):
    model = trained(drawn, seed, fitted)
    found, changed = readings_of(measures_of("fast"), model)
    assert changed == {}
    assert {name: reading.traceback for name, reading in found.items() if reading.status == "error"} == {}
    without = {name: reading.reason for name, reading in found.items() if reading.status == "not_applicable"}
    assert {name: reason for name, reason in without.items() if len(reason.splitlines()) != 1} == {}


@pytest.mark.slow
@settings(max_examples=20)
@given(networks(), SEEDS, st.booleans())
def test_gradient_norms_are_those_of_one_backward_pass_an_example(drawn, seed, fitted):
    model = trained(drawn, seed, fitted)
    expected = gradients_one_by_one(model.model, model.inputs, model.labels).norm(dim=1)
    torch.testing.assert_close(gradient_norms(model.model, model.inputs, model.labels), expected)
    assert gradient_norm(model) == pytest.approx(float(expected.mean()), rel=1e-7, abs=1e-12)


@pytest.mark.slow
@settings(max_examples=20)
@given(networks(), SEEDS, st.booleans())
def test_layers_have_the_singular_values_of_their_dense_jacobians(drawn, seed, fitted):
    model = trained(drawn, seed, fitted)
    modules = dict(model.model.named_modules())
    for layer in model.layers:
        parts = [modules[layer.name]]
        stage = modules[layer.name.rpartition(".")[0]]
        if isinstance(stage, Stage) and isinstance(stage.norm, nn.BatchNorm2d):
            parts.append(stage.norm)
        point = torch.randn(layer.input_shape, dtype=torch.float64)
        function = nn.Sequential(*parts)
        jacobian = torch.autograd.functional.jacobian(lambda x, f=function: f(x[None])[0].flatten(), point)
        expected = torch.linalg.svdvals(jacobian.flatten(1))
        torch.testing.assert_close(layer.singular_values, expected, rtol=1e-9, atol=1e-9)
        assert layer.operator_norm == pytest.approx(float(expected[0]), rel=1e-8, abs=1e-12)
        assert layer.frobenius_norm == pytest.approx(float(expected.norm()), rel=1e-9, abs=1e-12)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:FutureWarning")  # by torch, of itself
@settings(max_examples=15)
@given(networks(), SEEDS, st.booleans())
def test_hessian_products_are_those_of_forward_over_reverse_differentiation(drawn, seed, fitted):
    model = trained(drawn, seed, fitted)
    network = model.model
    theta = flat_parameters(network)
    vector = torch.randn(theta.shape, generator=torch.Generator().manual_seed(seed), dtype=theta.dtype)
    names = [name for name, _ in network.named_parameters()]
    shapes = [parameter.shape for parameter in network.parameters()]

    def loss(flat):
        pieces = flat.split([shape.numel() for shape in shapes])
        weights = {name: piece.view(shape) for name, piece, shape in zip(names, pieces, shapes, strict=True)}
        return F.cross_entropy(torch.func.functional_call(network, weights, model.inputs), model.labels)

    _, expected = torch.func.jvp(torch.func.grad(loss), (theta,), (vector,))
    torch.testing.assert_close(hessian_product(model)(vector[None])[0], expected, rtol=1e-7, atol=1e-9)
