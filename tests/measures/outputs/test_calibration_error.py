import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures.outputs.calibration_error import calibration_error
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model


def with_confidences(*confidences, correct):
    """Two classes, the first of them predicted with these probabilities; `correct` says where it is the label."""
    inputs = [[math.log(p / (1 - p)), 0.0] for p in confidences]
    return linear_model([[1.0, 0.0], [0.0, 1.0]], inputs, [int(not right) for right in correct])


def test_two_bins_by_hand():
    # 0.6 falls into (8/15, 9/15], 0.9 and 0.92 into (13/15, 14/15].
    trained = with_confidences(0.599, 0.9, 0.92, correct=[True, True, False])
    assert calibration_error(trained) == pytest.approx((abs(1 - 0.599) + abs(1 - 0.9 - 0.92)) / 3, rel=1e-5)


def test_within_a_bin_confidence_that_is_right_on_average_is_no_error():
    assert calibration_error(with_confidences(0.75, 0.75, 0.75, 0.75, correct=[1, 1, 1, 0])) < 1e-7


def test_too_little_confidence_is_an_error_as_too_much_is():
    assert calibration_error(with_confidences(0.7, correct=[True])) == pytest.approx(0.3, abs=1e-6)
    assert calibration_error(with_confidences(0.7, correct=[False])) == pytest.approx(0.7, abs=1e-6)


def test_a_confidence_of_exactly_5_15ths_belongs_to_the_fifth_bin():
    logits = [[0.0, 0.0, 0.0], [math.log(0.35), math.log(0.325), math.log(0.325)]]
    trained = linear_model(torch.eye(3).tolist(), logits, [1, 0])
    assert calibration_error(trained) == pytest.approx((1 / 3 + 0.65) / 2, rel=1e-6)


def test_certainty_belongs_to_the_last_bin():
    trained = linear_model([[1.0], [0.0]], [[1e4], [1e4]], [0, 1])
    assert calibration_error(trained) == 0.5


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet", "convnet_bn"])
def test_is_the_naive_sum_over_15_bins(name):
    trained = random_network(name, seed=1, size=4)
    trained = dataclasses.replace(trained, labels=torch.arange(20) % 3)  # some are wrong
    bins = {b: [] for b in range(1, 16)}
    for image, label in zip(trained.inputs, trained.labels.tolist(), strict=True):
        p = torch.softmax(trained.model(image[None])[0], dim=0).tolist()
        (inside,) = [b for b in bins if (b - 1) / 15 < max(p) <= b / 15]
        bins[inside].append((float(p.index(max(p)) == label), max(p)))
    expected = 0.0
    for pairs in filter(None, bins.values()):
        share, confidence = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
        expected += len(pairs) / 20 * abs(share - confidence)
    assert calibration_error(trained) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_of_a_network_that_fits_is_1_minus_its_mean_confidence(seed):
    trained = random_network("mlp_2x5", seed, size=4)
    confidence = trained.logits.softmax(dim=1).amax(dim=1).mean().item()
    assert calibration_error(trained) == pytest.approx(1 - confidence, rel=1e-9)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_the_function_only(seed):
    assert_sees_only(calibration_error, set(), seed)
