import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.representation.neural_collapse_mismatch import neural_collapse_mismatch
from tests.builders.features import NETWORKS, assert_sees_no_change, labelled_network, model_with_features
from tests.references.layer_inputs import naive_layers


def test_one_of_four_examples_nearer_to_the_mean_that_the_network_does_not_name_gives_a_quarter():
    # Means 2 and 0, and so a boundary at 1; the network's is at 0.
    points = torch.tensor([[0.5], [3.5], [-1.5], [1.5]])
    assert neural_collapse_mismatch(model_with_features(points, [0, 0, 1, 1], torch.tensor([[1.0], [-1.0]]))) == 1 / 4


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_share_counted_example_by_example(name, seed):
    trained = labelled_network(name, seed)
    features = naive_layers(trained)[-1]
    means = [features[trained.labels == label].mean(dim=0) for label in range(3)]
    wrong = 0
    for x, h in zip(trained.inputs, features, strict=True):
        nearest = min(range(3), key=lambda c: float((h - means[c]).norm()))
        wrong += int(trained.model(x[None])[0].argmax()) != nearest
    assert neural_collapse_mismatch(trained) == pytest.approx(wrong / len(features), rel=1e-12)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_is_a_fraction(seed):
    assert 0 <= neural_collapse_mismatch(labelled_network("mlp_2x5", seed)) <= 1


def test_of_collapsed_classes_that_the_network_fits_is_0():
    points = torch.eye(3).repeat(2, 1)
    assert neural_collapse_mismatch(model_with_features(points, [0, 1, 2] * 2, torch.eye(3))) == 0


def test_a_class_that_occurs_nowhere_has_no_mean_and_can_only_be_missed():
    points = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    trained = model_with_features(points, [0, 2], torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]]))
    assert neural_collapse_mismatch(trained) == 1  # the network says 1 of both


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_no_change(neural_collapse_mismatch, seed)


def test_is_not_applicable_to_one_class():
    with pytest.raises(NotApplicable, match="1 class"):
        neural_collapse_mismatch(model_with_features(torch.eye(3), [1, 1, 1]))
