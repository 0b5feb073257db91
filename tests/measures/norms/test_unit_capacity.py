import copy
import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.norms.unit_capacity import unit_capacity
from tests.builders.equivalent_networks import assert_sees_only, layer_rescaling
from tests.builders.models import random_network, trained_model
from tests.references.dense_networks import tenth_percentile_of_margins


def two_units(start):
    """Weights (3, 4) and (0, 1) into two units, 2 and (0, 1) out of them; logits of the input (1, 1) are 14 and 1."""
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False)).double()
    init = copy.deepcopy(network)
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
        network[2].weight.copy_(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
        init[0].weight.copy_(torch.tensor(start))
    return trained_model(network, torch.ones(1, 2, dtype=torch.float64), torch.tensor([0]), init=init)


def test_of_two_units_that_began_at_zero_by_hand():
    # Impacts 2 and 1, capacities 5 and 1, one input of norm √2, a margin of 13.
    assert unit_capacity(two_units([[0.0, 0.0], [0.0, 0.0]])) == pytest.approx(11 * math.sqrt(2) / 13, rel=1e-12)


def test_a_unit_that_did_not_move_counts_by_what_it_received_at_the_start():
    # The first unit moved by 5 from an answer of 0; the second stayed where its answer was 1.
    assert unit_capacity(two_units([[0.0, 0.0], [0.0, 1.0]])) == pytest.approx((10 * math.sqrt(2) + 1) / 13, rel=1e-12)


def naive_capacity(trained):
    """Theorem 1's sum, example by example and unit by unit, for the last two layers."""
    *below, hidden, _, last = list(trained.model)
    start = list(trained.init)[-3]
    received = [nn.Sequential(*below)(x[None])[0] for x in trained.inputs]
    size = math.sqrt(sum(float(h @ h) for h in received) / len(received))
    total = 0.0
    for j in range(hidden.out_features):
        alpha = math.sqrt(sum(float(row[j]) ** 2 for row in last.weight))
        beta = math.sqrt(sum(float(d) ** 2 for d in hidden.weight[j] - start.weight[j]))
        answer = math.sqrt(sum(float(start.weight[j] @ h) ** 2 for h in received) / len(received))
        total += alpha * (beta * size + answer)
    return total / tenth_percentile_of_margins(trained)


@pytest.mark.parametrize("name", ["mlp_1x5", "mlp_3x4", "convnet", "convnet_bn"])
def test_is_the_naive_sum_over_units_of_the_last_hidden_layer(name):
    trained = random_network(name, seed=1, num_train=10, size=4)
    with torch.no_grad():
        assert unit_capacity(trained) == pytest.approx(naive_capacity(trained), rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_does_not_see_the_scale_of_the_logits(seed, factor):
    trained = random_network("mlp_2x5", seed, size=4)
    scaled = copy.deepcopy(trained.model)
    with torch.no_grad():
        scaled[-1].weight *= factor
        scaled[-1].bias *= factor
    expected = unit_capacity(trained)
    assert unit_capacity(dataclasses.replace(trained, model=scaled)) == pytest.approx(expected, rel=1e-6)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 300))
def test_sees_rescaling_and_permutation_of_what_the_last_hidden_layer_receives_or_returns(third):
    assert_sees_only(unit_capacity, {"layer_rescaling", "unit_permutation"}, 3 * third + 1 + third % 2)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 300))
def test_does_not_see_a_rescaling_of_the_layers_below(third):
    trained = random_network("mlp_3x8", third, size=4)
    assert unit_capacity(layer_rescaling(trained, 3 * third)) == pytest.approx(unit_capacity(trained), rel=1e-9)


@pytest.mark.parametrize(
    "modules, what",
    [
        ([nn.Linear(16, 2)], "1 weight layer"),
        ([nn.Linear(16, 4), nn.MaxPool1d(2), nn.Linear(2, 2)], "not a linear one right before '3'"),
        ([nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2)], "layer '2' with output"),
        ([nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 2, 3), nn.Conv2d(2, 3, 2), nn.Flatten()], "not a linear one"),
    ],
)
def test_is_not_applicable_without_two_linear_layers_one_after_the_other_at_the_end(modules, what):
    with pytest.raises(NotApplicable, match=what):
        unit_capacity(
            trained_model(nn.Sequential(nn.Flatten(), *modules), torch.rand(2, 1, 4, 4), torch.tensor([0, 0]))
        )


def test_is_not_applicable_to_a_network_that_does_not_fit():
    trained = random_network("mlp_2x5", seed=1)
    with pytest.raises(NotApplicable, match="not above 0"):
        unit_capacity(dataclasses.replace(trained, labels=(trained.labels + 1) % 3))


def test_of_one_hidden_layer_behind_a_pooling_it_counts_what_the_layer_receives():
    plain = random_network("mlp_1x5", 0, size=3)
    pool = nn.AvgPool2d(2)
    behind = [nn.Sequential(pool, *network) for network in (plain.model, plain.init)]
    inputs = torch.randn(20, 1, 6, 6, dtype=torch.float64)
    labels = plain.model(pool(inputs)).argmax(dim=1)
    expected = unit_capacity(trained_model(plain.model, pool(inputs), labels, init=plain.init))
    assert unit_capacity(trained_model(behind[0], inputs, labels, init=behind[1])) == pytest.approx(expected, rel=1e-12)


def test_the_scale_of_a_normalization_before_the_hidden_layer_is_the_layers():
    """As if the layer had it to begin with: norm times 2, weights 1 and 3 of the layer, against weights 2 and 6."""
    torch.manual_seed(0)
    layers = nn.Linear(5, 4), nn.ReLU(), nn.BatchNorm1d(4, eps=0.0), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)
    network = nn.Sequential(*layers).double().eval()
    with torch.no_grad():
        network[2].weight.mul_(2)
    start = copy.deepcopy(network)
    with torch.no_grad():
        network[3].weight.add_(torch.randn(6, 4))
    plain, plain_start = (copy.deepcopy(each) for each in (network, start))
    for each in (plain, plain_start):
        with torch.no_grad():
            each[3].weight.mul_(2)
        each[2] = nn.Identity()
    inputs = torch.randn(9, 5, dtype=torch.float64)
    labels = network(inputs).argmax(dim=1)
    expected = unit_capacity(trained_model(plain, inputs, labels, init=plain_start))
    assert unit_capacity(trained_model(network, inputs, labels, init=start)) == pytest.approx(expected, rel=1e-10)
