import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.interpolation._midpoints import PAIRS, midpoints, of_either_label
from tests.builders.models import random_network, trained_model


def on_a_line(places, labels, weights=((1.0,), (-1.0,))):
    """Examples on a line, and a linear network of them: the logits are the weights times the place."""
    network = torch.nn.Linear(1, len(weights), bias=False, dtype=torch.float64)
    with torch.no_grad():
        network.weight.copy_(torch.tensor(weights, dtype=torch.float64))
    return trained_model(
        network, torch.tensor(places, dtype=torch.float64)[:, None], torch.tensor(labels), num_classes=len(weights)
    )


def test_each_example_is_paired_with_its_nearest_other_whatever_the_label():
    trained = on_a_line([0.0, 1.0, 3.0, 7.0], [0, 1, 0, 1])
    found = midpoints(trained)
    assert dict(zip(found.one.tolist(), found.other.tolist(), strict=True)) == {0: 1, 1: 0, 2: 1, 3: 2}


def test_the_logits_are_the_networks_halfway():
    trained = on_a_line([0.0, 1.0, 3.0, 7.0], [0, 1, 0, 1])
    found = midpoints(trained)
    halfway = {0: 0.5, 1: 0.5, 2: 2.0, 3: 5.0}
    for i, logits in zip(found.one.tolist(), found.logits.tolist(), strict=True):
        assert logits == [halfway[i], -halfway[i]]


def test_of_many_examples_the_first_of_the_random_order_are_taken_and_their_nearest_is_sought_among_all():
    generator = torch.Generator().manual_seed(0)
    places = torch.randn(PAIRS + 200, generator=generator, dtype=torch.float64)
    trained = on_a_line(places.tolist(), [0, 1] * (len(places) // 2))
    found = midpoints(trained)
    assert torch.equal(found.one, trained.random_order[:PAIRS])
    distances = (places[:, None] - places[None, :]).abs().fill_diagonal_(torch.inf)
    assert torch.equal(found.other, distances.argmin(dim=1)[found.one])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 6), st.integers(2, 5))
def test_the_sum_over_both_labels_counts_each_once(seed, m, num_classes):
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(m, num_classes, generator=generator, dtype=torch.float64)
    labels, others = (torch.randint(num_classes, (m,), generator=generator) for _ in range(2))
    expected = [sum(values[row, k] for k in {int(labels[row]), int(others[row])}) for row in range(m)]
    torch.testing.assert_close(of_either_label(values, labels, others), torch.stack(expected))


def test_one_example_has_no_midpoint_and_one_logit_no_other_label():
    with pytest.raises(NotApplicable, match="no neighbour"):
        midpoints(on_a_line([1.0], [0]))
    with pytest.raises(NotApplicable, match="one logit"):
        midpoints(on_a_line([1.0, 2.0], [0, 0], weights=((1.0,),)))


def test_the_model_is_left_as_it_was():
    trained = random_network("convnet", 3, num_train=20, size=4)
    before = {name: value.clone() for name, value in trained.model.state_dict().items()}
    inputs = trained.inputs.clone()
    midpoints(trained)
    assert torch.equal(trained.inputs, inputs)
    assert all(torch.equal(before[name], value) for name, value in trained.model.state_dict().items())
    assert dataclasses.is_dataclass(midpoints(trained)) and midpoints(trained) is midpoints(trained)
