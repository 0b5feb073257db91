import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.information.input_information import (
    information,
    input_information,
    input_information_in_class,
    scaled_features,
)
from tests.builders.features import NETWORKS, assert_sees_no_change, labelled_network, model_with_features
from tests.references.layer_inputs import naive_layers

BOTH = [input_information, input_information_in_class]


def test_of_two_examples_at_minus_1_and_1_is_worked_out_by_hand():
    trained = model_with_features(torch.tensor([[-1.0], [1.0]]), [0, 1])  # variance 1, σ² = 0.1, distance² 4
    assert input_information(trained) == pytest.approx(math.log(2) - math.log1p(math.exp(-20)), rel=1e-12)
    assert input_information_in_class(trained) == 0


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 1])
def test_are_the_formulas_pair_by_pair(name, seed):
    trained = labelled_network(name, seed)
    h, y = naive_layers(trained)[-1].numpy(), trained.labels.numpy()
    noise = 0.1 * np.mean([((one - h.mean(axis=0)) ** 2).sum() for one in h])
    for measure, same in ((input_information, np.zeros_like(y)), (input_information_in_class, y)):
        terms = []
        for i in range(len(h)):
            others = [np.exp(-((h[i] - h[j]) ** 2).sum() / 2 / noise) for j in range(len(h)) if same[i] == same[j]]
            terms.append(-np.log(np.mean(others)))
        assert measure(trained) == pytest.approx(np.mean(terms), rel=1e-9)


def test_is_at_least_the_information_by_simulation():
    generator = torch.Generator().manual_seed(0)
    features = 1.5 * torch.randn(6, 2, generator=generator, dtype=torch.float64)
    t = features[:, None] + torch.randn(6, 20000, 2, generator=generator, dtype=torch.float64)
    densities = (-(t[:, :, None] - features).square().sum(dim=3) / 2).exp()  # (6, draws, 6)
    own = torch.stack([densities[i, :, i] for i in range(6)])
    simulated = float((own / densities.mean(dim=2)).log().mean())
    assert simulated <= information(features) <= math.log(6)


@pytest.mark.parametrize("measure", BOTH)
@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_a_shift_and_a_scale_of_the_features_do_not_move_it(measure, seed, factor):
    points = torch.randn(9, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    labels = torch.arange(9) % 3
    moved = model_with_features(factor * (points + 5), labels)
    assert measure(moved) == pytest.approx(measure(model_with_features(points, labels)), rel=1e-6)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_knowing_the_class_leaves_at_most_as_much_and_both_lie_below_the_logarithm_of_the_number(seed):
    trained = labelled_network("mlp_2x5", seed)
    try:
        whole, within = input_information(trained), input_information_in_class(trained)
    except NotApplicable:
        return
    assert 0 <= within <= math.log(7) and 0 <= whole <= math.log(20)


def test_collapsed_classes_leave_the_logarithm_of_their_number_and_nothing_within():
    trained = model_with_features(10 * torch.eye(3).repeat(20, 1), [0, 1, 2] * 20)
    assert scaled_features(trained).shape == (60, 3)
    assert input_information(trained) == pytest.approx(math.log(3), rel=1e-3)
    assert input_information_in_class(trained) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("measure", BOTH)
@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(measure, seed):
    assert_sees_no_change(measure, seed)


@pytest.mark.parametrize("measure", BOTH)
def test_is_not_applicable_to_features_that_are_all_the_same(measure):
    with pytest.raises(NotApplicable, match="the same"):
        measure(model_with_features(torch.ones(3, 2), [0, 1, 1]))
    with pytest.raises(NotApplicable, match="the same"):
        measure(model_with_features(torch.ones(1, 2), [0]))
