import dataclasses
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.quantities.hold_out import hold_out
from measures.stability.output_inconsistency import output_inconsistency, output_instability
from measures.stability.seed_disagreement import seed_disagreement
from tests.builders.equivalent_networks import CHANGES
from tests.builders.models import digits_model, random_network, trained_model
from tests.builders.retraining import assert_sees_no_change_of_the_given_network


class Says(nn.Module):
    """Gives every input these log-probabilities."""

    def __init__(self, probabilities):
        super().__init__()
        self.register_buffer("logits", torch.tensor(probabilities, dtype=torch.float64).log())

    def forward(self, x):
        return self.logits.expand(len(x), -1)


def saying(probabilities, count=30):
    """Trained on `trained.inputs` of which the smallest is k, with seed s, the network says probabilities[k > 0][s]."""
    inputs = torch.arange(count, dtype=torch.float64)[:, None]
    return trained_model(
        Says((0.5, 0.5)),
        inputs,
        torch.zeros(count, dtype=torch.int64),
        retrain_function=lambda inputs, labels, reseed: Says(probabilities(inputs, reseed)),
    )


def kl(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def test_inconsistency_of_a_half_against_a_quarter_is_the_mean_divergence():
    said = ((0.5, 0.5), (0.25, 0.75))
    expected = (kl(*said) + kl(*said[::-1])) / 2
    assert output_inconsistency(saying(lambda inputs, seed: said[seed])) == pytest.approx(expected, rel=1e-12)


def test_instability_is_the_divergence_of_the_means_over_seeds():
    trained = saying(None)
    _, kept = hold_out(trained)
    first = set(trained.inputs[kept[: math.ceil(len(kept) / 2)], 0].tolist())
    said = {True: ((0.5, 0.5), (0.3, 0.7)), False: ((0.9, 0.1), (0.8, 0.2))}
    model = saying(lambda inputs, seed: said[float(inputs[0, 0]) in first][seed])
    means = (0.4, 0.6), (0.85, 0.15)
    expected = (kl(*means) + kl(*means[::-1])) / 2
    assert output_instability(model) == pytest.approx(expected, rel=1e-12)


@pytest.mark.slow
@settings(deadline=None, max_examples=10)
@given(st.integers(0, 500), st.integers(0, 500))
def test_are_the_papers_means_over_held_out_inputs_one_by_one(first, second):
    networks = [
        random_network("mlp_2x5", 2000 + each, size=4).model for each in (first, second, first + 501, second + 501)
    ]
    trained = random_network("mlp_2x5", seed=0, size=4)
    held_out, kept = hold_out(trained)
    starts = [half[0] for half in kept.chunk(2)]

    def retrain(inputs, labels, reseed):
        second_half = len(labels) < len(kept) and torch.equal(inputs[0], trained.inputs[starts[1]])
        return networks[2 * second_half + reseed]

    outputs = [[network(trained.inputs[i][None])[0].softmax(dim=0).tolist() for i in held_out] for network in networks]
    seeds = [(kl(p, q) + kl(q, p)) / 2 for p, q in zip(*outputs[:2], strict=True)]
    means = [
        [[(a + b) / 2 for a, b in zip(p, q, strict=True)] for p, q in zip(*pair, strict=True)]
        for pair in (outputs[:2], outputs[2:])
    ]
    sets = [(kl(p, q) + kl(q, p)) / 2 for p, q in zip(*means, strict=True)]
    model = dataclasses.replace(trained, retrain_function=retrain)
    assert output_inconsistency(model) == pytest.approx(sum(seeds) / len(seeds), rel=1e-9, abs=1e-12)
    assert output_instability(model) == pytest.approx(sum(sets) / len(sets), rel=1e-9, abs=1e-12)


def test_are_zero_where_nothing_depends_on_seed_or_examples_and_finite_where_outputs_are_certain():
    same = saying(lambda inputs, seed: (0.2, 0.8))
    assert output_inconsistency(same) == 0
    assert output_instability(same) == pytest.approx(0, abs=1e-12)
    certain = saying(lambda inputs, seed: (1 - 1e-300, 1e-300) if seed else (1e-300, 1.0))
    assert output_inconsistency(certain) == pytest.approx(300 * math.log(10), rel=1e-9)


def test_the_networks_of_inconsistency_are_those_of_seed_disagreement_and_no_set_meets_the_held_out():
    asked = []
    trained = dataclasses.replace(
        random_network("mlp_1x4", seed=0, size=4),
        retrain_function=lambda *given: asked.append(given) or nn.Sequential(nn.Flatten(), nn.Linear(16, 3)).double(),
    )
    for measure in (seed_disagreement, output_inconsistency, output_instability):
        measure(trained)
    for before, after in zip(asked[:2], asked[2:4], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(before[:2], after[:2], strict=True))
        assert before[2] == after[2]
    sets = [{tuple(x.flatten().tolist()) for x in inputs} for inputs, _, _ in asked[4:]]
    held_out = {tuple(trained.inputs[i].flatten().tolist()) for i in hold_out(trained)[0]}
    assert sets[0] == sets[1] and sets[2] == sets[3] and not sets[0] & sets[2]
    assert not held_out & (sets[0] | sets[2])
    assert [seed for _, _, seed in asked[4:]] == [0, 1, 0, 1]


def test_do_not_depend_on_the_given_network():
    for measure in (output_inconsistency, output_instability):
        assert measure.invariant_to == CHANGES.keys()
        assert_sees_no_change_of_the_given_network(measure, seed=1)


def test_need_examples_to_train_on():
    with pytest.raises(NotApplicable, match="1 training example"):
        output_inconsistency(saying(lambda inputs, seed: (0.5, 0.5), count=1))
    with pytest.raises(NotApplicable, match="no two sets"):
        output_instability(saying(lambda inputs, seed: (0.5, 0.5), count=2))


@pytest.mark.slow
def test_are_smaller_for_digits_than_for_digits_with_random_labels():
    natural, random = (digits_model(condition, num_train=100) for condition in ("true_labels", "random_labels"))
    assert output_inconsistency(natural) < output_inconsistency(random)
    assert output_instability(natural) < output_instability(random)
