import copy
import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.outputs.logit_norm import logit_norm
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model


def test_of_logits_of_norm_5_and_13_is_9():
    assert logit_norm(linear_model([[1.0, 0.0], [0.0, 1.0]], [[3.0, 4.0], [5.0, -12.0]], [0, 0])) == 9


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet", "convnet_bn"])
def test_is_the_naive_mean_over_examples(name):
    trained = random_network(name, seed=1, size=4)
    norms = [math.sqrt(sum(z**2 for z in trained.model(image[None])[0].tolist())) for image in trained.inputs]
    assert logit_norm(trained) == pytest.approx(sum(norms) / len(norms), rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_scales_with_the_logits(seed, factor):
    trained = random_network("mlp_2x5", seed, size=4)
    scaled = copy.deepcopy(trained.model)
    with torch.no_grad():
        scaled[-1].weight *= factor
        scaled[-1].bias *= factor
    expected = factor * logit_norm(trained)
    assert logit_norm(dataclasses.replace(trained, model=scaled)) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_only_a_shift_of_the_logits_among_changes_that_leave_the_predictions_as_they_are(seed):
    assert_sees_only(logit_norm, {"logit_shift"}, seed)
