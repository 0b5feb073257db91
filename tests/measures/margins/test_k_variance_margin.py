import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.margins.k_variance_margin import k_variance, k_variance_margin
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import NETWORKS, fitted_network, linear_model, randomly_labelled_network
from tests.references.input_derivatives import naive_margin


def test_of_pairs_3_and_1_apart_is_their_mean_distance_times_slope_over_the_median_margin():
    # f = (x, −x): margins 1, 4, 2, 3 with slope 2 in x, so 2, 8, 4, 6; classes {1, 4} and {−2, −3}
    trained = linear_model([[1.0], [-1.0]], [[1.0], [4.0], [-2.0], [-3.0]], [0, 0, 1, 1])
    assert k_variance_margin(trained) == pytest.approx((0.5 * 2 * 3 + 0.5 * 2 * 1) / 5, rel=1e-9)


def test_the_steepest_of_a_class_counts_for_all_of_it():
    # margins f₀ − f₂ = 1 with slope 1 at (1, 1), and f₀ − f₁ = 0.4 with slope 5 at (−1.2, 1), 2.2 away
    trained = linear_model([[2.0, 2.0], [-1.0, -2.0], [2.0, 1.0]], [[1.0, 1.0], [-1.2, 1.0]], [0, 0])
    assert k_variance_margin(trained) == pytest.approx(5 * 2.2 / 0.7, rel=1e-6)


@pytest.mark.parametrize("kind", NETWORKS)
def test_is_written_out_with_every_matching_of_two_halves_tried(kind):
    trained = fitted_network(kind)
    order, last, generator = trained.random_order.tolist(), trained.model[-1], trained.generator()
    with torch.no_grad():
        features = trained.model[:-1](trained.inputs)
    normaliser, counted = 0.0, 0
    for c in range(3):
        members = [i for i in order if int(trained.labels[i]) == c]
        if len(members) < 2:
            continue
        slopes, distances = [], []
        for i in members:
            phi = features[i].clone().requires_grad_()
            (slope,) = torch.autograd.grad(naive_margin(last(phi), c), phi)
            slopes.append(float(slope.norm()))
        for _ in range(2):
            shuffled = [members[j] for j in torch.randperm(len(members), generator=generator).tolist()]
            k = len(members) // 2
            one, other = shuffled[:k], shuffled[k : 2 * k]
            apart = torch.stack([torch.stack([(features[a] - features[b]).norm() for b in other]) for a in one])
            distances.append(min(float(apart[range(k), list(p)].mean()) for p in itertools.permutations(range(k))))
        normaliser += len(members) * max(slopes) * float(np.mean(distances))
        counted += len(members)
    expected = normaliser / counted / np.median(trained.margins.numpy())
    assert k_variance_margin(trained) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_k_variance_grows_with_the_features_scale_and_not_with_their_place(seed, factor):
    features = torch.randn(9, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    before = k_variance(features, torch.Generator().manual_seed(1))
    assert k_variance(factor * features + 5, torch.Generator().manual_seed(1)) == pytest.approx(factor * before)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.1, 10))
def test_the_scale_of_the_logits_does_not_matter(seed, factor):
    trained = random_network("mlp_2x5", seed, size=4)
    before = k_variance_margin(trained)
    with torch.no_grad():
        trained.model[-1].weight *= factor
        trained.model[-1].bias *= factor
    scaled = trained_model(trained.model, trained.inputs, trained.labels, seed=seed)
    assert k_variance_margin(scaled) == pytest.approx(before, rel=1e-9)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(k_variance_margin, set(), seed)


def test_is_not_applicable_where_half_are_misclassified():
    with pytest.raises(NotApplicable, match="half are misclassified"):
        k_variance_margin(randomly_labelled_network("mlp"))


def test_is_not_applicable_where_no_class_has_two_members():
    with pytest.raises(NotApplicable, match="vary"):
        k_variance_margin(linear_model([[1.0], [0.0]], [[1.0], [-2.0]], [0, 1]))
