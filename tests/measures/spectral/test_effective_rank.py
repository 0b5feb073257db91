import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from measures import NotApplicable
from measures.spectral.effective_rank import effective_rank
from tests.builders import spectral_networks as networks
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network


def test_of_4_and_3_and_of_one_direction_is_worked_out_by_hand():
    entropy = -(4 / 7) * math.log(4 / 7) - (3 / 7) * math.log(3 / 7)
    assert effective_rank(networks.by_hand()) == pytest.approx((math.exp(entropy) + 1) / 2, rel=1e-9)


def test_of_four_equal_singular_values_is_4():
    assert effective_rank(networks.four_equal()) == pytest.approx(4, rel=1e-9)


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_is_that_of_the_dense_matrices(name):
    trained = random_network(name, seed=1, size=4)
    ranks = []
    for values in networks.dense_singular_values(trained):
        shares = values[values > 0] / sum(values)
        ranks.append(math.exp(-sum(share * math.log(share) for share in shares)))
    assert effective_rank(trained) == pytest.approx(np.mean(ranks), rel=1e-7)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_lies_between_1_and_the_rank_whatever_the_scale(seed, factor):
    trained = random_network("mlp_2x5", seed)
    assert 1 <= effective_rank(trained) <= networks.MEAN_RANK
    scaled = networks.with_first_layer_scaled(trained, factor)
    assert effective_rank(scaled) == pytest.approx(effective_rank(trained), rel=1e-7)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(effective_rank, set(), seed)


def test_is_not_applicable_to_a_layer_of_zeros():
    with pytest.raises(NotApplicable, match="all zero"):
        effective_rank(networks.with_a_layer_of_zeros())
