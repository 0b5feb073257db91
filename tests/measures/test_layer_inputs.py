import dataclasses

import pytest
import torch
from torch import nn

from measures import NotApplicable
from measures.layer_inputs import examples_first, received_by_layers
from measures.norms.unit_capacity import unit_capacity
from measures.quantities.input_gradients import sample_margin_gradients
from measures.sharpness.relative_flatness import relative_flatness
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


class SequenceFirst(nn.Module):
    """Rows of the image are positions, which come first."""

    def __init__(self, positions):
        super().__init__()
        self.positions, self.body, self.head = positions, nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x):
        rows = x.view(len(x), self.positions, 4).transpose(0, 1)
        return self.head(self.body(rows).relu().mean(dim=0))


def test_positions_that_come_first_are_told_from_examples_in_every_chunk():
    torch.manual_seed(0)
    network, inputs = SequenceFirst(5).double(), torch.randn(300, 20, dtype=torch.float64)
    rows, _ = received_by_layers(network, inputs, (nn.Linear,))
    assert torch.equal(rows, inputs)


class Functional(nn.Module):
    """A body of layers, and a head of a matrix that belongs to none."""

    def __init__(self):
        super().__init__()
        self.body, self.hidden = nn.Linear(4, 5), nn.Linear(5, 5)
        self.w, self.b = nn.Parameter(torch.randn(3, 5)), nn.Parameter(torch.randn(3))

    def forward(self, x):
        return torch.einsum("mi,ki->mk", self.hidden(self.body(x).relu()).relu(), self.w) + self.b


class ThreeDimensional(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv3d(1, 3, (2, 1, 1)), nn.Conv3d(3, 3, (2, 1, 1))
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.second(self.first(x[:, None, :, None, None]).relu()).relu().flatten(1))


def of(network):
    torch.manual_seed(0)
    inputs = torch.randn(9, 4, dtype=torch.float64)
    return trained_model(network.double(), inputs, torch.arange(9) % 3)


def test_a_head_that_is_no_layer_leaves_no_features():
    trained = of(Functional())
    for ask in (lambda: trained.features, lambda: trained.hidden_features):
        with pytest.raises(NotApplicable, match="parameter 'w' belongs to no Linear or Conv2d"):
            ask()


class FixedHead(nn.Module):
    """The last matrix is not trained, so it is no parameter."""

    def __init__(self, head):
        super().__init__()
        self.body, self.hidden, self.head = nn.Linear(4, 5), nn.Linear(5, 5), head
        self.register_buffer("fixed", torch.randn(5, 3))

    def forward(self, x):
        return self.head(self, self.hidden(self.body(x).relu()).relu())


FIXED = {
    "a product": lambda self, x: x @ self.fixed,
    "a function": lambda self, x: nn.functional.linear(x, self.fixed.T),
    "a convolution": lambda self, x: torch.conv1d(x[:, :, None], self.fixed.T[:, :, None])[:, :, 0],
}


@pytest.mark.parametrize("head", FIXED)
def test_a_head_of_fixed_weights_leaves_no_features(head):
    trained = of(FixedHead(FIXED[head]))
    trained = dataclasses.replace(trained, labels=trained.logits.argmax(dim=1))
    for ask in (lambda: trained.features, lambda: relative_flatness(trained)):
        with pytest.raises(NotApplicable, match="multiplies by a matrix of no Linear or Conv2d after the last of them"):
            ask()
    with pytest.raises(NotApplicable, match="the logits are not what the last linear layer returns"):
        unit_capacity(trained)


def test_a_head_of_another_kind_of_layer_leaves_no_features():
    network = FixedHead(lambda self, x: self.last(x, x))
    network.last = nn.Bilinear(5, 5, 3)
    with pytest.raises(NotApplicable, match="after the last of them"):
        assert of(network).features is None


def test_what_layers_of_other_kinds_receive_is_not_passed_over():
    """The features, before a linear head, are known all the same."""
    trained = of(ThreeDimensional())
    assert trained.features.shape == (9, 6)
    for ask in (lambda: trained.hidden_features, lambda: sample_margin_gradients(trained)):
        with pytest.raises(NotApplicable, match="layer 'first' is of the kind Conv3d"):
            ask()


def test_the_layers_of_attention_are_hidden_layers_like_others():
    torch.manual_seed(0)
    attention = nn.MultiheadAttention(4, 2, batch_first=True)

    class Attending(nn.Module):
        def __init__(self, attention):
            super().__init__()
            self.attention, self.head = attention, nn.Linear(4, 3)

        def forward(self, x):
            x = x.view(-1, 2, 2).repeat(1, 1, 2)
            return self.head(self.attention(x, x, x)[0].mean(dim=1))

    trained = of(Attending(attention))
    assert len(trained.hidden_features) == len(trained.layers) - 1 > 1


def test_a_position_that_is_added_is_no_matrix_of_a_layer():
    trained = odd_model(positions_for_each)
    assert trained.hidden_features and trained.features.ndim == 2
