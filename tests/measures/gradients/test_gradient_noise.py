import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from measures import NotApplicable
from measures.gradients.gradient_coherence import gradient_diversity
from measures.gradients.gradient_noise import gradient_noise, gradient_noise_scale
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, with_snapshots
from tests.builders.small_networks import looking_back, small_network, undecided
from tests.references.explicit_gradients import gradients_one_by_one


def naive_noise_and_signal(network, trained):
    gradients = gradients_one_by_one(network, trained.inputs, trained.labels)
    mean = gradients.mean(dim=0)
    noise = sum(float((gradient - mean).square().sum()) for gradient in gradients) / len(gradients)
    return noise, float(mean.square().sum())


def test_of_inputs_1_and_3_with_equal_labels_is_a_half_and_the_scale_a_quarter():
    trained = undecided([[1.0], [3.0]], [0, 0])  # gradients (-1/2, 1/2) and (-3/2, 3/2), mean (-1, 1)
    assert gradient_noise(trained) == pytest.approx(1 / 2, rel=1e-12)
    assert gradient_noise_scale(trained) == pytest.approx(1 / 4, rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_equal_the_explicit_variance_and_its_ratio(kind):
    trained, other = small_network(kind, seed=0), small_network(kind, seed=1)
    both = with_snapshots(trained, other.model, trained.model)
    (noise, signal), (other_noise, other_signal) = (
        naive_noise_and_signal(network, trained) for network in (trained.model, other.model)
    )
    assert gradient_noise(both) == pytest.approx(noise, rel=1e-8)
    assert gradient_noise_scale(both) == pytest.approx((noise + other_noise) / (signal + other_signal), rel=1e-8)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_the_scale_at_the_end_of_training_would_be_the_number_of_examples_times_the_diversity_less_one(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    scale = gradient_noise_scale(with_snapshots(trained, trained.model))
    assert scale == pytest.approx(20 * gradient_diversity(trained) - 1, rel=1e-8)


def test_see_only_changes_of_the_weights_that_they_are_about():
    assert_sees_only(looking_back(gradient_noise_scale), set(), seed=1)
    assert_sees_only(gradient_noise, {"layer_rescaling", "batch_norm_folding"}, seed=1)


def test_the_scale_is_not_applicable_without_early_networks_or_where_their_gradients_cancel():
    with pytest.raises(NotApplicable, match="no network from early in training"):
        gradient_noise_scale(random_network("mlp_2x5", seed=0))
    with pytest.raises(NotApplicable, match="zero"):
        gradient_noise_scale(undecided([[1.0], [1.0]], [0, 1]))
