import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.margins.adversarial_radius import adversarial_radius, radii_of
from measures.spectral.spectral_norm import spectral_norm
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import NETWORKS, linear_model, randomly_labelled_network
from tests.references.input_derivatives import naive_margin, naive_smallest_flip


def test_of_points_2_and_3_from_a_linear_boundary_is_one_over_two_and_a_half():
    trained = linear_model([[2.0, 2.0], [-1.0, -2.0]], [[2.0, 1.0], [5.0, 0.0]], [0, 0])  # the margin is 3a + 4b
    assert adversarial_radius(trained) == pytest.approx(1 / 2.5, rel=1e-3)


def test_a_misclassified_example_counts_as_zero():
    trained = linear_model([[2.0, 2.0], [-1.0, -2.0]], [[2.0, 1.0], [-5.0, 0.0]], [0, 0])
    assert adversarial_radius(trained) == pytest.approx(1 / 1.0, rel=1e-3)


@pytest.mark.parametrize("kind", NETWORKS)
def test_radii_are_those_of_the_search_written_out_for_each_example(kind):
    trained, naive = randomly_labelled_network(kind), []
    for i in trained.random_order.tolist():
        x, y = trained.inputs[i], int(trained.labels[i])

        def margin(delta, x=x, y=y):
            return naive_margin(trained.model((x + delta.view_as(x))[None])[0], y)

        naive.append(naive_smallest_flip(margin, x.numel()))
    assert radii_of(trained).tolist() == pytest.approx(naive, rel=1e-6)
    finite = [radius for radius in naive if radius < math.inf]
    if len(finite) >= 0.9 * len(naive):
        assert adversarial_radius(trained) == pytest.approx(len(finite) / sum(finite), rel=1e-6)
    else:
        with pytest.raises(NotApplicable, match=f"{len(naive) - len(finite)} of 12"):
            adversarial_radius(trained)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.sampled_from(["mlp_2x8", "convnet_bn"]))
def test_no_radius_is_below_what_the_spectral_norms_guarantee(seed, name):
    trained = random_network(name, seed, size=4)
    guaranteed = trained.margins[trained.random_order] / (2**0.5 * math.exp(spectral_norm(trained)))
    assert bool((radii_of(trained) >= guaranteed).all())


@pytest.mark.parametrize("seed", [3, 4])  # many an untrained network has no boundary near its inputs
def test_sees_the_function_only(seed):
    assert_sees_only(adversarial_radius, set(), seed)


def test_is_not_applicable_where_all_are_misclassified_or_nothing_flips():
    with pytest.raises(NotApplicable, match="misclassified"):
        adversarial_radius(linear_model([[1.0], [-1.0]], [[1.0], [2.0]], [1, 1]))
    constant = linear_model([[0.0], [0.0]], [[1.0], [2.0]], [0, 0])
    constant.model.bias = torch.nn.Parameter(torch.tensor([1.0, 0.0], dtype=torch.float64))
    with pytest.raises(NotApplicable, match="2 of 2"):
        adversarial_radius(constant)
