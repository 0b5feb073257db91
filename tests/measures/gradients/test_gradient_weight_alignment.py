import copy
import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from scipy.stats import kurtosis
from torch import nn

from measures import NotApplicable
from measures.gradients.gradient_weight_alignment import (
    alignments,
    gradient_weight_alignment,
    gradient_weight_cosine,
)
from tests.builders.equivalent_networks import CHANGES, assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import linear_model, randomly_labelled_network, small_network


def gradients_of_the_head(trained):
    """Each example's gradient of the cross-entropy with respect to the last weight, one backward pass each."""
    head = [module for module in trained.model.modules() if isinstance(module, nn.Linear)][-1]
    rows = []
    for x, y in zip(trained.inputs, trained.labels, strict=True):
        loss = nn.functional.cross_entropy(trained.model(x[None]), y[None])
        rows.append(torch.autograd.grad(loss, head.weight)[0].flatten())
    return torch.stack(rows), head.weight.detach().flatten()


def test_of_an_example_at_even_odds_with_its_weights_apart_is_minus_the_cosine():
    # W = (2, 2): p = (1/2, 1/2), g = (-1/2, 1/2), at a right angle to W; with W = (1, -1) far from even, along W.
    assert gradient_weight_cosine(linear_model([[2.0], [2.0]], [[1.0]], [0])) == pytest.approx(0, abs=1e-12)
    assert gradient_weight_cosine(linear_model([[1.0], [-1.0]], [[3.0]], [0])) == pytest.approx(-1, rel=1e-12)
    assert gradient_weight_cosine(linear_model([[1.0], [-1.0]], [[3.0]], [1])) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_is_the_cosine_of_each_gradient_and_the_last_weight_corrected_by_the_kurtosis(kind):
    trained = small_network(kind, seed=2)
    gradients, weight = gradients_of_the_head(trained)
    cosines = -(gradients @ weight) / gradients.norm(dim=1).clamp_min(1e-100) / weight.norm()
    assert alignments(trained).tolist() == pytest.approx(cosines.tolist(), rel=1e-8)
    assert gradient_weight_cosine(trained) == pytest.approx(-float(cosines.mean()), rel=1e-8)
    corrected = float(cosines.mean()) / (kurtosis(cosines.numpy()) + 1.2)  # as the authors' code has it
    assert gradient_weight_alignment(trained) == pytest.approx(-corrected, rel=1e-8)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.floats(-3, 3))
def test_a_cosine_is_between_minus_1_and_1_and_does_not_depend_on_the_scale_of_the_features(seed, power):
    trained = randomly_labelled_network("mlp", seed)
    scores = alignments(trained)
    assert bool((scores.abs() <= 1 + 1e-12).all())
    model = copy.deepcopy(trained.model)
    first, last = [module for module in model.modules() if isinstance(module, nn.Linear)][-2:]
    with torch.no_grad():
        for parameter in first.parameters():
            parameter *= 10**power
        last.weight /= 10**power
    scaled = alignments(dataclasses.replace(trained, model=model))
    assert scaled.tolist() == pytest.approx(scores.tolist(), rel=1e-6, abs=1e-9)


def test_a_fully_fitted_network_still_has_a_direction():
    trained = linear_model([[60.0], [-60.0]], [[1.0], [0.5], [0.1]], [0, 0, 0])  # gradients from 1e-52 to 1e-5
    assert alignments(trained).tolist() == pytest.approx([1, 1, 1], rel=1e-12)


def test_an_example_without_a_gradient_is_not_aligned():
    assert alignments(linear_model([[1e5], [0.0]], [[1.0], [0.0]], [0, 0])).tolist() == [0, 0]


def test_see_no_change_that_keeps_the_function():
    for measure in (gradient_weight_alignment, gradient_weight_cosine):
        assert measure.invariant_to == CHANGES.keys()

        def value(trained, measure=measure):
            labels = torch.arange(len(trained.labels)) % trained.num_classes
            return measure(dataclasses.replace(trained, labels=labels))

        assert_sees_only(dataclasses.replace(measure, function=value), set(), seed=1)


def test_have_a_sentence_for_each_case_in_which_they_have_no_value():
    with pytest.raises(NotApplicable, match="last weight is zero"):
        gradient_weight_cosine(linear_model([[0.0], [0.0]], [[1.0]], [0]))
    with pytest.raises(NotApplicable, match="aligned alike"):
        gradient_weight_alignment(linear_model([[1.0], [-1.0]], [[1.0], [2.0]], [0, 0]))
    with pytest.raises(NotApplicable, match=r"kurtosis is -2"):
        gradient_weight_alignment(linear_model([[1.0], [-1.0]], [[1.0], [2.0]], [0, 1]))


def test_need_a_linear_layer_that_returns_the_logits():
    no_linear = nn.Sequential(nn.Conv2d(1, 3, 6), nn.Flatten()).double()
    like = random_network("mlp_1x1", seed=0, size=6)
    with pytest.raises(NotApplicable, match="no Linear layer"):
        gradient_weight_cosine(trained_model(no_linear, like.inputs, like.labels))
    after = nn.Sequential(nn.Flatten(), nn.Linear(36, 3), nn.Tanh()).double()
    with pytest.raises(NotApplicable, match="logits differ"):
        gradient_weight_cosine(trained_model(after, like.inputs, like.labels))
    wider = nn.Sequential(nn.Flatten(), nn.Linear(36, 6), nn.Unflatten(1, (2, 3)), nn.MaxPool1d(3), nn.Flatten())
    with pytest.raises(NotApplicable, match="not what the linear layer applied last returns"):
        gradient_weight_cosine(trained_model(wider.double(), like.inputs, like.labels % 2))
