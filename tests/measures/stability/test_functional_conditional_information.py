import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.quantities.random_splits import eighths, shuffled
from measures.stability.functional_conditional_information import functional_conditional_information, information
from tests.builders.retraining import assert_sees_no_change_of_the_given_network, memorizing, opinion


def test_membership_told_every_time_is_one_bit():
    value = functional_conditional_information(memorizing([0] * 32, opinion([1] * 32, 2)))
    assert value == pytest.approx(math.sqrt(2 * math.log(2)), rel=1e-9)


def test_equal_losses_tell_nothing():
    # What was seen is raised by nothing, so that either of a pair has the same loss.
    assert functional_conditional_information(memorizing([0] * 32, opinion([0] * 32, 2), certainty=0)) == 0


def test_a_guess_right_3_times_in_4_tells_a_fifth_of_a_bit():
    assert information(3 / 4) / math.log(2) == pytest.approx(0.1887218755, rel=1e-9)  # 1 − h₂(1/4)
    assert information(1 / 4) == pytest.approx(information(3 / 4), rel=1e-12)
    assert information(1 / 2) == 0


@settings(deadline=None, max_examples=15)
@given(st.integers(16, 60), st.integers(0, 50), st.floats(0, 3))
def test_is_the_mutual_information_of_the_comparison_and_the_member_counted_pair_by_pair(n, seed, certainty):
    generator = torch.Generator().manual_seed(seed)
    opinions = torch.randn(n, 3, generator=generator, dtype=torch.float64)
    labels = torch.randint(3, (n,), generator=generator).tolist()
    trained = memorizing(labels, opinions, certainty, seed)
    quarter, order = eighths(trained, 2), shuffled(trained).tolist()
    joint = {(guess, member): 0.0 for guess in (0, 1) for member in (0, 1)}
    for place in range(quarter):
        couple = order[place], order[quarter + place]
        for member in (0, 1):
            losses = []
            for side, k in enumerate(couple):
                logits = opinions[k].tolist()
                logits[labels[k]] += certainty * (side == member)
                losses.append(math.log(sum(map(math.exp, logits))) - logits[labels[k]])
            joint[int(losses[1] < losses[0]), member] += 1 / (2 * quarter)
    right = joint[0, 0] + joint[1, 1]
    # The guess as a symmetric channel: wrong equally often for either member.
    symmetric = {(g, m): (right if g == m else 1 - right) / 2 for g in (0, 1) for m in (0, 1)}
    mutual = sum(p * math.log(p / (1 / 2 * 1 / 2)) for p in symmetric.values() if p > 0)
    value = functional_conditional_information(trained)
    assert value**2 == pytest.approx(2 * mutual, rel=1e-6, abs=1e-9)
    assert 0 <= value <= math.sqrt(2 * math.log(2)) * (1 + 1e-9)


def test_does_not_see_the_given_network():
    assert_sees_no_change_of_the_given_network(functional_conditional_information, seed=1)


def test_15_examples_are_too_few():
    with pytest.raises(NotApplicable, match="15"):
        functional_conditional_information(memorizing([0] * 15, opinion([0] * 15, 2)))
