import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.quantities.mixup import class_pairs
from measures.representation.mixup_accuracy import mixup_accuracy
from tests.builders.features import NETWORKS, assert_sees_no_change, labelled_network, model_with_features
from tests.builders.models import trained_model


class Interval(torch.nn.Module):
    """Class 1 within ]-1, 1[, class 0 outside."""

    def forward(self, x):
        return torch.cat([x.abs() - 1, 1 - x.abs()], dim=1)


def test_a_class_on_both_sides_of_another_is_always_mixed_into_it():
    inputs = torch.tensor([[-2.0], [2.0], [-0.5], [0.5]], dtype=torch.float64)
    assert mixup_accuracy(trained_model(Interval(), inputs, torch.tensor([0, 0, 1, 1]))) == 0.5


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_share_of_midpoints_that_are_given_another_label(name, seed):
    trained = labelled_network(name, seed)
    wrong = 0
    for i, j in class_pairs(trained).tolist():
        midpoint = (trained.inputs[i] + trained.inputs[j]) / 2
        wrong += int(trained.model(midpoint[None]).argmax()) != int(trained.labels[i])
    assert wrong > 0
    assert mixup_accuracy(trained) == pytest.approx(wrong / len(class_pairs(trained)), rel=1e-12)


@settings(deadline=None, max_examples=4)
@given(st.integers(0, 1000))
def test_is_0_for_a_linear_classifier_that_fits(seed):
    generator = torch.Generator().manual_seed(seed)
    points, weight = (torch.randn(n, 4, generator=generator, dtype=torch.float64) for n in (20, 3))
    assert mixup_accuracy(model_with_features(points, (points @ weight.T).argmax(dim=1), weight)) == 0


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_no_change(mixup_accuracy, seed)


def test_is_not_applicable_where_no_label_occurs_twice():
    with pytest.raises(NotApplicable, match="none of 3"):
        mixup_accuracy(model_with_features(torch.eye(3), [0, 1, 2]))
