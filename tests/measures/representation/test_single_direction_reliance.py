import copy

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.representation import single_direction_reliance as module
from measures.representation.single_direction_reliance import ablated_logits, hidden_units, single_direction_reliance
from tests.builders.equivalent_networks import CHANGES, unit_permutation
from tests.builders.features import NETWORKS, labelled_network
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import linear_model
from tests.measures.left_as_found import assert_leaves_all_as_found


def redundant_units(count):
    """`count` hidden units that are all the input; class 0 where any is left of them and the input is positive."""
    network = nn.Sequential(nn.Linear(1, count), nn.ReLU(), nn.Linear(count, 2))
    with torch.no_grad():
        network[0].weight.fill_(1)
        network[2].weight.copy_(torch.tensor([[1.0], [0.0]]).expand(2, count))
        network[0].bias.zero_()
        network[2].bias.copy_(torch.tensor([-0.5, 0.0]))
    return trained_model(network, torch.tensor([[1.0], [1.0]]), torch.tensor([0, 0]))


def test_ten_copies_of_one_unit_can_spare_nine():
    assert single_direction_reliance(redundant_units(10)) == 0


def test_a_lone_unit_is_gone_from_one_half_on():
    assert single_direction_reliance(redundant_units(1)) == pytest.approx(5 / 9)  # of 1/10, ..., 9/10


@pytest.mark.parametrize("name", NETWORKS)
def test_ablating_a_unit_is_the_same_as_cutting_its_outgoing_weights(name):
    trained = labelled_network(name, seed=0)
    units = hidden_units(trained.model, trained.inputs[:1])
    layers = [module for module in trained.model if isinstance(module, nn.Linear | nn.Conv2d)]
    assert units == [len(layer.weight) for layer in layers[:-1]]
    place = torch.randperm(sum(units), generator=trained.generator())
    total, wrong = sum(units), []
    for tenths in range(1, 10):
        gone = {int(i) for i in (place < int(tenths / 10 * total + 0.5)).nonzero()}
        cut = copy.deepcopy(trained.model)
        after = [module for module in cut if isinstance(module, nn.Linear | nn.Conv2d)][1:]
        unit = 0
        with torch.no_grad():
            for layer, count in zip(after, units, strict=True):
                inputs_of_a_unit = layer.weight.shape[1] // count
                for k in range(count):
                    if unit in gone:
                        layer.weight[:, k * inputs_of_a_unit : (k + 1) * inputs_of_a_unit] = 0
                    unit += 1
            logits = cut(trained.inputs)
        kept = torch.tensor([i not in gone for i in range(total)], dtype=torch.float64)
        torch.testing.assert_close(ablated_logits(trained.model, trained.inputs, kept.split(units)), logits)
        wrong.append(float((logits.argmax(dim=1) != trained.labels).double().mean()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ORDERS", 1)
        assert single_direction_reliance(trained) == pytest.approx(sum(wrong) / 9, rel=1e-12)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is_but_the_order_of_units(seed):
    trained = random_network("convnet_bn", seed, size=4)
    assert single_direction_reliance.invariant_to == CHANGES.keys() - {"unit_permutation"}
    for name in single_direction_reliance.invariant_to:
        changed = CHANGES[name](trained, seed)
        assert single_direction_reliance(changed) == pytest.approx(single_direction_reliance(trained), rel=1e-9)


def test_other_units_are_ablated_when_they_stand_in_another_order():
    trained = [random_network("mlp_3x8", seed, size=4) for seed in range(5)]
    assert any(single_direction_reliance(unit_permutation(t, 1)) != single_direction_reliance(t) for t in trained)


def test_leaves_network_and_hooks_as_they_were():
    trained = labelled_network("convnet_bn", seed=0)
    assert_leaves_all_as_found(single_direction_reliance, trained)
    assert not any(module._forward_pre_hooks for module in trained.model.modules())


def test_is_not_applicable_to_a_linear_network():
    with pytest.raises(NotApplicable, match="no hidden units"):
        single_direction_reliance(linear_model([[1.0], [2.0]], [[1.0]], [0]))


class Widened(nn.Module):
    """Appends a constant to what a linear layer gives."""

    def forward(self, x):
        return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)


def test_is_not_applicable_where_units_cannot_be_told_apart():
    network = nn.Sequential(nn.Linear(2, 3), Widened(), nn.Linear(4, 2))
    with pytest.raises(NotApplicable, match="receives 4 values, no multiple of the 3 units"):
        single_direction_reliance(trained_model(network, torch.ones(1, 2), torch.tensor([0])))


class ChannelsLast(nn.Module):
    """A convolution whose map is flattened with its channels last, before a linear layer."""

    def __init__(self, last=True):
        super().__init__()
        self.convolution, self.linear, self.last = nn.Conv2d(1, 6, 3).double(), nn.Linear(96, 3).double(), last

    def forward(self, x):
        maps = self.convolution(x).relu()
        return self.linear((maps.permute(0, 2, 3, 1) if self.last else maps).flatten(1))


def test_a_unit_is_a_channel_also_where_channels_are_flattened_last():
    torch.manual_seed(0)
    network, first = ChannelsLast(), ChannelsLast(last=False)
    first.load_state_dict(network.state_dict())
    with torch.no_grad():  # the same function, with the weights in the other order
        first.linear.weight.copy_(network.linear.weight.unflatten(1, (16, 6)).transpose(1, 2).flatten(1))
    inputs = torch.randn(60, 1, 6, 6, dtype=torch.float64)
    labels = network(inputs).argmax(dim=1)
    torch.testing.assert_close(first(inputs), network(inputs))
    expected = single_direction_reliance(trained_model(first, inputs, labels))
    assert single_direction_reliance(trained_model(network, inputs, labels)) == expected > 0.1


class Beside(nn.Module):
    """The second layer receives the input, not what the first returns, though it is applied after it."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.last(self.first(x).relu() + self.second(x).relu())


def test_a_layer_that_does_not_receive_the_units_of_the_one_before_is_refused():
    torch.manual_seed(0)
    network, inputs = Beside(), torch.randn(6, 4)
    with pytest.raises(NotApplicable, match="weight layer 2 does not receive the 4 units of the one before it"):
        single_direction_reliance(trained_model(network, inputs, network(inputs).argmax(dim=1)))


def test_the_share_of_units_is_rounded_up_at_a_half():
    """7 and 9 tenths of 5 units are 3.5 and 4.5: 4 and 5 of them."""
    assert [(tenths * 5 + 5) // 10 for tenths in module.TENTHS] == [1, 1, 2, 2, 3, 3, 4, 4, 5]
