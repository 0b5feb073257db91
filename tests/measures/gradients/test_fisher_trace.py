import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.gradients.fisher_trace import early_fisher_trace, fisher_trace
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, with_snapshots
from tests.builders.small_networks import looking_back, random_linear_model, small_network, undecided
from tests.references.explicit_gradients import gradients_one_by_one


def naive_trace(network, trained):
    """Every example with every label in turn, weighted by its probability."""
    total = 0.0
    probabilities = network(trained.inputs).detach().softmax(dim=1)
    for label in range(trained.num_classes):
        labels = torch.full_like(trained.labels, label)
        norms = gradients_one_by_one(network, trained.inputs, labels).square().sum(dim=1)
        total += float((probabilities[:, label] * norms).mean())
    return total


def test_of_two_classes_that_tie_is_half_the_inputs_mean_square_whatever_the_labels():
    for labels in ([0, 0], [0, 1]):
        trained = undecided([[3.0, 4.0], [0.0, 1.0]], labels)
        assert fisher_trace(trained) == pytest.approx((25 + 1) / 2 / 2, rel=1e-12)
        assert early_fisher_trace(trained) == pytest.approx((25 + 1) / 2 / 2, rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_equal_the_explicit_expectation_and_the_largest_of_the_early_ones(kind):
    trained, other = small_network(kind, seed=0), small_network(kind, seed=1)
    both = with_snapshots(trained, other.model, trained.model)
    at_end, before = naive_trace(trained.model, trained), naive_trace(other.model, trained)
    assert fisher_trace(both) == pytest.approx(at_end, rel=1e-8)
    assert early_fisher_trace(both) == pytest.approx(max(at_end, before), rel=1e-8)


def test_all_of_three_hundred_examples_are_counted():
    trained = random_linear_model(0, num_train=300)
    expected = naive_trace(trained.model, trained)
    assert fisher_trace(trained) == pytest.approx(expected, rel=1e-8)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_does_not_depend_on_the_labels(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    before = fisher_trace(trained)
    trained.shared.clear()
    trained.labels.add_(1).remainder_(3)
    assert fisher_trace(trained) == before


def test_see_only_changes_of_the_weights_that_they_are_about():
    assert_sees_only(looking_back(early_fisher_trace), set(), seed=1)
    assert_sees_only(fisher_trace, {"layer_rescaling", "batch_norm_folding"}, seed=1)


def test_the_early_one_is_not_applicable_without_a_network_from_early_in_training():
    with pytest.raises(NotApplicable, match="no network from early in training"):
        early_fisher_trace(random_network("mlp_2x5", seed=0))
