import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.margins.input_margin import input_margin, input_margin_median
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import NETWORKS, fitted_network, linear_model
from tests.references.input_derivatives import jacobians


def test_of_points_2_and_3_from_a_linear_boundary_is_one_over_the_percentile():
    # the margin of (a, b) is (2 − −1) a + (2 − −2) b = 3a + 4b, with a gradient of norm 5
    trained = linear_model([[2.0, 2.0], [-1.0, -2.0]], [[2.0, 1.0], [5.0, 0.0]], [0, 0])
    assert input_margin(trained) == pytest.approx(1 / 2.1, rel=1e-12)
    assert input_margin_median(trained) == pytest.approx(1 / 2.5, rel=1e-12)


@pytest.mark.parametrize("kind", NETWORKS)
def test_is_one_over_the_percentile_of_distances_taken_one_by_one(kind):
    trained = fitted_network(kind)
    distances = []
    for f, j, y in zip(trained.logits, jacobians(trained), trained.labels.tolist(), strict=True):
        other = max((k for k in range(3) if k != y), key=lambda k: float(f[k]))
        slope = float((j[y] - j[other]).norm())
        distances.append(float(f[y] - f[other]) / slope if slope else np.inf)
    assert input_margin(trained) == pytest.approx(1 / np.quantile(distances, 0.1), rel=1e-9)
    assert input_margin_median(trained) == pytest.approx(1 / np.median(distances), rel=1e-9)


def test_all_of_a_thousand_examples_have_a_distance():
    distances = [1.0] * 50 + [float(k) for k in range(100, 1050)]  # a twentieth is near
    trained = linear_model([[1.0], [-1.0]], [[distance] for distance in distances], [0] * 1000)
    assert input_margin(trained) == pytest.approx(1 / np.quantile(distances, 0.1), rel=1e-9)
    assert input_margin_median(trained) == pytest.approx(1 / np.median(distances), rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_the_scale_of_the_logits_does_not_matter(seed, factor):
    trained = random_network("mlp_2x5", seed, size=4)
    before, before_in_the_middle = input_margin(trained), input_margin_median(trained)
    with torch.no_grad():
        trained.model[-1].weight *= factor
        trained.model[-1].bias *= factor
    after = trained_model(trained.model, trained.inputs, trained.labels)
    assert input_margin(after) == pytest.approx(before, rel=1e-9)
    assert input_margin_median(after) == pytest.approx(before_in_the_middle, rel=1e-9)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(input_margin, set(), seed)
    assert_sees_only(input_margin_median, set(), seed)


@pytest.mark.parametrize("weight, labels", [([[1.0], [0.0]], [1, 1]), ([[0.0], [0.0]], [0, 0])])
def test_is_not_applicable_where_misclassified_or_flat(weight, labels):
    with pytest.raises(NotApplicable, match=r"a share of 0\.1 is misclassified"):
        input_margin(linear_model(weight, [[1.0], [2.0]], labels))
    with pytest.raises(NotApplicable, match=r"a share of 0\.5 is misclassified"):
        input_margin_median(linear_model(weight, [[1.0], [2.0]], labels))


def test_the_median_bears_a_quarter_misclassified_and_the_tenth_does_not():
    trained = linear_model([[1.0], [-1.0]], [[-1.0], [1.0], [2.0], [3.0]], [0] * 4)
    assert input_margin_median(trained) == pytest.approx(1 / 1.5, rel=1e-12)
    with pytest.raises(NotApplicable, match="misclassified"):
        input_margin(trained)
