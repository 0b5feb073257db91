import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.margins.mixup_margin import augmented_margin, mixup_margin
from measures.quantities.mixup import class_pairs, moved_by_a_pixel
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import trained_model
from tests.builders.small_networks import NETWORKS, linear_model, randomly_labelled_network
from tests.references.input_derivatives import naive_normalised_margins


def test_of_midpoints_1_6_and_4_of_a_linear_network_is_the_distance_over_the_deviation():
    # three examples of one class are paired in a ring, so each two of them meet
    trained = linear_model([[5.0], [-5.0]], [[-1.0], [3.0], [9.0]], [0, 0, 0])
    midpoints = np.array([1.0, 6.0, 4.0])
    assert mixup_margin(trained) == pytest.approx(-4 / midpoints.std(), rel=1e-9)


@pytest.mark.parametrize("kind", NETWORKS)
def test_mixup_margin_is_the_median_of_margins_at_midpoints_taken_one_by_one(kind):
    trained = randomly_labelled_network(kind)
    pairs = class_pairs(trained).tolist()
    midpoints = torch.stack([(trained.inputs[a] + trained.inputs[b]) / 2 for a, b in pairs])
    labels = torch.stack([trained.labels[a] for a, _ in pairs])
    d = naive_normalised_margins(trained.model, midpoints, labels)[1]
    assert mixup_margin(trained) == pytest.approx(-np.median(d), rel=1e-9)


@pytest.mark.parametrize("kind", NETWORKS)
def test_augmented_margin_is_the_median_of_margins_at_moved_examples_taken_one_by_one(kind):
    trained = randomly_labelled_network(kind)
    d = naive_normalised_margins(trained.model, *moved_by_a_pixel(trained))[1]
    assert augmented_margin(trained) == pytest.approx(-np.median(d), rel=1e-9)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_both_see_the_function_only(seed):
    assert_sees_only(mixup_margin, set(), seed)
    assert_sees_only(augmented_margin, set(), seed)


def test_mixup_margin_is_not_applicable_where_every_example_is_alone_in_its_class():
    with pytest.raises(NotApplicable, match="nothing to mix"):
        mixup_margin(linear_model([[1.0], [0.0]], [[1.0], [-2.0]], [0, 1]))


def test_augmented_margin_is_not_applicable_to_inputs_that_are_no_images():
    with pytest.raises(NotApplicable, match="moved by a pixel"):
        augmented_margin(linear_model([[1.0], [0.0]], [[1.0], [-2.0]], [0, 1]))


def test_neither_is_applicable_to_a_constant_network():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).double()
    with torch.no_grad():
        model[1].weight.zero_()
    trained = trained_model(model, torch.randn(6, 1, 2, 2, dtype=torch.float64), torch.zeros(6, dtype=torch.int64))
    for measure in (mixup_margin, augmented_margin):
        with pytest.raises(NotApplicable, match="no gradient"):
            measure(trained)
