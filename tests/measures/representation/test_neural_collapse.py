import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.representation.neural_collapse import neural_collapse
from tests.builders.features import (
    NETWORKS,
    assert_sees_no_change,
    labelled_network,
    model_with_features,
    without_and_with_linear_layer,
)
from tests.references.layer_inputs import naive_layers


def test_variances_of_1_and_4_around_centres_at_3_and_minus_3_give_5_in_36():
    # Σ_W = 2.5, Σ_B = 9, C = 2; the second feature varies within classes alone, and does not count.
    points = torch.tensor([[-4.0, 1.0], [-2.0, -1.0], [1.0, 5.0], [5.0, -5.0]])
    assert neural_collapse(model_with_features(points, [0, 0, 1, 1])) == pytest.approx(2.5 / 9 / 2, rel=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_trace_with_the_pseudo_inverse_of_explicit_covariances(name, seed):
    trained = labelled_network(name, seed)
    features, labels = naive_layers(trained)[-1].numpy(), trained.labels.numpy()
    centres = [features[labels == label].mean(axis=0) for label in range(3)]
    within = sum(np.outer(h - centres[y], h - centres[y]) for h, y in zip(features, labels, strict=True)) / len(labels)
    mean = sum(centres) / 3
    between = sum(np.outer(centre - mean, centre - mean) for centre in centres) / 3
    expected = np.trace(within @ np.linalg.pinv(between, rcond=1e-10, hermitian=True)) / 3
    assert neural_collapse(trained) == pytest.approx(expected, rel=1e-7)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_no_invertible_linear_map_of_few_features_moves_it(seed):
    generator = torch.Generator().manual_seed(seed)
    points, mapping = (torch.randn(n, 2, generator=generator, dtype=torch.float64) for n in (12, 2))
    labels = torch.arange(12) % 3  # the centres span both dimensions
    mapped = model_with_features(points @ mapping, labels)
    assert neural_collapse(mapped) == pytest.approx(neural_collapse(model_with_features(points, labels)), rel=1e-6)


def test_is_0_where_each_class_is_a_point():
    assert neural_collapse(model_with_features(torch.eye(3).repeat(2, 1), [0, 1, 2] * 2)) == 0


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_no_change(neural_collapse, seed)


def test_is_not_applicable_to_one_class():
    with pytest.raises(NotApplicable, match="1 class"):
        neural_collapse(model_with_features(torch.eye(3), [1, 1, 1]))


@pytest.mark.parametrize("seed", [0, 1])
def test_of_a_network_without_a_linear_layer_is_that_of_the_same_function_with_one(seed):
    convolutional, with_linear = without_and_with_linear_layer(seed)
    assert torch.allclose(convolutional.logits, with_linear.logits)
    assert neural_collapse(convolutional) == pytest.approx(neural_collapse(with_linear), rel=1e-7)
