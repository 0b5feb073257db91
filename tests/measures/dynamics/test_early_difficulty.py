import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.dynamics.early_difficulty import el2n_score, grand_score
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, with_snapshots
from tests.builders.small_networks import linear_model, looking_back, small_network, undecided
from tests.references.explicit_gradients import gradients_one_by_one


def test_of_two_classes_at_even_odds_are_the_root_of_a_half_and_of_that_times_the_inputs():
    trained = undecided([[1.0], [3.0]], [0, 0])
    assert el2n_score(trained) == pytest.approx(math.sqrt(1 / 2), rel=1e-12)
    assert grand_score(trained) == pytest.approx(2 * math.sqrt(1 / 2), rel=1e-12)  # inputs 1 and 3, on average 2


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_are_the_papers_scores_example_by_example_of_the_last_early_network(kind):
    trained, first, second = (small_network(kind, seed) for seed in range(3))
    both = with_snapshots(trained, first.model, second.model)
    with torch.no_grad():
        errors = [
            (second.model(x[None])[0].softmax(dim=0) - torch.eye(3, dtype=x.dtype)[y]).norm()
            for x, y in zip(trained.inputs, trained.labels, strict=True)
        ]
    assert el2n_score(both) == pytest.approx(float(sum(errors)) / len(errors), rel=1e-9)
    gradients = gradients_one_by_one(second.model, trained.inputs, trained.labels)
    assert grand_score(both) == pytest.approx(float(gradients.norm(dim=1).mean()), rel=1e-8)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_the_error_is_between_0_and_the_root_of_2(seed, scale):
    trained = random_network("mlp_2x5", seed, size=4)
    right = linear_model([[scale], [-scale]], [[1.0]], [0])
    wrong = linear_model([[scale], [-scale]], [[1.0]], [1])
    for each in (with_snapshots(trained, trained.model), *(with_snapshots(m, m.model) for m in (right, wrong))):
        assert 0 <= el2n_score(each) <= math.sqrt(2) * (1 + 1e-12)


def test_a_network_that_was_fitted_beyond_rounding_finds_nothing_difficult():
    fitted = linear_model([[1e5], [0.0]], [[1.0], [2.0]], [0, 0])
    assert el2n_score(with_snapshots(fitted, fitted.model)) == 0
    assert grand_score(with_snapshots(fitted, fitted.model)) == 0


def test_see_no_change_of_the_trained_network():
    assert_sees_only(looking_back(el2n_score), set(), seed=1)
    assert_sees_only(looking_back(grand_score), set(), seed=1)


def test_need_a_network_from_early_in_training():
    for measure in (el2n_score, grand_score):
        with pytest.raises(NotApplicable, match="no network from early in training"):
            measure(random_network("mlp_2x5", seed=0))
