import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.gradients.first_epoch_gradient_noise import first_epoch_gradient_noise
from measures.gradients.gradient_noise import gradient_noise
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, with_snapshots
from tests.builders.small_networks import looking_back, small_network, undecided
from tests.references.explicit_gradients import gradients_one_by_one


def test_of_inputs_1_and_3_with_equal_labels_is_a_half():
    trained = undecided([[1.0], [3.0]], [0, 0])  # gradients (-1/2, 1/2) and (-3/2, 3/2), mean (-1, 1)
    assert first_epoch_gradient_noise(trained) == pytest.approx(1 / 2, rel=1e-12)


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_is_the_explicit_variance_at_the_end_of_the_first_epoch_alone(kind):
    trained, early, later = (small_network(kind, seed) for seed in range(3))
    gradients = gradients_one_by_one(early.model, trained.inputs, trained.labels)
    expected = sum(float((g - gradients.mean(dim=0)).square().sum()) for g in gradients) / len(gradients)
    assert first_epoch_gradient_noise(with_snapshots(trained, early.model, later.model)) == pytest.approx(
        expected, rel=1e-8
    )


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_of_a_network_that_did_not_change_since_is_gradient_noise(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    assert first_epoch_gradient_noise(with_snapshots(trained, trained.model)) == pytest.approx(
        gradient_noise(trained), rel=1e-7, abs=1e-12
    )


def test_of_one_example_is_zero():
    assert first_epoch_gradient_noise(undecided([[2.0]], [0])) == pytest.approx(0, abs=1e-12)


def test_sees_no_change_of_the_trained_network():
    assert_sees_only(looking_back(first_epoch_gradient_noise), set(), seed=1)


def test_needs_the_network_of_the_first_epochs_end():
    trained = random_network("mlp_2x5", seed=0)
    with pytest.raises(NotApplicable, match="no network from early in training"):
        first_epoch_gradient_noise(trained)
    kept = with_snapshots(trained, trained.model)
    late = dataclasses.replace(kept.history, snapshot_epochs=torch.tensor([4]))
    with pytest.raises(NotApplicable, match="end of epoch 4"):
        first_epoch_gradient_noise(dataclasses.replace(kept, history=late))
