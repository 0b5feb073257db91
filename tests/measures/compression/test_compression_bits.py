import collections
import copy
import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.compression.compression_bits import coarsest, compression_bits, entropy
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.models import random_network
from tests.builders.small_networks import linear_model


def test_of_an_identity_matrix_is_a_bit_for_each_of_4_weights():
    trained = linear_model([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]], [0, 1])
    assert compression_bits(trained) == pytest.approx(4 * 1 / 2, rel=1e-12)  # two zeros and two ones; two examples


def test_weights_that_are_not_needed_are_rounded_to_zero():
    needed = linear_model([[1.0, 0.1], [-1.0, 0.1]], [[1.0, 0.0], [-1.0, 0.0]], [0, 1])
    assert compression_bits(needed) == pytest.approx(4 * 1.5 / 2, rel=1e-12)  # 1, 0, -1, 0: shares 1/4, 1/2, 1/4


def naive_bits(trained, scale):
    """Rounded copies of the weights of a network without normalization; None if it misclassifies more than 1%."""
    model, symbols = copy.deepcopy(trained.model), []
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            weights = module.weight.detach().flatten().tolist()
            step = scale * math.sqrt(sum(w * w for w in weights) / len(weights))
            symbols.append([round(w / step) for w in weights])
            with torch.no_grad():
                module.weight.copy_((torch.tensor(symbols[-1]) * step).view_as(module.weight))
    wrong = (model(trained.inputs).argmax(dim=1) != trained.labels).double().mean()
    if wrong > 0.01:
        return None
    bits = 0.0
    for whole_numbers in symbols:
        for count in collections.Counter(whole_numbers).values():
            bits -= count * math.log2(count / len(whole_numbers))
    return bits / len(trained.labels)


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet"])
def test_is_that_of_the_coarsest_scale_tried_one_by_one(name):
    trained = random_network(name, seed=1, size=4)
    halving = next(k for k in range(40) if naive_bits(trained, 4 * 2 ** (-k / 2)) is not None)
    scale, bits = 4 * 2 ** (-halving / 2), naive_bits(trained, 4 * 2 ** (-halving / 2))
    for bisection in range(1, 5):
        wider = naive_bits(trained, scale * 2 ** (0.5 / 2**bisection))
        if wider is not None:
            scale, bits = scale * 2 ** (0.5 / 2**bisection), wider
    assert compression_bits(trained) == pytest.approx(bits, rel=1e-9)


def test_one_in_a_hundred_may_be_misclassified_and_no_more():
    # All but a few examples are told apart by the large weights, those few only by the small ones.
    def with_hard(number, total=200):
        inputs = [[1.0, 0.0], [-1.0, 0.0]] * ((total - number) // 2) + [[0.0, 1.0]] * number
        labels = [0, 1] * ((total - number) // 2) + [1] * number
        return linear_model([[1.0, 0.0], [-1.0, 0.1]], inputs, labels)

    # 1, 0, -1 and a zero; or that zero a one of its own, in steps of a tenth: two bits for each of four.
    assert compression_bits(with_hard(2)) == pytest.approx(4 * 1.5 / 200, rel=1e-9)
    assert compression_bits(with_hard(4)) == pytest.approx(4 * 2 / 200, rel=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.floats(1e-4, 3.9))
def test_finds_the_largest_scale_accepted_to_2_percent(limit):
    found = coarsest(lambda scale: scale <= limit)
    assert found <= limit < found * 1.03


def test_the_coarsest_scale_of_all_is_not_exceeded():
    assert coarsest(lambda scale: True) == 4


@settings(deadline=None, max_examples=10)
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30))
def test_entropy_is_that_of_the_counts(symbols):
    counts = collections.Counter(symbols)
    expected = -sum(c / len(symbols) * math.log2(c / len(symbols)) for c in counts.values())
    assert entropy(torch.tensor(symbols, dtype=torch.float64)) == pytest.approx(expected, abs=1e-12)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_twice_the_examples_share_the_bits(seed):
    trained = random_network("mlp_2x5", seed)
    doubled = dataclasses.replace(trained, inputs=trained.inputs.repeat(2, 1, 1, 1), labels=trained.labels.repeat(2))
    assert compression_bits(doubled) == pytest.approx(compression_bits(trained) / 2, rel=1e-9)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(compression_bits, set(), seed)


def test_is_not_applicable_where_no_scale_will_do():
    with pytest.raises(NotApplicable, match="4e-06 times"):
        coarsest(lambda scale: False)
    trained = random_network("mlp_2x5", seed=1)
    with torch.no_grad():
        trained.model[3].weight.zero_()
    with pytest.raises(NotApplicable, match="all zero"):
        compression_bits(trained)
