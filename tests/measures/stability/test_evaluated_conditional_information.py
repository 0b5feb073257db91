import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from sklearn.metrics import mutual_info_score

from measures import NotApplicable
from measures.quantities.random_splits import shuffled
from measures.stability.evaluated_conditional_information import (
    draws,
    evaluated_conditional_information,
    mutual_information,
)
from tests.builders.retraining import assert_sees_no_change_of_the_given_network, memorizing, opinion


def test_what_is_right_only_where_it_was_trained_on_tells_all_there_is_to_tell():
    # Unseen examples are always missed: Δ is 1 or -1 by the member.
    value = evaluated_conditional_information(memorizing([0] * 32, opinion([1] * 32, 2)))
    assert value == pytest.approx(math.log(2), rel=1e-9)


@pytest.mark.parametrize("answers", [[0] * 32, [1] * 32])
def test_what_does_not_hang_on_the_training_set_tells_nothing(answers):
    assert evaluated_conditional_information(memorizing([0] * 32, opinion(answers, 2), certainty=0)) == 0


def test_half_of_the_pairs_with_one_example_that_only_training_gets_right_is_worked_out_by_hand():
    # Of such a pair Δ is 0 where the hard example is in, and 1 or -1 where it is not: the member is told.
    trained = memorizing([0] * 32, opinion([0] * 32, 2))
    order = shuffled(trained)
    hard = set(order[:4].tolist())
    trained = memorizing([0] * 32, opinion([int(k in hard) for k in range(32)], 2))
    assert evaluated_conditional_information(trained) == pytest.approx(math.log(2) / 2, rel=1e-9)


def test_each_example_is_in_the_training_sets_of_half_of_the_networks():
    members, differences = draws(memorizing([0, 1] * 40, opinion([0] * 80, 2)))
    assert members.shape == differences.shape == (6, 20)
    assert members.sum(dim=0).tolist() == [3] * 20
    assert members[0].tolist() == [0] * 20 and members[1].tolist() == [1] * 20
    assert 0 < int(members[2].sum()) < 20


@settings(deadline=None, max_examples=15)
@given(st.integers(16, 60), st.integers(0, 50), st.floats(0, 3))
def test_is_the_mean_of_each_pairs_information_by_scikit_learn(n, seed, certainty):
    generator = torch.Generator().manual_seed(seed)
    opinions = torch.randn(n, 3, generator=generator, dtype=torch.float64)
    trained = memorizing(torch.randint(3, (n,), generator=generator).tolist(), opinions, certainty, seed)
    members, differences = (drawn.numpy() for drawn in draws(trained))
    quarter, order = 2 * (n // 8), shuffled(trained)
    for network in range(6):
        for pair in range(quarter):
            wrong = []
            for side in (0, 1):
                k = int(order[side * quarter + pair])
                logits = opinions[k].clone()
                logits[trained.labels[k]] += certainty * (side == members[network, pair])
                wrong.append(int(logits.argmax() != trained.labels[k]))
            assert differences[network, pair] == wrong[1] - wrong[0]
    informations = [mutual_info_score(members[:, pair], differences[:, pair]) for pair in range(quarter)]
    value = evaluated_conditional_information(trained)
    assert value == pytest.approx(np.mean(informations), rel=1e-9, abs=1e-12)
    assert 0 <= value <= math.log(2) * (1 + 1e-12)


def test_information_of_two_columns_at_once():
    first = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
    second = torch.tensor([[2, 0], [2, 0], [0, 1], [0, 1]])
    assert mutual_information(first, second).tolist() == pytest.approx([math.log(2), 0], abs=1e-12)


def test_does_not_see_the_given_network():
    assert_sees_no_change_of_the_given_network(evaluated_conditional_information, seed=1)


def test_15_examples_are_too_few():
    with pytest.raises(NotApplicable, match="15"):
        evaluated_conditional_information(memorizing([0] * 15, opinion([0] * 15, 2)))
