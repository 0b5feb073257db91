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
from measures.compression import layer_cushion_bound as module
from measures.compression.layer_cushion_bound import interlayer_cushions, layer_cushion_bound
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import linear_model
from tests.references.dense_networks import matrices


def test_of_one_layer_worked_out_by_hand():
    trained = linear_model([[3.0, 0.0], [0.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]], [0, 1])
    # Layer cushion min(3, 4) / 5, and 1/√2; the largest output has norm 4, γ = 3.1, two examples.
    assert layer_cushion_bound(trained) == pytest.approx(4**2 / (3.1**2 * 2) * 2 / 0.6**2, rel=1e-9)


def test_of_two_layers_worked_out_by_hand():
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False)).double()
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
        network[2].weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
    trained = trained_model(network, torch.tensor([[2.0, 1.0]], dtype=torch.float64), torch.tensor([0]))
    # z = (2, -2), a = (2, 0), f = (6, 0), γ = 6; J = diag(3, 0), so J z = (6, 0).
    first = (math.sqrt(8) / (math.sqrt(2) * math.sqrt(5))) ** 2 * min(1 / 2, (6 / (3 * math.sqrt(8))) ** 2)
    second = (6 / (5 * 2)) ** 2 * (1 / 2)
    contraction = math.sqrt(8) / 2
    expected = 2**2 * contraction**2 * 6**2 / 6**2 * (1 / first + 1 / second)
    assert layer_cushion_bound(trained) == pytest.approx(expected, rel=1e-9)


def naive_bound(trained):
    """Example by example, with whole Jacobians of the pieces of the network between its layers."""
    modules = list(trained.model)
    starts = [i for i, module in enumerate(modules) if isinstance(module, nn.Linear | nn.Conv2d)]
    ends = [i + 1 + any(isinstance(module, nn.BatchNorm2d) for module in modules[i + 1 : i + 2]) for i in starts]
    operators = matrices(trained.model, tuple(trained.inputs.shape[1:]))
    depth = len(ends)
    mu, onward, c, largest = [math.inf] * depth, [math.inf] * depth, 1.0, 0.0
    margins = []
    for x, y in zip(trained.inputs, trained.labels.tolist(), strict=True):
        received = [nn.Sequential(*modules[:s])(x[None]).detach().flatten().numpy() for s in starts]
        outputs = [nn.Sequential(*modules[:e])(x[None]).detach() for e in ends]
        for k in range(depth):
            z = outputs[k].flatten().numpy()
            image = np.linalg.norm(operators[k] @ received[k])
            mu[k] = min(mu[k], image / np.linalg.norm(operators[k]) / np.linalg.norm(received[k]))
            onward[k] = min(onward[k], 1 / math.sqrt(len(z)))
            for later in range(k + 1, depth):
                piece = nn.Sequential(*modules[ends[k] : ends[later]])
                jacobian = torch.autograd.functional.jacobian(piece, outputs[k], vectorize=True)
                jacobian = jacobian.reshape(-1, len(z)).numpy()
                ratio = np.linalg.norm(jacobian @ z) / np.linalg.norm(jacobian) / np.linalg.norm(z)
                onward[k] = min(onward[k], ratio)
            if k + 1 < depth:
                c = max(c, np.linalg.norm(z) / np.linalg.norm(received[k + 1]))
        logits = outputs[-1][0].tolist()
        largest = max(largest, np.linalg.norm(logits))
        margins.append(logits[y] - max(logits[j] for j in range(3) if j != y))
    gamma = np.percentile(margins, 10)
    total = sum(1 / (mu[k] ** 2 * onward[k] ** 2) for k in range(depth))
    return depth**2 * c**2 * largest**2 / (gamma**2 * len(margins)) * total


@pytest.mark.parametrize("name", ["mlp_1x4", "mlp_3x5", "convnet", "convnet_bn"])
def test_is_the_naive_bound_of_jacobians_taken_example_by_example(name):
    trained = random_network(name, seed=1, num_train=4, size=4)
    assert layer_cushion_bound(trained) == pytest.approx(naive_bound(trained), rel=1e-7)


def test_the_rows_of_the_jacobians_can_be_taken_a_few_at_a_time(monkeypatch):
    trained = random_network("convnet", seed=1, num_train=4, size=4)
    value = layer_cushion_bound(trained)
    monkeypatch.setattr(module, "ROWS", 7)
    assert layer_cushion_bound(trained) == pytest.approx(value, rel=1e-9)


def test_the_cushions_are_of_the_first_examples_in_random_order_and_the_rest_is_of_all(monkeypatch):
    trained = random_network("mlp_2x8", seed=0)
    monkeypatch.setattr(module, "EXAMPLES", 3)
    few = trained.random_order[:3]
    sample = dataclasses.replace(trained, inputs=trained.inputs[few], labels=trained.labels[few])
    assert layer_cushion_bound(trained) != pytest.approx(layer_cushion_bound(sample), rel=1e-3)

    def without_margin_and_size(model):
        gamma = float(model.margins.quantile(0.1))
        return layer_cushion_bound(model) * gamma**2 * len(model.labels) / float(model.logits.norm(dim=1).max()) ** 2

    assert without_margin_and_size(trained) == pytest.approx(without_margin_and_size(sample), rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_the_scale_of_the_logits_does_not_matter(seed, factor):
    trained = random_network("mlp_2x8", seed)
    scaled = dataclasses.replace(trained, model=copy.deepcopy(trained.model))
    with torch.no_grad():
        scaled.model[-1].weight *= factor
        scaled.model[-1].bias *= factor
    assert layer_cushion_bound(scaled) == pytest.approx(layer_cushion_bound(trained), rel=1e-6)


@pytest.mark.slow
@settings(deadline=None, max_examples=2)
@given(st.sampled_from([0, 1, 2, 3, 5, 7]))  # 6, say, has an example that a layer silences
def test_sees_the_logits_and_else_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(layer_cushion_bound, {"logit_shift"}, seed)


def test_is_not_applicable_until_the_training_set_is_fitted():
    with pytest.raises(NotApplicable, match="γ = -"):
        layer_cushion_bound(linear_model([[3.0, 0.0], [0.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]], [1, 0]))


def test_is_not_applicable_where_a_layer_silences_an_example():
    trained = random_network("mlp_2x5", seed=1)
    with torch.no_grad():
        trained.model[1].bias.fill_(-100)
        trained.model[-1].bias.copy_(torch.tensor([1.0, 0, 0]))
    with pytest.raises(NotApplicable, match="zero"):
        layer_cushion_bound(dataclasses.replace(trained, labels=trained.logits.argmax(dim=1)))


def test_is_not_applicable_where_the_jacobians_are_too_large(monkeypatch):
    trained = random_network("mlp_2x8", seed=0)
    monkeypatch.setattr(module, "LARGEST", 8 * 8 + 2 * 8 * 3)
    layer_cushion_bound(trained)
    monkeypatch.setattr(module, "LARGEST", 8 * 8 + 2 * 8 * 3 - 1)
    with pytest.raises(NotApplicable, match="112 entries"):
        layer_cushion_bound(trained)


def test_is_not_applicable_where_layers_are_not_a_chain():
    source = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    trained = random_network("mlp_1x3", seed=1)
    with pytest.raises(NotApplicable, match="not a chain"):
        interlayer_cushions(trained, [source, source * 2], [torch.ones(2, 4, requires_grad=True) * 2, source * 3])
