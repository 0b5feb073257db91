import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.kernels.ntk_top_energy import ntk_top_energy, ntk_top_energy_trained
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model, small_network, with_labels_in_turn
from tests.references.explicit_gradients import jacobian


def naive_share(network, trained):
    """By the singular vectors of the centred Jacobian, all outputs side by side."""
    rows = jacobian(network, trained.inputs).flatten(1)
    directions = torch.linalg.svd(rows - rows.mean(dim=0)).U[:, : trained.num_classes]
    labels = torch.stack([(trained.labels == k).double() for k in range(trained.num_classes)], dim=1)
    labels = labels - labels.mean(dim=0)
    return float((directions.T @ labels).square().sum() / labels.square().sum())


def test_labels_that_two_long_directions_tell_are_all_in_the_top_two_and_others_are_not():
    # The inputs are 8, 4 and 2 times the columns of a Hadamard matrix; two classes, so the top two count.
    signs = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    inputs = (signs * torch.tensor([8.0, 4.0, 2.0])).tolist()
    for labels, share in (([0, 0, 1, 1], 1), ([0, 1, 0, 1], 1), ([0, 1, 1, 0], 0)):
        trained = linear_model([[0.0] * 3] * 2, inputs, labels)
        assert ntk_top_energy(trained) == pytest.approx(-share, abs=1e-12)
        assert ntk_top_energy_trained(trained) == pytest.approx(-share, abs=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_equal_the_share_in_the_jacobians_singular_directions(kind):
    trained = dataclasses.replace(small_network(kind, seed=0), init=small_network(kind, seed=1).model)
    assert ntk_top_energy(trained) == pytest.approx(-naive_share(trained.init, trained), rel=1e-6)
    assert ntk_top_energy_trained(trained) == pytest.approx(-naive_share(trained.model, trained), rel=1e-6)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_are_shares(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    trained.labels[0], trained.labels[1] = 0, 1
    assert -1 - 1e-9 <= ntk_top_energy(trained) <= 0
    assert -1 - 1e-9 <= ntk_top_energy_trained(trained) <= 0


def test_see_only_changes_of_the_weights_that_they_are_about():
    assert_sees_only(with_labels_in_turn(ntk_top_energy), set(), seed=1)
    assert_sees_only(with_labels_in_turn(ntk_top_energy_trained), {"layer_rescaling", "batch_norm_folding"}, seed=1)
