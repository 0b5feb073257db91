import copy
import dataclasses
import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from measures import NotApplicable
from measures.spectral.pac_bayes_spectral import spectral_init_main, spectral_orig_main
from tests.builders import spectral_networks as networks
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.references.dense_networks import matrices, tenth_percentile_of_margins

BOTH = [spectral_init_main, spectral_orig_main]


@pytest.mark.parametrize("measure", BOTH)
def test_from_an_initialization_of_zero_both_are_worked_out_by_hand(measure):
    assert measure(networks.by_hand()) == pytest.approx(math.log(16 * (25 / 16 + 1)), rel=1e-9)


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_are_equations_29_and_30_of_the_dense_matrices(name):
    trained = random_network(name, seed=1, size=4)
    shape = tuple(trained.inputs.shape[1:])
    product, moved, size = 1.0, 0.0, 0.0
    for end, start in zip(matrices(trained.model, shape), matrices(trained.init, shape), strict=True):
        norm = np.linalg.norm(end, 2)
        product *= norm**2
        moved += ((end - start) ** 2).sum() / norm**2
        size += (end**2).sum() / norm**2
    gamma = tenth_percentile_of_margins(trained)
    assert spectral_init_main(trained) == pytest.approx(np.log(product * moved / gamma**2), rel=1e-7)
    assert spectral_orig_main(trained) == pytest.approx(np.log(product * size / gamma**2), rel=1e-7)


@settings(deadline=None, max_examples=3)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_scaling_the_last_layer_leaves_the_one_from_the_origin(seed, factor):
    trained = random_network("mlp_2x5", seed)
    scaled = networks.with_last_layer_scaled(trained, factor)
    assert spectral_orig_main(scaled) == pytest.approx(spectral_orig_main(trained), abs=1e-6)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_the_distance_to_the_origin_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(spectral_orig_main, set(), seed)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_the_distance_to_the_initialization_sees_what_moves_the_weights_away_from_it(seed):
    assert_sees_only(spectral_init_main, {"layer_rescaling", "unit_permutation"}, seed)


@pytest.mark.parametrize("measure", BOTH)
def test_is_not_applicable_until_the_training_set_is_fitted(measure):
    with pytest.raises(NotApplicable, match="γ = -4"):
        measure(networks.misclassified())


@pytest.mark.parametrize("measure", BOTH)
def test_is_not_applicable_to_a_layer_of_zeros(measure):
    with pytest.raises(NotApplicable, match="zero"):
        measure(networks.with_a_layer_of_zeros())


def test_is_not_applicable_to_a_network_that_did_not_move():
    trained = networks.by_hand()
    with pytest.raises(NotApplicable, match="initialization"):
        spectral_init_main(dataclasses.replace(trained, init=copy.deepcopy(trained.model)))
