import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from measures import NotApplicable
from measures.spectral.effective_rank import effective_rank
from measures.spectral.stable_rank import stable_rank_mean, stable_rank_sum
from tests.builders import spectral_networks as networks
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network

RANKS = [stable_rank_sum, stable_rank_mean]


def test_worked_out_by_hand():
    trained = networks.by_hand()
    assert stable_rank_sum(trained) == pytest.approx(25 / 16 + 1, rel=1e-9)
    assert stable_rank_mean(trained) == pytest.approx((25 / 16 + 1) / 2, rel=1e-9)


@pytest.mark.parametrize("rank", RANKS)
def test_of_four_equal_singular_values_is_4(rank):
    assert rank(networks.four_equal()) == pytest.approx(4, rel=1e-9)


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_are_those_of_the_dense_matrices(name):
    trained = random_network(name, seed=1, size=4)
    ranks = [sum(values**2) / max(values) ** 2 for values in networks.dense_singular_values(trained)]
    assert stable_rank_sum(trained) == pytest.approx(sum(ranks), rel=1e-7)
    assert stable_rank_mean(trained) == pytest.approx(np.mean(ranks), rel=1e-7)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_lie_between_1_and_the_effective_rank_whatever_the_scale(seed, factor):
    trained = random_network("mlp_2x5", seed)
    assert 1 <= stable_rank_mean(trained) <= effective_rank(trained)
    for rank in RANKS:
        assert rank(networks.with_first_layer_scaled(trained, factor)) == pytest.approx(rank(trained), rel=1e-7)


@pytest.mark.parametrize("rank", RANKS)
@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_see_no_change_that_leaves_the_function_as_it_is(rank, seed):
    assert_sees_only(rank, set(), seed)


@pytest.mark.parametrize("rank", RANKS)
def test_are_not_applicable_to_a_layer_of_zeros(rank):
    with pytest.raises(NotApplicable, match="all zero"):
        rank(networks.with_a_layer_of_zeros())
