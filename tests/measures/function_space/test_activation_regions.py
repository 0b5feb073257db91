import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.function_space.activation_regions import activation_regions
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import linear_model


def hidden_units(weight, bias, inputs):
    """One hidden layer of these units on inputs of one number, and two logits."""
    network = nn.Sequential(nn.Linear(1, len(weight)), nn.ReLU(), nn.Linear(len(weight), 2)).double()
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor(weight)[:, None])
        network[0].bias.copy_(torch.tensor(bias))
    inputs = torch.tensor(inputs, dtype=torch.float64)[:, None]
    return trained_model(network, inputs, torch.zeros(len(inputs), dtype=torch.int64))


def test_two_of_three_units_switch_between_minus_1_and_1():
    assert activation_regions(hidden_units([1.0, -2.0, 1.0], [0.3, 1.0, 5.0], [-1.0, 1.0])) == 2


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_of_one_hidden_layer_is_the_number_of_units_with_another_sign_at_the_other_end(seed):
    trained = random_network("mlp_1x20", seed, size=4)  # on a line, an affine function changes its sign once at most
    positive = trained.model[:2](trained.inputs[trained.random_order]) > 0
    share = float((positive[1:] != positive[:-1]).sum(dim=1).double().mean())
    assert share * 0.8 <= activation_regions(trained) <= share  # less the switches within half a step of an end


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.sampled_from(["mlp_2x8", "convnet_bn"]))
def test_without_bias_stretching_the_inputs_changes_nothing(seed, name):
    trained = random_network(name, seed, size=4)
    inputs = trained.inputs * 7
    with torch.no_grad():
        for module in trained.model:
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.zero_()
            if getattr(module, "bias", None) is not None:
                module.bias.zero_()
    bare = trained_model(trained.model, trained.inputs, trained.labels)
    assert activation_regions(trained_model(trained.model, inputs, trained.labels)) == activation_regions(bare)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(activation_regions, set(), seed)


def test_is_not_applicable_without_relu():
    with pytest.raises(NotApplicable, match="applies no ReLU"):
        activation_regions(linear_model([[1.0], [2.0]], [[1.0], [2.0]], [0, 1]))


class Positions(nn.Module):
    """As many positions as points in a chunk; in one order they come first, in the other the examples do."""

    def __init__(self, first):
        super().__init__()
        self.first, self.body, self.relu, self.head = first, nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3)

    def forward(self, x):
        rows = x.view(len(x), -1, 2)
        rows = rows.transpose(0, 1) if self.first else rows
        return self.head(self.relu(self.body(rows)).mean(dim=0 if self.first else 1))


def test_positions_that_come_first_are_not_taken_for_points():
    torch.manual_seed(0)
    ordered, inputs = Positions(False).double(), torch.randn(12, 2 * 64, dtype=torch.float64)
    first = Positions(True).double()
    first.load_state_dict(ordered.state_dict())
    labels = torch.arange(12) % 3
    expected, found = (activation_regions(trained_model(each, inputs, labels)) for each in (ordered, first))
    assert found == expected
