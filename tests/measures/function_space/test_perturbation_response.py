import dataclasses
import itertools

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.function_space.perturbation_response import error_when_mixed, gi_score, pal_score
from measures.quantities.mixup import class_pairs
from tests.builders.equivalent_networks import CHANGES, assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found


def fails_from(share):
    """Inputs 0 and 1 of class 0, right while the share of the other input is below `share`, on either side of 1/2."""
    # 0 mixed with 1 is the share itself, 1 mixed with 0 one minus it: what lies outside [share, 1 − share] is right.
    network = torch.nn.Sequential(torch.nn.Linear(1, 2), torch.nn.ReLU(), torch.nn.Linear(2, 2)).double()
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))
        network[0].bias.copy_(torch.tensor([-0.5, 0.5]))
        network[2].weight.copy_(torch.tensor([[1.0, 1.0], [0.0, 0.0]]))  # |x − 1/2| against the constant 1/2 − share
        network[2].bias.copy_(torch.tensor([0.0, 0.5 - share]))
    template = linear_model([[1.0], [0.0]], [[0.0], [1.0]], [0, 0])
    return dataclasses.replace(template, model=network.eval())


def naive_scores(trained):
    """The cumulative density summed strength by strength and pair by pair."""
    accuracies = []
    for step in range(11):
        share = step / 20
        right = 0
        pairs = class_pairs(trained, 10**6).tolist()
        for i, j in pairs:
            mixed = (1 - share) * trained.inputs[i] + share * trained.inputs[j]
            right += int(trained.model(mixed[None]).argmax()) == int(trained.labels[i])
        accuracies.append(right / len(pairs))
    density = [0.0]
    for before, after in itertools.pairwise(accuracies):
        density.append(density[-1] + (before + after) / 20)

    def area(values):
        return sum((a + b) / 20 for a, b in itertools.pairwise(values))

    weakest = area(density[:2])
    gini = area([step / 10 - p for step, p in enumerate(density)])
    return gini, area(density[4:]) / weakest if weakest else None


def test_a_network_that_no_mixing_disturbs_has_a_gi_score_of_0_and_a_pal_score_of_minus_84():
    robust = fails_from(0.6)
    assert gi_score(robust) == 0
    assert pal_score(robust) == pytest.approx(-84, rel=1e-12)  # ∫ t from 0.4 to 1 is 0.42, from 0 to 0.1 it is 0.005


def test_a_network_that_fails_from_the_half_of_the_strengths_on_loses_an_eighth():
    half = fails_from(0.2501)  # u/2 = 0.25 is right still: errors 0 up to u = 0.5, 1 from 0.6 on
    # lost area: 0 at 0.5, 0.05 at 0.6, then 0.1 more a step; trapezoids of 0.1
    assert gi_score(half) == pytest.approx(0.1 * (0.05 + 0.15 + 0.25 + 0.35 + 0.45 / 2), rel=1e-12)
    assert pal_score(half) == pytest.approx(-(0.42 - gi_score(half)) / 0.005, rel=1e-9)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
@pytest.mark.parametrize("seed", range(3))
def test_are_the_papers_areas_strength_by_strength(kind, seed):
    trained = small_network(kind, seed)
    gini, palma = naive_scores(trained)
    assert gi_score(trained) == pytest.approx(gini, rel=1e-9, abs=1e-12)
    assert pal_score(trained) == pytest.approx(-palma, rel=1e-9)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000))
def test_a_gi_score_lies_between_0_and_a_half_and_the_first_strength_is_no_mixing(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    assert error_when_mixed(trained, 0.0) == 0  # labelled by its own predictions
    assert 0 <= gi_score(trained) <= 0.5
    all_wrong = dataclasses.replace(trained, labels=(trained.labels + 1) % 3)
    assert 0 <= gi_score(all_wrong) <= 0.5


def test_one_class_is_mixed_within_itself():
    trained = random_network("mlp_2x5", seed=1, size=4)
    one = dataclasses.replace(trained, labels=torch.zeros_like(trained.labels))
    gini, _ = naive_scores(one)
    assert gi_score(one) == pytest.approx(gini, rel=1e-9, abs=1e-12)


def test_see_no_change_that_keeps_the_function():
    for measure in (gi_score, pal_score):
        assert measure.invariant_to == CHANGES.keys()
        assert_sees_only(measure, set(), seed=1)


def test_leave_the_model_as_it_was():
    assert_leaves_all_as_found(gi_score, small_network("convnet_bn", seed=0))


def test_have_no_value_without_pairs_nor_pal_score_where_all_is_wrong():
    with pytest.raises(NotApplicable, match="none of 2 training examples"):
        gi_score(linear_model([[1.0], [0.0]], [[1.0], [2.0]], [0, 1]))
    with pytest.raises(NotApplicable, match="no example is classified correctly"):
        pal_score(linear_model([[1.0], [0.0]], [[1.0], [2.0]], [1, 1]))
