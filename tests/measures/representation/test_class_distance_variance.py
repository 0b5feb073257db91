import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.representation.class_distance_variance import class_distance_variance, class_distance_variance_middle
from tests.builders.features import (
    NETWORKS,
    assert_sees_no_change,
    labelled_network,
    model_with_features,
    without_and_with_linear_layer,
)
from tests.references.layer_inputs import naive_layers


def test_variances_of_1_and_4_at_distance_6_give_5_in_72():
    trained = model_with_features(torch.tensor([[-1.0], [1.0], [4.0], [8.0]]), [0, 0, 1, 1])
    assert class_distance_variance(trained) == pytest.approx((1 + 4) / (2 * 36), rel=1e-12)
    assert class_distance_variance_middle(trained) == class_distance_variance(trained)


def naive_value(features, labels):
    classes = [features[labels == label] for label in range(3)]
    centres = [members.mean(dim=0) for members in classes]
    variances = [sum((h - c).square().sum() for h in m) / len(m) for m, c in zip(classes, centres, strict=True)]
    pairs = [(a, b) for a in range(3) for b in range(3) if a != b]
    values = [(variances[a] + variances[b]) / (2 * (centres[a] - centres[b]).square().sum()) for a, b in pairs]
    return float(sum(values) / len(values))


@pytest.mark.parametrize("name", [*NETWORKS, "mlp_4x6"])
def test_is_what_loops_over_pairs_give_in_the_last_layer_and_in_the_middle_one(name):
    trained = labelled_network(name, seed=0)
    layers = naive_layers(trained)[1:]
    middle = {2: 0, 3: 1, 4: 1}[len(layers)]
    assert class_distance_variance(trained) == pytest.approx(naive_value(layers[-1], trained.labels), rel=1e-9)
    assert class_distance_variance_middle(trained) == pytest.approx(
        naive_value(layers[middle], trained.labels), rel=1e-9
    )


@settings(deadline=None, max_examples=5)
@given(st.floats(0.01, 100), st.integers(0, 1000))
def test_classes_that_spread_twice_as_far_have_four_times_the_value(factor, seed):
    labels = torch.arange(12) % 3
    centres = torch.randn(3, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)[labels]
    noise = torch.randn(12, 4, generator=torch.Generator().manual_seed(seed + 1), dtype=torch.float64)
    for label in range(3):
        noise[labels == label] -= noise[labels == label].mean(dim=0)
    one, other = (
        class_distance_variance(model_with_features(factor * centres + factor * spread * noise, labels))
        for spread in (1, 2)
    )
    assert other == pytest.approx(4 * one, rel=1e-6)


@pytest.mark.parametrize(
    "measure", [class_distance_variance, class_distance_variance_middle], ids=lambda measure: measure.name
)
@settings(deadline=None, max_examples=2)
@given(seed=st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(measure, seed):
    assert_sees_no_change(measure, seed)


def test_is_not_applicable_to_one_class():
    with pytest.raises(NotApplicable, match="1 class"):
        class_distance_variance(model_with_features(torch.eye(3), [1, 1, 1]))


@pytest.mark.parametrize("seed", [0, 1])
def test_of_a_network_without_a_linear_layer_is_that_of_the_same_function_with_one(seed):
    convolutional, with_linear = without_and_with_linear_layer(seed)
    assert torch.allclose(convolutional.logits, with_linear.logits)
    assert class_distance_variance(convolutional) == pytest.approx(class_distance_variance(with_linear), rel=1e-7)
