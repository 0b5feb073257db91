import dataclasses
import itertools
import math

import pytest
import torch

from measures import NotApplicable
from measures.kernels.kernel_target_alignment import kernel_alignment_growth, kernel_target_alignment
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, small_network, with_labels_in_turn
from tests.references.explicit_gradients import jacobian


def naive_alignment(network, trained):
    rows = jacobian(network, trained.inputs)
    rows = rows - rows.mean(dim=0)  # of all examples: the features less their mean
    labels = torch.stack([(trained.labels == k).double() for k in range(trained.num_classes)], dim=1)
    labels = labels - labels.mean(dim=0)
    product = kernel_square = target_square = 0.0
    for i, j in itertools.product(range(len(rows)), repeat=2):
        alike, same = float((rows[i] * rows[j]).sum()), float(labels[i] @ labels[j])
        product += alike * same
        kernel_square += alike**2
        target_square += same**2
    return product / math.sqrt(kernel_square * target_square)


def test_of_inputs_that_are_their_classes_is_minus_1_and_has_not_grown():
    trained = linear_model([[0.0, 0.0]] * 2, [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0, 0, 1])
    assert kernel_target_alignment(trained) == pytest.approx(-1, rel=1e-12)
    assert kernel_alignment_growth(trained) == pytest.approx(0, abs=1e-12)


def test_of_inputs_on_a_square_one_of_whose_sides_is_the_class_is_minus_the_root_of_a_half():
    square = [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]
    trained = linear_model([[0.0, 0.0]] * 2, square, [0, 0, 1, 1])
    assert kernel_target_alignment(trained) == pytest.approx(-math.sqrt(0.5), rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_equal_the_cosine_over_explicit_pairs(kind):
    trained = dataclasses.replace(small_network(kind, seed=0), init=small_network(kind, seed=1).model)
    before, after = naive_alignment(trained.init, trained), naive_alignment(trained.model, trained)
    assert kernel_target_alignment(trained) == pytest.approx(-after, rel=1e-8)
    assert kernel_alignment_growth(trained) == pytest.approx(before - after, rel=1e-6)


@pytest.mark.parametrize("measure", [kernel_target_alignment, kernel_alignment_growth])
def test_see_only_changes_of_the_scale_of_weights(measure):
    assert_sees_only(with_labels_in_turn(measure), {"layer_rescaling", "batch_norm_folding"}, seed=1)


def test_is_not_applicable_to_inputs_that_are_all_equal():
    with pytest.raises(NotApplicable, match="zero"):
        kernel_target_alignment(linear_model([[1.0], [0.0]], [[1.0], [1.0]], [0, 1]))
