import copy
import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.function_space.geometric_complexity import geometric_complexity
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import NETWORKS, linear_model, randomly_labelled_network
from tests.references.input_derivatives import jacobians


def test_of_a_linear_network_is_its_squared_frobenius_norm():
    trained = linear_model([[1.0, 2.0], [3.0, 4.0]], [[1.0, 1.0], [5.0, 0.0]], [0, 1])
    assert geometric_complexity(trained) == pytest.approx(1 + 4 + 9 + 16, rel=1e-12)


@pytest.mark.parametrize("kind", NETWORKS)
def test_is_the_mean_of_squared_entries_of_jacobians_taken_one_by_one(kind):
    trained = randomly_labelled_network(kind)
    expected = sum(float(j.square().sum()) for j in jacobians(trained)) / 12
    assert geometric_complexity(trained) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_grows_with_the_square_of_the_logits_and_falls_with_that_of_the_inputs(seed, factor):
    trained = random_network("mlp_2x5", seed, size=4)
    model = copy.deepcopy(trained.model)
    with torch.no_grad():
        model[-1].weight *= factor
    before = geometric_complexity(trained)
    assert geometric_complexity(dataclasses.replace(trained, model=model)) == pytest.approx(before * factor**2)
    with torch.no_grad():
        model[1].weight /= factor**2
    stretched = dataclasses.replace(trained, model=model, inputs=trained.inputs * factor**2)
    assert geometric_complexity(stretched) == pytest.approx(before * factor**2 / factor**4)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(geometric_complexity, set(), seed)
