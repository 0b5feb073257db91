"""Convolutions of sequences: their operators are the dense Jacobians of Conv1d, and poolings sum the same paths."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

from measures import NotApplicable
from measures.layers import operator_matrix
from measures.networks.one_dimensional import of_one_row
from measures.norms.path_norm import path_norm_l1
from measures.weight_layers import weight_layers
from tests.builders.models import trained_model


class Standardised(nn.Conv1d):
    def forward(self, x):
        spread, mean = torch.std_mean(self.weight, dim=(1, 2), keepdim=True)
        return F.conv1d(
            x, (self.weight - mean) / spread, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


CONVOLUTIONS = {
    "plain": lambda: nn.Conv1d(4, 6, 3),
    "strided, padded, dilated, in groups": lambda: nn.Conv1d(4, 6, 3, stride=2, padding=2, dilation=2, groups=2),
    "same padding": lambda: nn.Conv1d(4, 4, 5, padding="same", dilation=2, bias=False),
    "weight normalization": lambda: parametrizations.weight_norm(nn.Conv1d(4, 6, 3)),
    "weight standardization": lambda: Standardised(4, 6, 3, stride=2, padding=1, groups=2),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_the_operator_of_a_convolution_of_sequences_is_its_jacobian(name):
    torch.manual_seed(0)
    network = nn.Sequential(CONVOLUTIONS[name](), nn.Flatten()).double().eval()
    x = torch.randn(2, 4, 9, dtype=torch.float64)
    expected = torch.autograd.functional.jacobian(lambda one: network(one[None])[0].flatten(), x[0]).flatten(1)
    (layer,) = weight_layers(network, network, x)
    torch.testing.assert_close(operator_matrix(layer, layer.weight), expected)
    torch.testing.assert_close(layer.operator_norm, float(torch.linalg.matrix_norm(expected, 2)))
    torch.testing.assert_close(layer.init_weight, layer.weight)


def sequence_network():
    norm = nn.BatchNorm1d(5)
    norm.running_mean.normal_(), norm.running_var.uniform_(0.5, 2), nn.init.normal_(norm.weight)
    first = (nn.Conv1d(2, 5, 3, padding=1), norm, nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(5, 4, 2), nn.ReLU())
    return nn.Sequential(*first, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3)).double().eval()


def test_batch_normalization_is_folded_into_a_convolution_of_sequences():
    torch.manual_seed(0)
    network, x = sequence_network(), torch.randn(3, 2, 8, dtype=torch.float64)
    first, second, last = weight_layers(network, None, x)
    scale = network[1].weight / (network[1].running_var + network[1].eps).sqrt()
    torch.testing.assert_close(first.weight, (network[0].weight * scale[:, None, None]).unsqueeze(-2).detach())
    assert (second.name, second.input_shape, last.input_shape) == ("4.rows", (5, 1, 4), (4,))


def test_hidden_features_of_sequences_are_what_the_layers_receive_averaged_to_four_places():
    torch.manual_seed(0)
    network, x = nn.Sequential(nn.Conv1d(2, 5, 1), nn.ReLU(), nn.Conv1d(5, 3, 8), nn.Flatten()), torch.randn(6, 2, 8)
    trained = trained_model(network.eval(), x, torch.zeros(6, dtype=torch.int64))
    received = F.adaptive_avg_pool1d(network[:2](x), 4).flatten(1)
    torch.testing.assert_close(trained.hidden_features[0], received.detach())


def test_paths_through_a_network_of_sequences_are_those_of_its_matrices():
    torch.manual_seed(0)
    network, x = sequence_network(), torch.randn(3, 2, 8, dtype=torch.float64)
    trained = trained_model(network, x, network(x).argmax(dim=1))
    first, second, last = trained.layers
    values = torch.ones(16, dtype=torch.float64)
    values = (operator_matrix(first, first.weight.abs()) @ values).view(5, 8) + first.bias.abs()[:, None]
    values = values.view(5, 4, 2).sum(dim=2)
    values = (operator_matrix(second, second.weight.abs()) @ values.flatten()).view(4, 3) + second.bias.abs()[:, None]
    expected = float((last.weight.abs() @ values.mean(dim=1) + last.bias.abs()).sum())
    assert path_norm_l1(trained) == pytest.approx(expected)


POOLINGS = [
    nn.MaxPool1d(3, 2, 1),
    nn.MaxPool1d(2, ceil_mode=True),
    nn.AvgPool1d(3, 2, 1, count_include_pad=False),
    nn.AdaptiveAvgPool1d(4),
    nn.AdaptiveMaxPool1d(3),
]


@pytest.mark.parametrize("pool", POOLINGS, ids=str)
def test_a_pooling_of_images_of_one_row_is_that_of_sequences(pool):
    x = torch.randn(2, 3, 9, generator=torch.Generator().manual_seed(0))
    assert torch.equal(of_one_row(pool)(x.unsqueeze(-2)).squeeze(-2), pool(x))


def test_other_modules_are_not_poolings_of_sequences():
    assert of_one_row(nn.MaxPool2d(2)) is None and of_one_row(nn.ReLU()) is None


def test_a_convolution_whose_weight_is_used_by_a_function_as_well_is_said_to_be_shared():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Conv1d(2, 2, 3, padding=1)

        def forward(self, x):
            return F.conv1d(self.layer(x).relu(), self.layer.weight, padding=1).mean(dim=2)

    with pytest.raises(NotApplicable, match=r"'layer\.rows' is used 2 times"):
        weight_layers(Twice().eval(), None, torch.randn(2, 2, 8))
