import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.outputs.brier_score import brier_score
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model


def test_of_3_quarters_for_the_label_and_of_a_quarter_by_hand():
    trained = linear_model([[1.0], [0.0]], [[math.log(3)], [math.log(3)]], [0, 1])
    assert brier_score(trained) == pytest.approx((2 * 0.25**2 + 2 * 0.75**2) / 2, rel=1e-6)


def test_certainty_scores_0_where_right_and_2_where_wrong():
    assert brier_score(linear_model([[1.0], [0.0]], [[1e4]], [0])) == 0
    assert brier_score(linear_model([[1.0], [0.0]], [[1e4]], [1])) == 2


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet", "convnet_bn"])
def test_is_the_naive_sum_over_examples_and_classes(name):
    trained = random_network(name, seed=1, size=4)
    trained = dataclasses.replace(trained, labels=torch.arange(20) % 3)
    total = 0.0
    for image, label in zip(trained.inputs, trained.labels.tolist(), strict=True):
        logits = trained.model(image[None])[0].tolist()
        norm = sum(math.exp(z) for z in logits)
        total += sum((math.exp(z) / norm - (k == label)) ** 2 for k, z in enumerate(logits))
    assert brier_score(trained) == pytest.approx(total / 20, rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_lies_between_0_and_2_and_is_lower_for_the_predicted_labels_than_for_any_other(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    others = dataclasses.replace(trained, labels=(trained.labels + 1) % 3)
    assert 0 <= brier_score(trained) < brier_score(others) <= 2


def test_a_number_of_classes_without_examples_is_no_obstacle():
    trained = random_network("mlp_2x5", seed=0)
    assert brier_score(dataclasses.replace(trained, labels=torch.zeros_like(trained.labels))) > 0


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(brier_score, set(), seed)
