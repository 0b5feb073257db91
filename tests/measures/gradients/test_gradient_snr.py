import dataclasses

import pytest

from measures import NotApplicable
from measures.gradients.gradient_snr import gradient_snr
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, with_snapshots
from tests.builders.small_networks import looking_back, small_network, undecided
from tests.references.explicit_gradients import gradients_one_by_one


def naive_ratio(network, trained):
    ratios = []
    for column in gradients_one_by_one(network, trained.inputs, trained.labels).T:
        variance = float((column - column.mean()).square().mean())
        if variance > 1e-20:
            ratios.append(float(column.mean()) ** 2 / variance)
    return sum(ratios) / len(ratios)


def test_of_inputs_1_and_3_with_equal_labels_it_is_4():
    # Derivatives are half of that: mean 1, variance 1/4, for both weights.
    assert gradient_snr(undecided([[1.0], [3.0]], [0, 0])) == pytest.approx(-4, rel=1e-12)


def test_of_inputs_1_and_3_with_different_labels_it_is_a_quarter():
    assert gradient_snr(undecided([[1.0], [3.0]], [0, 1])) == pytest.approx(-1 / 4, rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet_bn"])
def test_equals_the_largest_of_the_explicit_means(kind):
    trained, other = small_network(kind, seed=0), small_network(kind, seed=1)
    largest = max(naive_ratio(network, trained) for network in (trained.model, other.model))
    assert gradient_snr(with_snapshots(trained, other.model, trained.model)) == pytest.approx(-largest, rel=1e-6)


def test_does_not_see_the_weights_at_the_end():
    assert_sees_only(looking_back(gradient_snr), set(), seed=1)


def test_is_not_applicable_without_a_network_from_early_in_training():
    with pytest.raises(NotApplicable, match="no network from early in training"):
        gradient_snr(random_network("mlp_2x5", seed=0))


def test_gradients_that_are_equal_for_all_examples_have_no_noise_to_compare_with():
    trained = random_network("mlp_1x5", 0, num_train=4)
    equal = dataclasses.replace(
        trained, inputs=trained.inputs[:1].repeat(4, 1, 1, 1), labels=trained.labels[:1].repeat(4)
    )
    with pytest.raises(NotApplicable, match="signal over no noise"):
        gradient_snr(with_snapshots(equal, trained.init))
