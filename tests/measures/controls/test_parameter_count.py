import pytest
import torch
from torch import nn

from measures.controls.parameter_count import parameter_count
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model


def test_two_rows_of_three_weights_and_two_biases_are_8():
    assert parameter_count(trained_model(nn.Linear(3, 2), torch.ones(1, 3), torch.tensor([0]))) == 8


# The input has 36 values; the convolutions are 1 to 16 to 32 channels, then 32 * 3 * 3 = 288 values.
@pytest.mark.parametrize(
    "name, expected",
    [
        ("mlp_1x4", 36 * 4 + 4 + 4 * 3 + 3),
        ("convnet", 9 * 16 + 16 + 16 * 9 * 32 + 32 + 288 * 128 + 128 + 128 * 3 + 3),
        ("convnet_bn", 9 * 16 + 16 + 32 + 16 * 9 * 32 + 32 + 64 + 288 * 128 + 128 + 128 * 3 + 3),
    ],
)
def test_counts_biases_and_normalization_but_no_running_statistics(name, expected):
    assert parameter_count(random_network(name, seed=1)) == expected


def test_ties_on_networks_of_one_architecture():
    assert parameter_count(random_network("convnet_bn", seed=1)) == parameter_count(
        random_network("convnet_bn", seed=2)
    )


def test_sees_only_a_folded_normalization():
    assert_sees_only(parameter_count, {"batch_norm_folding"}, seed=1)
