import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.controls.train_error import train_error
from measures.quantities import losses
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model


def test_of_one_mistake_among_four_is_a_quarter():
    inputs = [[3.0, 1.0], [1.0, 3.0], [2.0, 1.0], [1.0, 2.0]]
    assert train_error(linear_model([[1.0, 0.0], [0.0, 1.0]], inputs, [0, 1, 1, 1])) == 0.25


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet", "convnet_bn"])
def test_is_the_naive_share_of_examples_whose_largest_logit_is_another(name):
    trained = random_network(name, seed=1, size=4)
    trained = dataclasses.replace(trained, labels=torch.arange(20) % 3)
    wrong = 0
    for image, label in zip(trained.inputs, trained.labels.tolist(), strict=True):
        logits = trained.model(image[None])[0].tolist()
        wrong += logits.index(max(logits)) != label
    assert 0 < wrong
    assert train_error(trained) == wrong / len(trained.labels)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_is_what_losses_say_at_the_trained_parameters(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    trained = dataclasses.replace(trained, labels=torch.zeros_like(trained.labels))
    assert train_error(trained) == losses.train_error(trained, losses.flat_parameters(trained.model))


def test_is_0_for_a_network_that_fits_its_training_set():
    assert train_error(random_network("mlp_2x5", seed=0)) == 0


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(train_error, set(), seed)
