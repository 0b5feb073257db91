import dataclasses

import pytest
import torch
from torch import nn

from measures import NotApplicable
from measures.kernels.lazy_distance import lazy_distance
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.references.explicit_gradients import jacobian


def explicit_kernel(network, inputs):
    rows = jacobian(network, inputs)
    return torch.stack([torch.stack([(a * b).sum() for b in rows]) for a in rows])


def test_a_linear_model_is_lazy():
    assert lazy_distance(random_linear_model(seed=0)) == 0


def two_scalar_layers(weight):
    network = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 2, bias=False)).double()
    for parameter in network.parameters():
        nn.init.constant_(parameter, weight)
    return network.eval()


def test_is_3_where_both_of_two_layers_double():
    # A logit's derivative by either layer's weight is the other's times the input: twice as much, squared 4 times.
    inputs = torch.tensor([[1.0], [-2.0]], dtype=torch.float64)
    trained = trained_model(two_scalar_layers(2.0), inputs, torch.tensor([0, 1]), init=two_scalar_layers(1.0))
    assert lazy_distance(trained) == pytest.approx(3, rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_equals_the_explicit_kernels_distance(kind):
    trained = dataclasses.replace(small_network(kind, seed=0), init=small_network(kind, seed=1).model)
    before, after = (explicit_kernel(network, trained.inputs) for network in (trained.init, trained.model))
    assert lazy_distance(trained) == pytest.approx(float((after - before).norm() / before.norm()), rel=1e-8)


def test_five_hundred_examples_are_compared():
    inputs = torch.randn(500, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    network, start = (random_network("mlp_1x4", seed=seed, size=4).model for seed in (0, 1))
    trained = trained_model(network, inputs, torch.zeros(500, dtype=torch.int64), init=start)
    rows = [jacobian(each, inputs).flatten(1) for each in (start, network)]
    before, after = (row @ row.T for row in rows)
    assert lazy_distance(trained) == pytest.approx(float((after - before).norm() / before.norm()), rel=1e-9)


def test_is_zero_where_the_weights_did_not_move():
    trained = small_network("convnet_bn", seed=0)
    assert lazy_distance(dataclasses.replace(trained, init=trained.model)) == 0


def test_sees_only_changes_of_the_scale_of_weights():
    assert_sees_only(lazy_distance, {"layer_rescaling", "batch_norm_folding"}, seed=1)


def test_is_not_applicable_where_nothing_moved_the_outputs_at_first():
    with pytest.raises(NotApplicable, match="initial"):
        lazy_distance(linear_model([[1.0], [0.0]], [[0.0], [0.0]], [0, 1]))
