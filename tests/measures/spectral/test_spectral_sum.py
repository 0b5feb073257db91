import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from measures import NotApplicable
from measures.spectral.spectral_sum import spectral_sum, spectral_sum_over_margin
from tests.builders import spectral_networks as networks
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.references.dense_networks import matrices, tenth_percentile_of_margins


def test_worked_out_by_hand():
    trained = networks.by_hand()
    assert spectral_sum(trained) == pytest.approx(math.log(16 + 16), rel=1e-9)
    assert spectral_sum_over_margin(trained) == pytest.approx(math.log(2 * math.sqrt(16)), rel=1e-9)


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_are_equations_35_and_34_of_the_dense_matrices(name):
    trained = random_network(name, seed=1, size=4)
    norms = [np.linalg.norm(matrix, 2) for matrix in matrices(trained.model, tuple(trained.inputs.shape[1:]))]
    product, gamma, depth = np.prod(np.square(norms)), tenth_percentile_of_margins(trained), len(norms)
    assert spectral_sum(trained) == pytest.approx(np.log(depth * product ** (1 / depth)), rel=1e-7)
    expected = np.log(depth * (product / gamma**2) ** (1 / depth))
    assert spectral_sum_over_margin(trained) == pytest.approx(expected, rel=1e-7)


@settings(deadline=None, max_examples=3)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_scaling_one_of_3_layers_leaves_what_is_over_the_margin_and_adds_a_third_to_the_other(seed, factor):
    trained = random_network("mlp_2x5", seed)
    scaled = networks.with_last_layer_scaled(trained, factor)
    assert spectral_sum_over_margin(scaled) == pytest.approx(spectral_sum_over_margin(trained), abs=1e-6)
    assert spectral_sum(scaled) - spectral_sum(trained) == pytest.approx(2 / 3 * math.log(factor), abs=1e-9)


@pytest.mark.parametrize("measure", [spectral_sum, spectral_sum_over_margin])
@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_see_no_change_that_leaves_the_function_as_it_is(measure, seed):
    assert_sees_only(measure, set(), seed)


def test_is_not_applicable_until_the_training_set_is_fitted():
    with pytest.raises(NotApplicable, match="γ = -4"):
        spectral_sum_over_margin(networks.misclassified())


@pytest.mark.parametrize("measure", [spectral_sum, spectral_sum_over_margin])
def test_is_not_applicable_to_a_layer_of_zeros(measure):
    with pytest.raises(NotApplicable, match="zero"):
        measure(networks.with_a_layer_of_zeros())
