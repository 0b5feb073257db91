"""The sample of examples and its layers."""

import dataclasses

import pytest
import torch

from measures import NotApplicable
from measures.representation import _layer_features as module
from measures.representation._layer_features import hidden_layers, layer_features, sampled_labels
from tests.builders.features import NETWORKS, labelled_network
from tests.builders.small_networks import linear_model
from tests.references.layer_inputs import naive_layers


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_are_the_inputs_and_what_the_weight_layers_after_the_first_receive(name: str) -> None:
    trained = labelled_network(name, seed=0)
    for found, expected in zip(layer_features(trained), naive_layers(trained), strict=True):
        torch.testing.assert_close(found, expected[trained.random_order])
    assert list(hidden_layers(trained)) == [*range(1, len(naive_layers(trained)))]


def test_the_sample_is_the_first_of_the_random_order_however_examples_are_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "EXAMPLES", 7)
    trained = labelled_network("mlp_2x5", seed=0)
    shuffled = dataclasses.replace(trained, inputs=trained.inputs.flip(0), labels=trained.labels.flip(0))
    assert torch.equal(sampled_labels(trained), trained.labels[trained.random_order[:7]])
    assert torch.equal(sampled_labels(trained), sampled_labels(shuffled))
    for found, other in zip(layer_features(trained), layer_features(shuffled), strict=True):
        assert len(found) == 7
        torch.testing.assert_close(found, other)


def test_a_linear_network_has_no_hidden_layer() -> None:
    with pytest.raises(NotApplicable, match="one Linear or Conv2d layer at most"):
        hidden_layers(linear_model([[1.0], [2.0]], [[1.0]], [0]))
