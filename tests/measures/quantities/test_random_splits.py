import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.quantities.random_splits import eighths, logits_when_trained_on, pairs, shuffled
from tests.builders.models import random_network
from tests.builders.retraining import memorizing, opinion


def recording(n, seed=0):
    """A model of n examples, and the list of what it is asked to retrain on."""
    asked = []
    trained = memorizing([k % 3 for k in range(n)], opinion([0] * n, 3), seed=seed)
    retrain = trained.retrain_function
    object.__setattr__(
        trained,
        "retrain_function",
        lambda inputs, labels, reseed: asked.append(inputs[:, 0].long().tolist()) or retrain(inputs, labels, reseed),
    )
    return trained, asked


@settings(deadline=None, max_examples=10)
@given(st.integers(16, 100), st.integers(0, 50))
def test_the_order_is_of_all_examples_and_another_one_for_another_seed(n, seed):
    order = shuffled(recording(n, seed)[0]).tolist()
    assert sorted(order) == list(range(n))
    assert order == shuffled(recording(n, seed)[0]).tolist()
    assert order != shuffled(recording(n, seed + 1)[0]).tolist()


def test_the_order_is_of_the_examples_however_they_are_stored():
    trained = random_network("mlp_1x2", seed=0, num_train=40)
    stored = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    other = random_network("mlp_1x2", seed=0, num_train=40)
    object.__setattr__(other, "inputs", trained.inputs[stored])
    assert torch.equal(trained.inputs[shuffled(trained)], other.inputs[shuffled(other)])


@settings(deadline=None, max_examples=10)
@given(st.integers(16, 100), st.integers(0, 50))
def test_pairs_are_of_an_example_seen_and_one_not_seen_by_either_network(n, seed):
    trained, asked = recording(n, seed)
    both = pairs(trained)
    quarter = 2 * (n // 8)
    first, second = asked
    assert len(first) == len(second) == quarter
    assert not set(first) & set(second)
    assert first + second == shuffled(trained)[: 2 * quarter].tolist()
    for network, (seen, unseen) in enumerate([(first, second), (second, first)]):
        for place in range(quarter):
            label, other = seen[place] % 3, unseen[place] % 3
            assert both.seen_labels[network, place] == label
            assert both.unseen_labels[network, place] == other
            sure, guessed = both.seen[network, place].tolist(), both.unseen[network, place].tolist()
            assert sure == [10 + 100 * (label == 0), 100 * (label == 1), 100 * (label == 2)]
            assert guessed == [10, 0, 0]


def test_the_same_part_is_trained_on_once():
    trained, asked = recording(40)
    pairs(trained)
    logits_when_trained_on(trained, 0, eighths(trained, 2))
    pairs(trained)
    assert len(asked) == 2
    assert eighths(trained, 2) == 10


def test_15_examples_are_too_few():
    with pytest.raises(NotApplicable, match="15 training examples"):
        shuffled(recording(15)[0])
