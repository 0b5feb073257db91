import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.margins.hidden_margin import hidden_margin
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import NETWORKS, fitted_network, linear_model, randomly_labelled_network
from tests.references.input_derivatives import naive_normalised_margins


def test_of_one_layer_is_the_log_of_the_deviation_over_the_distance():
    # inputs 1, 2 and 6: distance to the boundary at 0 has median 2, the inputs' variance is 14/3
    trained = linear_model([[5.0], [-5.0]], [[1.0], [2.0], [6.0]], [0, 0, 0])
    assert hidden_margin(trained) == pytest.approx(math.log((14 / 3) ** 0.5 / 2), rel=1e-9)


@pytest.mark.parametrize("kind", NETWORKS)
def test_is_the_mean_log_median_of_margins_taken_one_by_one(kind):
    trained = fitted_network(kind)
    layers = naive_normalised_margins(trained.model, trained.inputs, trained.labels)
    assert len(layers) == 3
    assert hidden_margin(trained) == pytest.approx(-np.mean([np.log(np.median(d)) for d in layers]), rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_the_scale_of_the_logits_does_not_matter(seed, factor):
    trained = random_network("mlp_2x5", seed, size=4)
    before = hidden_margin(trained)
    with torch.no_grad():
        trained.model[-1].weight *= factor
        trained.model[-1].bias *= factor
    after = hidden_margin(trained_model(trained.model, trained.inputs, trained.labels))
    assert after == pytest.approx(before, rel=1e-9)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(hidden_margin, set(), seed)


def test_is_not_applicable_where_half_are_misclassified():
    trained = randomly_labelled_network("mlp")
    assert float(trained.margins.median()) < 0
    with pytest.raises(NotApplicable, match="median margin is -"):
        hidden_margin(trained)
