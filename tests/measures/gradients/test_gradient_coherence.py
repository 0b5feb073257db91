import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.gradients.gradient_coherence import gradient_coherence, gradient_diversity
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, with_snapshots
from tests.builders.small_networks import looking_back, small_network, undecided
from tests.references.explicit_gradients import gradients_one_by_one


def naive_coherence(network, trained):
    gradients = gradients_one_by_one(network, trained.inputs, trained.labels)
    return float(gradients.sum(dim=0).square().sum() / gradients.square().sum())


def test_equal_examples_are_as_coherent_as_they_are_many():
    assert gradient_coherence(undecided([[1.0, 2.0]] * 3, [0, 0, 0])) == pytest.approx(-3, rel=1e-12)
    assert gradient_diversity(undecided([[1.0, 2.0]] * 3, [0, 0, 0])) == pytest.approx(1 / 3, rel=1e-12)


def test_orthogonal_examples_have_coherence_and_diversity_1():
    trained = undecided([[1.0, 0.0], [0.0, 3.0]], [0, 1])
    assert gradient_coherence(trained) == pytest.approx(-1, rel=1e-12)
    assert gradient_diversity(trained) == pytest.approx(1, rel=1e-12)


def test_examples_of_lengths_1_and_2_that_agree_have_diversity_five_ninths():
    assert gradient_diversity(undecided([[1.0], [2.0]], [0, 0])) == pytest.approx(5 / 9, rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_equal_the_ratio_of_explicit_sums(kind):
    trained, other = small_network(kind, seed=0), small_network(kind, seed=1)
    both = with_snapshots(trained, other.model, trained.model)
    largest = max(naive_coherence(network, trained) for network in (other.model, trained.model))
    assert gradient_coherence(both) == pytest.approx(-largest, rel=1e-8)
    assert gradient_diversity(both) == pytest.approx(1 / naive_coherence(trained.model, trained), rel=1e-8)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_coherence_is_at_most_the_number_of_examples_of_the_sample(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    assert -len(trained.labels) * (1 + 1e-9) <= gradient_coherence(with_snapshots(trained, trained.init)) <= 0


def test_see_only_changes_of_the_weights_that_they_are_about():
    assert_sees_only(looking_back(gradient_coherence), set(), seed=1)
    assert_sees_only(gradient_diversity, {"layer_rescaling", "batch_norm_folding"}, seed=1)


def test_is_not_applicable_without_a_network_from_early_in_training():
    with pytest.raises(NotApplicable, match="no network from early in training"):
        gradient_coherence(random_network("mlp_2x5", seed=0))


def test_diversity_is_not_applicable_where_the_gradients_cancel():
    with pytest.raises(NotApplicable, match="sum to zero"):
        gradient_diversity(undecided([[1.0], [1.0]], [0, 1]))


def test_the_initial_network_is_not_among_the_early_ones():
    trained = undecided([[1.0], [2.0]], [0, 0])
    with torch.no_grad():
        trained.init.weight[0] += 1
    assert gradient_coherence(trained) == pytest.approx(-9 / 5, rel=1e-12)
