import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.controls.train_error import train_error
from measures.interpolation.gap_versions import knn_gap, manifold_mixup_gap, mixup_gap
from measures.representation.knn_disagreement import knn_disagreement
from measures.representation.manifold_mixup_accuracy import manifold_mixup_accuracy
from measures.representation.mixup_accuracy import mixup_accuracy
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.features import NETWORKS, labelled_network, model_with_features
from tests.measures.interpolation.test_midpoints import on_a_line

OF = {mixup_gap: mixup_accuracy, manifold_mixup_gap: manifold_mixup_accuracy, knn_gap: knn_disagreement}


def test_by_hand_what_is_wrong_on_the_training_set_already_is_taken_off():
    # class 0 is told of all that is positive: both are wrong, and so is their mean
    assert mixup_gap(on_a_line([1.0, 2.0], [1, 1])) == 1 - 1
    # of -3, 1 the mean is -1, which gets class 1 as -3 does, and not class 0: one error of two is on the training set
    assert mixup_gap(on_a_line([-3.0, 1.0], [0, 0])) == 1 - 1 / 2


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("measure", OF, ids=lambda measure: measure.name)
def test_each_is_its_error_minus_the_training_error(measure, name):
    trained = labelled_network(name, 0)
    assert train_error(trained) > 0
    assert measure(trained) == pytest.approx(OF[measure](trained) - train_error(trained), abs=1e-12)


@pytest.mark.parametrize("measure", OF, ids=lambda measure: measure.name)
@settings(deadline=None, max_examples=2)
@given(seed=st.integers(0, 1000))
def test_each_sees_the_function_only_and_its_layers(measure, seed):
    assert measure.invariant_to == OF[measure].invariant_to
    assert_sees_only(measure, set(), seed)


def test_they_are_not_applicable_where_their_errors_are_not():
    trained = model_with_features(torch.eye(3), [0, 1, 2])
    for measure in (mixup_gap, manifold_mixup_gap):
        with pytest.raises(NotApplicable):
            measure(trained)
