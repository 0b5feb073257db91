import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.outputs.negative_entropy import negative_entropy
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model


def with_logits(*rows):
    """A network whose logits are these."""
    eye = torch.eye(len(rows[0])).tolist()
    return linear_model(eye, [list(row) for row in rows], [0] * len(rows))


def test_of_a_half_and_a_half_and_of_3_quarters_and_a_quarter_by_hand():
    entropies = math.log(2), -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
    assert negative_entropy(with_logits((1.0, 1.0), (math.log(3), 0.0))) == pytest.approx(-sum(entropies) / 2, rel=1e-6)


def test_of_equal_logits_is_its_lowest_and_of_certainty_its_highest():
    assert negative_entropy(with_logits((5.0,) * 10)) == pytest.approx(-math.log(10), rel=1e-12)
    assert negative_entropy(with_logits((1e5, 0.0, 0.0))) == 0


def test_a_network_that_is_surer_of_itself_has_more_of_it():
    assert negative_entropy(with_logits((3.0, 0.0))) > negative_entropy(with_logits((1.0, 0.0)))


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet", "convnet_bn"])
def test_is_the_naive_sum_of_p_log_p_example_by_example(name):
    trained = random_network(name, seed=1, size=4)
    total = 0.0
    for image in trained.inputs:
        logits = trained.model(image[None])[0].tolist()
        norm = sum(math.exp(z) for z in logits)
        total += sum(math.exp(z) / norm * math.log(math.exp(z) / norm) for z in logits)
    assert negative_entropy(trained) == pytest.approx(total / len(trained.inputs), rel=1e-9)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(negative_entropy, set(), seed)
