import itertools
import math

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from measures import NotApplicable
from measures.gradients.gradient_cosine import gradient_cosine, gradient_stiffness
from tests.builders.equivalent_networks import CHANGES, assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model, random_linear_model, small_network, undecided
from tests.references.explicit_gradients import gradients_one_by_one


def test_of_three_inputs_at_45_degrees_one_of_them_of_the_other_class():
    # Angles of the gradients: 45 degrees, 180 - 90 and 180 - 45; the second pair's product is 0.
    trained = undecided([[1.0, 0.0], [2.0, 2.0], [0.0, 3.0]], [0, 0, 1])
    assert gradient_cosine(trained) == pytest.approx(-(math.sqrt(0.5) + 0 - math.sqrt(0.5)) / 3, abs=1e-12)
    assert gradient_stiffness(trained) == pytest.approx(0, abs=1e-12)


def test_of_inputs_in_one_direction_and_of_one_class_both_are_minus_1():
    trained = undecided([[1.0, 2.0], [2.0, 4.0], [5.0, 10.0]], [1, 1, 1])
    assert gradient_cosine(trained) == pytest.approx(-1, rel=1e-12)
    assert gradient_stiffness(trained) == -1


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_equal_the_means_over_explicit_pairs(kind):
    trained = small_network(kind, seed=0)
    gradients = gradients_one_by_one(trained.model, trained.inputs, trained.labels)
    pairs = [(a, b) for a, b in itertools.permutations(gradients, 2)]
    cosine = sum(float(a @ b / a.norm() / b.norm()) for a, b in pairs) / len(pairs)
    sign = sum(math.copysign(1, float(a @ b)) for a, b in pairs) / len(pairs)
    assert gradient_cosine(trained) == pytest.approx(-cosine, rel=1e-8)
    assert gradient_stiffness(trained) == pytest.approx(-sign, rel=1e-8)


def test_all_of_three_hundred_examples_are_paired():
    trained = random_linear_model(0, num_train=300)
    gradients = gradients_one_by_one(trained.model, trained.inputs, trained.labels)
    units = gradients / gradients.norm(dim=1, keepdim=True)
    cosines = units @ units.T
    pairs = 300 * 299
    expected = float(cosines.sum() - cosines.diagonal().sum()) / pairs
    assert gradient_cosine(trained) == pytest.approx(-expected, rel=1e-8)
    assert gradient_stiffness(trained) == pytest.approx(-float(cosines.sign().sum() - 300) / pairs, rel=1e-8)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_the_cosine_has_no_unit_and_is_bounded_by_the_examples_that_can_disagree(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    assert -1 <= gradient_cosine(trained) <= 1 / 19 + 1e-9  # a mean of n vectors has no negative length
    assert -1 <= gradient_stiffness(trained) <= 1


def test_the_cosine_sees_only_changes_of_the_scale_of_weights():
    assert_sees_only(gradient_cosine, {"layer_rescaling", "batch_norm_folding"}, seed=1)


@pytest.mark.parametrize("change", CHANGES)
def test_the_sign_sees_only_changes_of_the_scale_of_weights(change):
    trained = small_network("convnet_bn", seed=2)  # with random labels: by its own predictions all pairs would agree
    moved = gradient_stiffness(CHANGES[change](trained, 2)) != gradient_stiffness(trained)
    assert moved == (change not in gradient_stiffness.invariant_to)


@pytest.mark.parametrize("measure", [gradient_cosine, gradient_stiffness])
def test_are_not_applicable_to_one_example_or_a_gradient_of_zero(measure):
    with pytest.raises(NotApplicable, match="one example"):
        measure(undecided([[1.0]], [0]))
    with pytest.raises(NotApplicable, match="1 of 2 examples"):
        measure(linear_model([[1.0], [0.0]], [[1.0], [0.0]], [0, 0]))
