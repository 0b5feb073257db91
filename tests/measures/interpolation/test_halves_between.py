import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.interpolation.halves_between import halves_between
from measures.quantities.random_splits import shuffled
from tests.builders.equivalent_networks import CHANGES
from tests.builders.models import trained_model


class Rounded(torch.nn.Module):
    """Class 1 where the input times 2 is an odd number, else 0; `always`: that class, everywhere."""

    def __init__(self, always=None):
        super().__init__()
        self.always = always

    def forward(self, x):
        told = (2 * x[:, 0]).round().long() % 2 if self.always is None else torch.full((len(x),), self.always)
        return torch.nn.functional.one_hot(told, 2).double()


def numbered(n, networks, seed=0):
    """Example k has the input k. The networks are what retraining gives, one after the other; noted what on."""
    asked = []

    def retrain(inputs, labels, reseed):
        asked.append(inputs[:, 0].tolist())
        return networks[len(asked) - 1]

    inputs = torch.arange(n, dtype=torch.float64)[:, None]
    trained = trained_model(
        Rounded(0), inputs, torch.zeros(n, dtype=torch.int64), num_classes=2, seed=seed, retrain_function=retrain
    )
    return trained, asked


def test_by_hand_networks_that_never_agree_and_that_always_do():
    assert halves_between(numbered(32, [Rounded(0), Rounded(1)])[0]) == 1
    assert halves_between(numbered(32, [Rounded(1), Rounded(1)])[0]) == 0


@settings(deadline=None, max_examples=10)
@given(st.integers(16, 80), st.integers(0, 50))
def test_the_points_are_halfway_from_each_of_one_half_to_its_nearest_of_the_other(n, seed):
    trained, asked = numbered(n, [Rounded(), Rounded(0)], seed)
    half = 4 * (n // 8)
    order = shuffled(trained).tolist()
    first, second = order[:half], order[half : 2 * half]
    odd = 0
    for i in first:
        nearest = min(second, key=lambda j: abs(i - j))  # the first of two
        odd += (i + nearest) % 2
    assert halves_between(trained) == pytest.approx(odd / half)
    assert [sorted(part) for part in asked] == [sorted(first), sorted(second)]


def test_it_declares_what_every_measure_of_retrained_networks_does():
    assert halves_between.invariant_to == CHANGES.keys()
    assert halves_between.cost == "retrain"


def test_too_few_examples_are_not_applicable():
    with pytest.raises(NotApplicable, match="at least 16"):
        halves_between(numbered(15, [Rounded(0), Rounded(1)])[0])
