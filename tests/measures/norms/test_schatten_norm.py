import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from measures import NotApplicable
from measures.norms.frobenius_norm import frobenius_norm
from measures.norms.schatten_norm import schatten_15_norm, schatten_15_over_margin
from measures.norms.trace_norm import trace_norm
from tests.builders import spectral_networks as networks
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import two_layers
from tests.references.dense_networks import matrices, tenth_percentile_of_margins


def test_of_singular_values_4_and_9_followed_by_a_single_4_is_by_hand():
    trained = two_layers([[4.0, 0.0], [0.0, -9.0]], [[4.0, 0.0], [0.0, 0.0]], [[0.25, 0.0]], labels=[0])
    expected = math.log((8 + 27) ** (2 / 3)) + math.log(4)
    assert schatten_15_norm(trained) == pytest.approx(expected, rel=1e-12)
    assert schatten_15_over_margin(trained) == pytest.approx(expected - math.log(4), rel=1e-12)  # the margin is 4


@pytest.mark.parametrize("name", ["mlp_3x5", "convnet_bn"])
def test_are_the_log_products_of_the_dense_matrices_norms(name):
    trained = random_network(name, seed=1, size=4)
    spectra = [np.linalg.svd(matrix, compute_uv=False) for matrix in matrices(trained.model, (1, 4, 4))]
    product = np.prod([np.sum(spectrum**1.5) ** (1 / 1.5) for spectrum in spectra])
    assert schatten_15_norm(trained) == pytest.approx(np.log(product), rel=1e-9)
    expected = np.log(product / tenth_percentile_of_margins(trained))
    assert schatten_15_over_margin(trained) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_lies_between_the_frobenius_norm_and_the_trace_norm(seed):
    trained = random_network("mlp_3x4", seed, size=4)
    assert frobenius_norm(trained) <= schatten_15_norm(trained) <= trace_norm(trained)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000), st.sampled_from([schatten_15_norm, schatten_15_over_margin]))
def test_see_no_change_that_leaves_the_function_as_it_is(seed, measure):
    assert_sees_only(measure, set(), seed)


def test_is_not_applicable_to_a_layer_of_zeros():
    with pytest.raises(NotApplicable, match="zero"):
        schatten_15_norm(networks.with_a_layer_of_zeros())
