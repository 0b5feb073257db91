import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures.controls.train_loss import train_loss
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network, trained_model


def with_logits(rows, labels):
    """A network that returns its inputs."""
    inputs = torch.tensor(rows, dtype=torch.float64)
    return trained_model(nn.Identity(), inputs, torch.tensor(labels))


def test_equal_logits_for_4_classes_cost_log_4():
    assert train_loss(with_logits([[0.0] * 4, [2.0] * 4], [0, 3])) == pytest.approx(math.log(4), rel=1e-12)


def test_odds_of_3_to_1_for_and_against_the_label_cost_log_4_thirds_and_log_4():
    rows = [[math.log(3), 0.0], [math.log(3), 0.0]]
    assert train_loss(with_logits(rows, [0, 1])) == pytest.approx((math.log(4 / 3) + math.log(4)) / 2, rel=1e-12)


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet", "convnet_bn"])
def test_is_the_mean_surprise_at_the_labels_taken_one_by_one(name):
    trained = random_network(name, seed=1)
    surprises = []
    for logits, label in zip(trained.logits.tolist(), trained.labels.tolist(), strict=True):
        surprises.append(-math.log(math.exp(logits[label]) / sum(math.exp(value) for value in logits)))
    assert train_loss(trained) == pytest.approx(sum(surprises) / len(surprises), rel=1e-10)


def test_a_loss_below_the_resolution_of_float32_is_not_0():
    trained = trained_model(nn.Identity(), torch.tensor([[20.0, 0.0]]), torch.tensor([0]))
    assert train_loss(trained) == pytest.approx(math.exp(-20), rel=1e-6)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(train_loss, set(), seed)
