import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.information.description_length import description_length
from measures.quantities.random_splits import shuffled
from tests.builders.models import digits_model
from tests.builders.retraining import assert_sees_no_change_of_the_given_network, memorizing, opinion


def test_a_network_that_always_guesses_spends_log_k_bits():
    trained = memorizing([k % 4 for k in range(32)], torch.zeros(32, 4).double())
    assert description_length(trained) == pytest.approx(2, rel=1e-12)


def test_a_network_that_knows_all_pays_for_the_first_eighth_only():
    labels = [k % 4 for k in range(32)]
    assert description_length(memorizing(labels, 100 * opinion(labels, 4))) == pytest.approx(2 / 8, rel=1e-12)


def test_a_sure_and_wrong_network_pays_more_than_a_guess():
    trained = memorizing([0] * 32, opinion([1] * 32, 2))
    wrong = (10 + math.log1p(math.exp(-10))) / math.log(2)
    assert description_length(trained) == pytest.approx(1 / 8 + 7 / 8 * wrong, rel=1e-9)


@settings(deadline=None, max_examples=15)
@given(st.integers(16, 60), st.integers(0, 50))
def test_is_the_length_of_the_code_block_by_block(n, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (n,), generator=generator).tolist()
    trained = memorizing(labels, torch.randn(n, 3, generator=generator, dtype=torch.float64), certainty=1, seed=seed)
    order, eighth = shuffled(trained).tolist(), n // 8
    bits = eighth * math.log2(3)
    for known, end in ((eighth, 2 * eighth), (2 * eighth, 4 * eighth), (4 * eighth, n)):
        network = trained.retrain(trained.inputs[order[:known]], trained.labels[order[:known]])
        for k in order[known:end]:
            probabilities = network(trained.inputs[k : k + 1])[0].softmax(dim=0)
            bits -= math.log2(probabilities[labels[k]])
    assert description_length(trained) == pytest.approx(bits / n, rel=1e-9)


def test_does_not_see_the_given_network():
    assert_sees_no_change_of_the_given_network(description_length, seed=1)


def test_15_examples_are_too_few():
    with pytest.raises(NotApplicable, match="15"):
        description_length(memorizing([0] * 15, opinion([0] * 15, 2)))


@pytest.mark.slow
def test_digits_are_shorter_than_by_guessing_and_random_labels_longer():
    natural, random_labels = (
        description_length(digits_model(condition)) for condition in ("true_labels", "random_labels")
    )
    assert natural < math.log2(10) < random_labels
