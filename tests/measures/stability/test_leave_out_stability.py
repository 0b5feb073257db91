import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.quantities.hold_out import hold_out
from measures.stability.leave_out_stability import leave_out_stability
from tests.builders.equivalent_networks import CHANGES
from tests.builders.models import digits_model, random_network, trained_model
from tests.builders.retraining import Table


class Constant(nn.Module):
    """Gives every input the same class."""

    def __init__(self, answer, num_classes):
        super().__init__()
        self.answer, self.num_classes = answer, num_classes

    def forward(self, x):
        return nn.functional.one_hot(torch.full((len(x),), self.answer), self.num_classes).double()


def numbered(labels, answers, answers_without, seed=0):
    """Example k has the input k; the network answers with `answers`, retrained with `answers_without`."""
    num_classes = 1 + max(*labels, *answers, *answers_without)
    inputs = torch.arange(len(labels), dtype=torch.float64)[:, None]
    return trained_model(
        Table(answers, num_classes),
        inputs,
        torch.tensor(labels),
        seed=seed,
        retrain_function=lambda inputs, labels, reseed: Table(answers_without, num_classes),
    )


def test_is_1_where_only_the_seen_examples_are_known():
    assert leave_out_stability(numbered([1] * 40, answers=[1] * 40, answers_without=[0] * 40)) == 1


def test_is_0_where_leaving_out_changes_nothing():
    assert leave_out_stability(numbered([1, 0] * 20, answers=[1] * 40, answers_without=[1] * 40)) == 0


def test_is_minus_1_where_the_network_is_wrong_only_on_what_it_saw():
    assert leave_out_stability(numbered([1] * 40, answers=[0] * 40, answers_without=[1] * 40)) == -1


@pytest.mark.slow
@settings(deadline=None)
@given(
    st.integers(2, 60).flatmap(lambda n: st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=n, max_size=n)),
    st.integers(0, 20),
)
def test_is_the_difference_of_two_counts_over_the_held_out_examples(examples, seed):
    labels, answers, answers_without = zip(*examples, strict=True)
    trained = numbered(labels, answers, answers_without, seed)
    held_out = hold_out(trained)[0].tolist()
    lost = sum((answers_without[k] != labels[k]) - (answers[k] != labels[k]) for k in held_out)
    assert leave_out_stability(trained) == pytest.approx(lost / len(held_out), abs=1e-12)


def test_retrains_on_exactly_the_examples_that_are_not_held_out():
    calls = []
    trained = dataclasses.replace(
        random_network("mlp_1x4", seed=0, num_train=25),
        retrain_function=lambda *arguments: calls.append(arguments) or Constant(0, 3),
    )
    leave_out_stability(trained)
    ((inputs, labels, reseed),) = calls
    _, kept = hold_out(trained)
    assert torch.equal(inputs, trained.inputs[kept])
    assert torch.equal(labels, trained.labels[kept])
    assert reseed == 0


@pytest.mark.slow
@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_sees_only_the_function(seed):
    assert leave_out_stability.invariant_to == CHANGES.keys()
    for name, change in CHANGES.items():
        network = "convnet_bn" if name == "batch_norm_folding" or seed % 4 == 0 else "mlp_3x4"
        trained = dataclasses.replace(
            random_network(network, seed, size=4),
            labels=torch.arange(20) % 3,
            retrain_function=lambda inputs, labels, reseed: Constant(1, 3),
        )
        assert leave_out_stability(change(trained, seed)) == leave_out_stability(trained)


def test_one_example_alone_cannot_be_left_out():
    with pytest.raises(NotApplicable, match="1 training example"):
        leave_out_stability(numbered([0], [0], [0]))


@pytest.mark.slow
def test_is_small_for_digits_and_near_chance_for_digits_with_random_labels():
    values = [leave_out_stability(digits_model(condition)) for condition in ("true_labels", "random_labels")]
    assert values[0] <= 0.25
    assert values[1] >= 0.7
