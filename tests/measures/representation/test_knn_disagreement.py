import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from measures import NotApplicable
from measures.representation.knn_disagreement import knn_disagreement
from tests.builders.features import NETWORKS, assert_sees_no_change, labelled_network, model_with_features
from tests.references.layer_inputs import naive_layers


def test_one_stray_among_eleven_of_another_class_is_the_only_one_voted_down():
    trained = model_with_features(torch.arange(12.0)[:, None], [0] * 5 + [1] + [0] * 6)
    assert knn_disagreement(trained) == pytest.approx(1 / 12)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_is_the_leave_one_out_error_of_scikit_learn_in_the_first_hidden_layer(name, seed):
    trained = labelled_network(name, seed)
    features, labels = naive_layers(trained)[1].numpy(), trained.labels.numpy()
    rule = KNeighborsClassifier(n_neighbors=10)
    expected = (cross_val_predict(rule, features, labels, cv=LeaveOneOut()) != labels).mean()
    assert 0 < expected
    assert knn_disagreement(trained) == pytest.approx(expected, rel=1e-12)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_no_change(knn_disagreement, seed)


def test_one_example_has_no_neighbour():
    with pytest.raises(NotApplicable, match="1 example"):
        knn_disagreement(model_with_features(torch.ones(1, 2), [0]))
