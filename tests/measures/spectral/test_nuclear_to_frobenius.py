import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from measures import NotApplicable
from measures.spectral.nuclear_to_frobenius import nuclear_to_frobenius
from tests.builders import spectral_networks as networks
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network


def test_of_4_and_3_is_7_over_5_and_of_one_direction_1():
    assert nuclear_to_frobenius(networks.by_hand()) == pytest.approx((7 / 5 + 1) / 2, rel=1e-9)


def test_of_four_equal_singular_values_is_the_root_of_4():
    assert nuclear_to_frobenius(networks.four_equal()) == pytest.approx(2, rel=1e-9)


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_is_that_of_the_dense_matrices(name):
    trained = random_network(name, seed=1, size=4)
    ratios = [sum(values) / math.sqrt(sum(values**2)) for values in networks.dense_singular_values(trained)]
    assert nuclear_to_frobenius(trained) == pytest.approx(np.mean(ratios), rel=1e-7)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_lies_between_1_and_the_root_of_the_rank_whatever_the_scale(seed, factor):
    trained = random_network("mlp_2x5", seed)
    assert 1 <= nuclear_to_frobenius(trained) <= math.sqrt(networks.MEAN_RANK)
    scaled = networks.with_first_layer_scaled(trained, factor)
    assert nuclear_to_frobenius(scaled) == pytest.approx(nuclear_to_frobenius(trained), rel=1e-7)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(nuclear_to_frobenius, set(), seed)


def test_is_not_applicable_to_a_layer_of_zeros():
    with pytest.raises(NotApplicable, match="all zero"):
        nuclear_to_frobenius(networks.with_a_layer_of_zeros())
