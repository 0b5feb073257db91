import dataclasses
import itertools
import statistics

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings

from measures import NotApplicable
from measures.gradients.gradient_disparity import gradient_disparity, gradient_disparity_rescaled
from measures.quantities import final_gradients as module
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model, small_network, undecided
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.explicit_gradients import gradients_one_by_one


def naive_disparities(trained, batch):
    """Equation 6 pair by pair, the batches being runs of `random_order`, sizes as equal as can be."""
    n = len(trained.labels)
    count = max(2, round(n / batch))
    sizes = [n // count + (number < n % count) for number in range(count)]
    gradients = gradients_one_by_one(trained.model, trained.inputs, trained.labels)
    losses = F.cross_entropy(trained.logits, trained.labels, reduction="none").tolist()
    order, plain, rescaled, start = trained.random_order.tolist(), [], [], 0
    for size in sizes:
        chosen = order[start : start + size]
        start += size
        mean = sum(gradients[i] for i in chosen) / size
        plain.append(mean)
        rescaled.append(mean / statistics.pstdev(losses[i] for i in chosen))
    return tuple(
        statistics.fmean(float((a - b).norm()) for a, b in itertools.combinations(each, 2))
        for each in (plain, rescaled)
    )


def test_of_two_examples_with_gradients_minus_and_plus_a_half_and_three_halves_is_the_root_of_2():
    trained = undecided([[1.0], [3.0]], [0, 0])  # gradients (-1/2, 1/2) and (-3/2, 3/2)
    assert gradient_disparity(trained) == pytest.approx(2**0.5, rel=1e-12)


@pytest.mark.parametrize("batch", [128, 6, 3])
@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_is_the_papers_mean_over_pairs_of_batches(monkeypatch, kind, batch):
    monkeypatch.setattr(module, "BATCH", batch)
    trained = small_network(kind, seed=3)
    plain, rescaled = naive_disparities(trained, batch)
    assert gradient_disparity(trained) == pytest.approx(plain, rel=1e-9)
    assert gradient_disparity_rescaled(trained) == pytest.approx(rescaled, rel=1e-9)


def test_takes_at_most_so_many_batches(monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    monkeypatch.setattr(module, "MOST_BATCHES", 3)
    trained = small_network("mlp", seed=1)
    inputs, labels = trained.sample(6)
    first = dataclasses.replace(trained, inputs=inputs, labels=labels)
    order = trained.random_order[:6]
    first.__dict__["random_order"] = torch.arange(6)
    assert torch.equal(labels, trained.labels[order])
    assert gradient_disparity(trained) == pytest.approx(gradient_disparity(first), rel=1e-12)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.integers(2, 9), st.floats(0.1, 10))
def test_is_zero_of_equal_examples_and_not_negative(seed, count, size):
    alike = linear_model([[0.3, -1.0], [0.7, 0.2]], [[size, 1.0]] * count, [1] * count)
    assert gradient_disparity(alike) == pytest.approx(0, abs=1e-12)
    assert gradient_disparity(random_network("mlp_2x5", seed, size=4)) >= 0


def test_of_examples_that_are_fitted_beyond_rounding_is_zero():
    assert gradient_disparity(linear_model([[1e5], [0.0]], [[1.0], [2.0]], [0, 0])) == 0


def test_see_only_changes_of_the_weights_that_they_are_about():
    for each in (gradient_disparity, gradient_disparity_rescaled):
        assert_sees_only(each, {"layer_rescaling", "batch_norm_folding"}, seed=1)


def test_leave_the_model_as_it_was():
    assert_leaves_all_as_found(gradient_disparity, small_network("convnet_bn", seed=0))


def test_are_not_applicable_to_one_example_nor_rescaled_where_losses_do_not_differ():
    with pytest.raises(NotApplicable, match="no pair of batches"):
        gradient_disparity(undecided([[1.0]], [0]))
    with pytest.raises(NotApplicable, match="losses of a batch are equal"):
        gradient_disparity_rescaled(undecided([[1.0], [2.0], [3.0], [4.0]], [0, 0, 1, 1]))
