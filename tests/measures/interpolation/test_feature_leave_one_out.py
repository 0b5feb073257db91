import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from sklearn.linear_model import Ridge

from measures import NotApplicable
from measures.controls.train_error import train_error
from measures.interpolation.feature_leave_one_out import RIDGE, feature_leave_one_out
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.features import NETWORKS, labelled_network, model_with_features


def naive(trained):
    """Fit the regression anew without each example; centred by the means of all, as the file says."""
    features, labels = trained.features.double().numpy(), trained.labels.numpy()
    features = features - features.mean(axis=0)
    targets = np.eye(trained.num_classes)[labels]
    targets = targets - targets.mean(axis=0)
    ridge = RIDGE * (features**2).sum() / len(features)
    wrong = 0
    for i in range(len(labels)):
        rest = [j for j in range(len(labels)) if j != i]
        fitted = Ridge(alpha=ridge, fit_intercept=False, solver="svd").fit(features[rest], targets[rest])
        wrong += fitted.predict(features[i : i + 1])[0].argmax() != labels[i]
    return wrong / len(labels)


def test_by_hand_two_clusters_are_told_without_any_one_of_their_examples():
    points = torch.tensor([[1.0, 0.0], [1.1, 0.0], [0.0, 1.0], [0.0, 1.1]], dtype=torch.float64)
    fitting = model_with_features(points, [0, 0, 1, 1], torch.eye(2, dtype=torch.float64))
    assert feature_leave_one_out(fitting) == 0
    failing = model_with_features(points, [0, 0, 1, 1], torch.eye(2, dtype=torch.float64).flip(0))
    assert feature_leave_one_out(failing) == -1  # the network's head is wrong of all, the regression of none


def test_by_hand_an_example_between_those_of_the_other_class_is_missed():
    points = torch.tensor([[0.0, 1.0], [0.2, 1.0], [0.1, 1.0], [5.0, 1.0]], dtype=torch.float64)
    trained = model_with_features(points, [0, 0, 1, 1], torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64))
    assert train_error(trained) == 1 / 4
    assert feature_leave_one_out(trained) == pytest.approx(naive(trained) - 1 / 4)
    assert naive(trained) >= 1 / 4


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_it_is_the_regression_fitted_anew_without_each_example(name, seed):
    trained = labelled_network(name, seed)
    assert feature_leave_one_out(trained) == pytest.approx(naive(trained) - train_error(trained), abs=1e-12)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_it_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(feature_leave_one_out, set(), seed)


def test_one_example_and_equal_features_are_not_applicable():
    with pytest.raises(NotApplicable, match="single example"):
        feature_leave_one_out(model_with_features(torch.ones(1, 2), [0]))
    with pytest.raises(NotApplicable, match="equal"):
        feature_leave_one_out(model_with_features(torch.ones(3, 2), [0, 1, 0]))
