"""The last hidden layers of two networks: by hand, layer by layer, and their refusals."""

import pytest
import torch

from measures import NotApplicable
from measures.representation._other_seed import centred_pair
from tests.builders.features import pair_with_features, random_pair


def test_features_are_less_their_mean_by_hand():
    first, second = centred_pair(pair_with_features(torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.eye(2)))
    assert sorted(first.tolist()) == [[-1.0, 0.0], [1.0, 0.0]]
    assert sorted(second.tolist()) == [[-0.5, 0.5], [0.5, -0.5]]


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet_bn"])
def test_the_pair_is_of_the_same_examples_in_the_same_order(name):
    trained, first, second = random_pair(name, seed=0)
    order = trained.random_order
    for found, expected in zip(centred_pair(trained), (first, second), strict=True):
        assert found.dtype == torch.float64
        torch.testing.assert_close(found, expected[order])
        assert float(found.mean(dim=0).abs().max()) < 1e-9


@pytest.mark.parametrize("which", [0, 1])
def test_is_not_applicable_where_either_network_s_features_never_vary(which):
    features = [torch.eye(4), torch.eye(4)]
    features[which] = torch.zeros(4, 4)
    with pytest.raises(NotApplicable, match="gives all 4 examples the same features"):
        centred_pair(pair_with_features(*features))
