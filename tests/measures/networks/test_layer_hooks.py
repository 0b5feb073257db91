"""What layers receive and return: by hand, in order, and with nothing left on the network."""

import pytest
import torch
from torch import nn

from measures.networks.layer_hooks import (
    after_layers,
    before_layers,
    linear_and_convolutional,
    recorded_run,
    to_constants,
)
from tests.builders.models import random_network


def by_hand() -> nn.Sequential:
    """x -> 2x -> ReLU in place -> 3x."""
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(inplace=True), nn.Linear(1, 1, bias=False))
    with torch.no_grad():
        network[0].weight.fill_(2.0)
        network[2].weight.fill_(3.0)
    return network


def hooks_on(network: nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules())


def test_what_is_recorded_is_what_each_layer_received_and_returned_before_the_next_changed_it_in_place() -> None:
    network = by_hand()
    outputs, (first, second) = recorded_run(network, linear_and_convolutional(network), torch.tensor([[-1.0], [4.0]]))
    assert (first.layer, second.layer) == (network[0], network[2])
    assert first.received.tolist() == [[-1.0], [4.0]]
    assert first.returned.tolist() == [[-2.0], [8.0]]
    assert second.received.tolist() == [[0.0], [8.0]]
    assert outputs.tolist() == second.returned.tolist() == [[0.0], [24.0]]
    assert hooks_on(network) == 0


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet_bn"])
def test_recording_changes_neither_the_outputs_nor_their_gradients(name: str) -> None:
    trained = random_network(name, 0)
    layers, weights = linear_and_convolutional(trained.model), [*trained.model.parameters()]
    outputs, applications = recorded_run(trained.model, layers, trained.inputs)
    plain = trained.model(trained.inputs)
    assert torch.equal(outputs, plain)
    pairs = [torch.autograd.grad(run.square().sum(), weights) for run in (outputs, plain)]
    assert all(torch.equal(one, other) for one, other in zip(*pairs, strict=True))
    for application in applications:
        assert torch.equal(application.layer(application.received), application.returned)


def test_a_layer_applied_twice_is_recorded_twice_and_in_order() -> None:
    shared = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        shared.weight.fill_(2.0)
    _, applications = recorded_run(nn.Sequential(shared, shared), [shared], torch.ones(1, 1))
    assert [application.received.item() for application in applications] == [1.0, 2.0]


def test_a_gradient_at_what_a_layer_returned_is_the_chain_rule_s() -> None:
    network = by_hand()
    outputs, (first, second) = recorded_run(network, [network[0], network[2]], torch.ones(1, 1).requires_grad_())
    gradients = torch.autograd.grad(outputs.sum(), [first.received, first.returned, second.received])
    assert [gradient.item() for gradient in gradients] == [6.0, 3.0, 3.0]


def test_what_is_returned_before_a_layer_is_what_it_receives_and_after_it_what_is_passed_on() -> None:
    network = by_hand()
    with before_layers([network[2]], lambda received: received + 1):
        assert network(torch.ones(1, 1)).item() == 9.0  # 3 (2 + 1)
    with after_layers([network[0]], lambda layer, received, returned: returned + received):
        assert network(torch.ones(1, 1)).item() == 9.0  # 3 (2 + 1)
    assert network(torch.ones(1, 1)).item() == 6.0


def test_before_a_relu_in_place_it_is_seen_as_it_was() -> None:
    network, seen = by_hand(), []
    with before_layers([network[1]], lambda received: seen.append(received.item())):
        network(-torch.ones(1, 1))
    assert seen == [-2.0]


@pytest.mark.parametrize("look", [before_layers, after_layers])
def test_hooks_are_gone_after_an_error(look) -> None:
    network = by_hand()

    def refuse(*anything: object) -> None:
        raise ValueError("seen enough")

    with pytest.raises(ValueError, match="seen enough"), look([network[0], network[2]], refuse):
        network(torch.ones(1, 1))
    assert hooks_on(network) == 0


def test_linear_and_convolutional_layers_are_all_that_are_listed() -> None:
    layers = linear_and_convolutional(random_network("convnet_bn", 0).model)
    assert {type(layer) for layer in layers} == {nn.Conv2d, nn.Linear}
    assert len(layers) == len({id(layer) for layer in layers})


class ByName(nn.Module):
    """Calls its layer with the input's name, and with a factor."""

    def __init__(self, **factor):
        super().__init__()
        self.layer, self.factor = Scaled(1, 1, bias=False), factor
        nn.init.constant_(self.layer.weight, 2.0)

    def forward(self, x):
        return self.layer(**self.factor, x=x)


class Scaled(nn.Linear):
    def forward(self, x, factor=1):
        return super().forward(x) * factor


def test_what_a_layer_receives_by_name_is_what_it_receives():
    network, seen, x = ByName(factor=3), [], torch.ones(1, 1)
    outputs, (application,) = recorded_run(network, [network.layer], x)
    assert (application.received, application.returned, outputs) == (x, 6 * x, 6 * x)
    with before_layers([network.layer], lambda received: seen.append(received) or received + 1):
        assert network(x) == 12
    with after_layers([network.layer], lambda layer, received, returned: returned + received):
        assert network(x) == 7
    assert seen == [x]


def test_an_application_says_whether_the_layer_was_called_with_anything_but_its_input():
    for network, options in ((ByName(), False), (ByName(factor=3), True)):
        (application,) = recorded_run(network, [network.layer], torch.ones(1, 1))[1]
        assert application.options is options


class Detaching(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.second(self.first(x).detach().relu())


@pytest.mark.parametrize("inputs", [torch.ones(1, 3), torch.ones(4, 3)])
def test_a_layer_is_not_taken_for_one_of_a_constant_where_all_examples_are_equal(inputs):
    """Nothing that it receives has a gradient; another example tells, and there may be none."""
    network = Detaching()
    assert to_constants(network, linear_and_convolutional(network), inputs) == [False, False]
