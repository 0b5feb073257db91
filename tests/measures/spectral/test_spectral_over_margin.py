import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from measures import NotApplicable
from measures.spectral.spectral_over_margin import spectral_over_margin
from tests.builders import spectral_networks as networks
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.references.dense_networks import matrices, tenth_percentile_of_margins


def test_of_two_norms_of_4_and_a_margin_of_4():
    assert spectral_over_margin(networks.by_hand()) == pytest.approx(math.log(16 * 16 / 16), rel=1e-9)


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_is_equation_31_of_the_dense_matrices(name):
    trained = random_network(name, seed=1, size=4)
    norms = [np.linalg.norm(matrix, 2) for matrix in matrices(trained.model, tuple(trained.inputs.shape[1:]))]
    expected = np.log(np.prod(np.square(norms)) / tenth_percentile_of_margins(trained) ** 2)
    assert spectral_over_margin(trained) == pytest.approx(expected, rel=1e-7)


@settings(deadline=None, max_examples=3)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_scaling_the_last_layer_leaves_it(seed, factor):
    trained = random_network("mlp_2x5", seed)
    scaled = networks.with_last_layer_scaled(trained, factor)
    assert spectral_over_margin(scaled) == pytest.approx(spectral_over_margin(trained), abs=1e-6)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(spectral_over_margin, set(), seed)


def test_is_not_applicable_until_the_training_set_is_fitted():
    with pytest.raises(NotApplicable, match="γ = -4"):
        spectral_over_margin(networks.misclassified())


def test_is_not_applicable_to_a_layer_of_zeros():
    with pytest.raises(NotApplicable, match="zero"):
        spectral_over_margin(networks.with_a_layer_of_zeros())
