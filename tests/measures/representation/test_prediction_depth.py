import collections

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.representation.prediction_depth import prediction_depth
from tests.builders.features import NETWORKS, assert_sees_no_change, labelled_network, model_with_features
from tests.builders.small_networks import linear_model
from tests.references.layer_inputs import naive_layers


def test_a_network_that_agrees_with_all_neighbours_predicts_at_the_input():
    points = torch.cat([torch.eye(20, 2) + 50, torch.eye(20, 2) - 50])
    weight = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    assert prediction_depth(model_with_features(points, [0] * 20 + [1] * 20, weight)) == 0


def test_a_network_that_contradicts_all_neighbours_predicts_at_its_output():
    points = torch.cat([torch.eye(20, 2) + 50, torch.eye(20, 2) - 50])
    weight = -torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    assert prediction_depth(model_with_features(points, [0] * 20 + [1] * 20, weight)) == 2


def naive_vote(features, labels, i):
    others = [j for j in range(len(labels)) if j != i]
    nearest = sorted(others, key=lambda j: float((features[i] - features[j]).norm()))[:10]
    votes = collections.Counter(labels[j] for j in nearest)
    return min(label for label in votes if votes[label] == max(votes.values()))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_mean_first_layer_from_which_all_votes_agree_with_the_prediction(name, seed):
    trained = labelled_network(name, seed)
    layers, labels = naive_layers(trained), trained.labels.tolist()
    depths = []
    for i in range(len(labels)):
        predicted = int(trained.model(trained.inputs[[i]]).argmax())
        depth = len(layers)
        while depth > 0 and naive_vote(layers[depth - 1], labels, i) == predicted:
            depth -= 1
        depths.append(depth)
    assert 0 < sum(depths)
    assert prediction_depth(trained) == pytest.approx(sum(depths) / len(depths), rel=1e-12)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_no_change(prediction_depth, seed)


def test_is_not_applicable_to_a_linear_network():
    with pytest.raises(NotApplicable, match="one Linear or Conv2d layer at most"):
        prediction_depth(linear_model([[1.0], [2.0]], [[1.0]], [0]))
