import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.representation import nearest_center_depth as module
from measures.representation.nearest_center_depth import (
    nearest_center_depth,
    nearest_center_depth_mean,
    nearest_center_errors,
)
from tests.builders.features import NETWORKS, assert_sees_no_change, labelled_network, model_with_features
from tests.builders.models import trained_model
from tests.references.layer_inputs import naive_layers


def folded_line():
    """Inputs -3 and 3 against 1 and 2: apart by their size, which the sum of two rectifiers gives."""
    network = nn.Sequential(nn.Linear(1, 2, bias=False), nn.ReLU(), nn.Linear(2, 1, bias=False), nn.Linear(1, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))
        network[2].weight.copy_(torch.tensor([[1.0, 1.0]]))
    return trained_model(network, torch.tensor([[-3.0], [3.0], [1.0], [2.0]]), torch.tensor([0, 0, 1, 1]))


def test_centres_tell_apart_what_the_last_hidden_layer_has_folded_together():
    # Centres 0 and 1.5 of the inputs: 3 is on the wrong side. Rectified: (1.5, 1.5) and (1.5, 0), and so is (3, 0).
    assert nearest_center_errors(folded_line()) == (0.25, 0.25, 0)
    assert nearest_center_depth(folded_line()) == 2
    assert nearest_center_depth_mean(folded_line()) == 0.5


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_errors_are_those_of_the_nearest_of_three_means(name, seed):
    trained = labelled_network(name, seed)
    expected = []
    for features in naive_layers(trained):
        centres = [features[trained.labels == label].mean(dim=0) for label in range(3)]
        nearest = [min(range(3), key=lambda a: float((h - centres[a]).norm())) for h in features]
        expected.append(sum(a != y for a, y in zip(nearest, trained.labels.tolist(), strict=True)) / len(nearest))
    assert nearest_center_errors(trained) == pytest.approx(expected)


def with_errors(errors):
    trained = folded_line()
    nearest_center_errors(trained)
    (key,) = (key for key in trained.shared if key[1] == nearest_center_errors.__name__)
    trained.shared[key] = errors
    return trained


def test_an_error_of_exactly_the_tolerated_one_is_tolerated():
    assert nearest_center_depth(with_errors((0.4, 0.05, 0.0))) == 1


@settings(deadline=None, max_examples=5)
@given(st.lists(st.integers(0, 10), min_size=1, max_size=5))
def test_the_mean_is_that_of_the_depths_at_evenly_spaced_thresholds(tenths):
    errors = tuple(tenth / 10 for tenth in tenths)
    depths = []
    for step in range(100):
        tolerated = (step + 0.5) / 100
        depths.append(min([l for l, error in enumerate(errors) if error <= tolerated] + [len(errors)]))  # noqa: E741
    trained = with_errors(errors)
    assert nearest_center_depth_mean(trained) == pytest.approx(sum(depths) / 100)
    assert nearest_center_depth(trained) == depths[int(module.TOLERATED_ERROR * 100)]


@pytest.mark.parametrize("measure", [nearest_center_depth, nearest_center_depth_mean], ids=lambda measure: measure.name)
@settings(deadline=None, max_examples=2)
@given(seed=st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(measure, seed):
    assert_sees_no_change(measure, seed)


def test_is_not_applicable_to_one_class():
    with pytest.raises(NotApplicable, match="1 class"):
        nearest_center_depth(model_with_features(torch.eye(3), [1, 1, 1]))
