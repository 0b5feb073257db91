import pytest
import torch
from torch import nn

from measures import NotApplicable
from measures.layer_inputs import examples_first, received_by_layers
from tests.builders.models import trained_model
from tests.builders.odd_networks import odd_model
from tests.builders.odd_networks.forwards import positions_by_a_network, positions_for_each


class Rows(nn.Module):
    """A linear layer on each row of the image, which the network folds into the examples in this `order`."""

    def __init__(self, order):
        super().__init__()
        self.row, self.head, self.order = nn.Linear(5, 3), nn.Linear(12, 2), order

    def forward(self, x):
        rows = x[:, 0]  # (m, 4, 5)
        if self.order == "sequence first":
            rows = self.row(rows.transpose(0, 1)).transpose(0, 1)
        elif self.order == "folded":
            rows = self.row(rows.reshape(-1, 5)).view(len(x), 4, 3)
        elif self.order == "folded, sequence first":
            rows = self.row(rows.transpose(0, 1).reshape(-1, 5)).view(4, len(x), 3).transpose(0, 1)
        else:
            rows = self.row(rows)
        return self.head(rows.relu().flatten(1))


@pytest.mark.parametrize("order", ["examples first", "sequence first", "folded", "folded, sequence first"])
@pytest.mark.parametrize("count", [1, 4, 7])  # 4 examples of 4 rows: the shapes alone do not tell
def test_what_a_layer_receives_stands_by_example(order, count):
    torch.manual_seed(0)
    network, inputs = Rows(order), torch.randn(count, 1, 4, 5)
    received, last = received_by_layers(network, inputs, (nn.Linear,))
    assert torch.equal(received, inputs.flatten(1))
    torch.testing.assert_close(last, network.row(inputs[:, 0]).relu().flatten(1).detach())


def test_rows_that_belong_to_no_example_are_refused():
    with pytest.raises(NotApplicable, match=r"receives \(7, 2\) values for 3 examples and \(2, 2\) for one"):
        examples_first(torch.zeros(7, 2), torch.zeros(2, 2), 3)


def test_what_works_in_place_later_does_not_change_what_was_received():
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, x):
            hidden = self.first(x)
            return self.last(hidden) + hidden.zero_().sum()

    torch.manual_seed(0)
    network, inputs = InPlace(), torch.randn(5, 3)
    expected = network.first(inputs).detach()
    torch.testing.assert_close(received_by_layers(network, inputs, (nn.Linear,))[1], expected)


def test_features_without_a_linear_layer_are_the_mean_of_what_the_last_convolution_receives():
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    network = nn.Sequential(body, nn.Conv2d(4, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    trained = trained_model(network, torch.randn(5, 1, 9, 9), torch.zeros(5, dtype=torch.int64))
    torch.testing.assert_close(trained.features, body(trained.inputs).mean(dim=(2, 3)).detach())
    last = network[1]
    torch.testing.assert_close(trained.features @ last.weight[:, :, 0, 0].T + last.bias, network(trained.inputs))


def test_a_network_without_linear_and_convolutional_layers_has_no_features():
    trained = trained_model(nn.Flatten(), torch.randn(5, 2), torch.zeros(5, dtype=torch.int64))
    with pytest.raises(NotApplicable, match="applies no Linear and no Conv2d"):
        trained.features  # noqa: B018


@pytest.mark.parametrize("make", [positions_by_a_network, positions_for_each], ids=lambda make: make.__name__)
def test_what_a_layer_receives_of_a_constant_is_of_no_example_and_left_out(make):
    trained = odd_model(make)
    received = received_by_layers(trained.model, trained.inputs, (nn.Linear,))
    assert torch.equal(received[0], trained.inputs.flatten(1))
    bias = trained.model.bias(torch.tensor([1.0, -0.5]).double())
    torch.testing.assert_close(received[1], torch.relu(trained.model.body(received[0]) + bias).detach())
    assert len(received) == 2 and torch.equal(received[1], trained.features)


def test_a_layer_whose_units_are_all_dead_receives_examples_all_the_same():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)).requires_grad_(False)
    network[1].bias.fill_(-100)
    received = received_by_layers(network, torch.randn(5, 1, 2, 2), (nn.Linear,))
    assert [tuple(each.shape) for each in received] == [(5, 4), (5, 3)]
