import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.quantities.random_splits import shuffled
from measures.stability.ratt_bound import EPOCHS, ratt_bound
from tests.builders.retraining import assert_sees_no_change_of_the_given_network, memorizing, opinion


def asking(trained):
    """The value, and what was asked for: inputs as numbers, labels, and the limit of epochs."""
    asked = []

    def retrain(inputs, labels, reseed, max_epochs):
        asked.append((inputs[:, 0].long().tolist(), labels.tolist(), max_epochs))
        return trained.retrain_function(inputs, labels, reseed, max_epochs)

    value = ratt_bound(dataclasses.replace(trained, retrain_function=retrain))
    (only,) = asked
    return value, *only


def test_is_k_minus_1_for_a_network_that_fits_all_it_is_given():
    assert ratt_bound(memorizing([0] * 32, opinion([1] * 32, 4))) == pytest.approx(3)


def test_is_0_for_a_network_right_on_all_clean_and_wrong_on_three_quarters_of_random_labels():
    labels = [0] * 40_000
    value = ratt_bound(memorizing(labels, opinion(labels, 4), certainty=0))
    assert value == pytest.approx(0, abs=0.1)  # 10,000 labels: a standard deviation of 4 · √(3/16 / 10,000) = 0.017


def test_is_near_the_error_on_new_examples_for_a_network_that_ignores_the_labels():
    answers = [1] * 10_000 + [0] * 30_000
    value = ratt_bound(memorizing([0] * 40_000, opinion(answers, 4), certainty=0))
    assert value == pytest.approx(1 / 4, abs=0.1)


def test_a_quarter_gets_new_labels_and_training_ends_early():
    trained = memorizing([0, 1] * 50, opinion([0] * 100, 2))
    _, numbers, labels, epochs = asking(trained)
    assert epochs == EPOCHS
    assert numbers == shuffled(trained).tolist()
    changed = [k % 2 != label for k, label in zip(numbers, labels, strict=True)]
    assert not any(changed[24:])
    assert 4 <= sum(changed[:24]) <= 20
    assert asking(trained)[2] == labels


@settings(deadline=None, max_examples=15)
@given(
    st.integers(16, 60).flatmap(lambda n: st.lists(st.tuples(*[st.integers(0, 2)] * 2), min_size=n, max_size=n)),
    st.integers(0, 20),
    st.floats(0, 20),
)
def test_is_the_papers_formula(examples, seed, certainty):
    labels, answers = ([pair[i] for pair in examples] for i in range(2))
    trained = memorizing(labels, opinion(answers, 3), certainty, seed)
    value, numbers, given_labels, _ = asking(trained)
    network = trained.retrain(trained.inputs[numbers], torch.tensor(given_labels))
    wrong = [int(network(trained.inputs[k : k + 1]).argmax()) != y for k, y in zip(numbers, given_labels, strict=True)]
    m, k = 2 * (len(labels) // 8), 3
    clean, random = sum(wrong[m:]) / len(wrong[m:]), sum(wrong[:m]) / m
    assert value == pytest.approx(clean + (k - 1) * (1 - k / (k - 1) * random), abs=1e-9)


def test_does_not_see_the_given_network():
    assert_sees_no_change_of_the_given_network(ratt_bound, seed=1)


def test_15_examples_are_too_few():
    with pytest.raises(NotApplicable, match="15"):
        ratt_bound(memorizing([0] * 15, opinion([0] * 15, 2)))
