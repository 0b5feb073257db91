"""What a measure receives: samples, snapshots, hidden features, and what measures share."""

import dataclasses

import hypothesis.strategies as st
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from torch import nn

from measures.errors import NotApplicable
from measures.history import flat_state
from measures.seeding import seeded_generator
from measures.trained_model import margins_of
from tests.builders.models import random_network, trained_model, with_snapshots


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_the_random_order_takes_the_same_examples_however_they_are_stored(seed: int) -> None:
    trained = random_network("mlp_1x4", seed)
    stored = torch.randperm(20, generator=torch.Generator().manual_seed(seed))
    shuffled = dataclasses.replace(trained, inputs=trained.inputs[stored], labels=trained.labels[stored])
    assert torch.equal(trained.inputs[trained.random_order], shuffled.inputs[shuffled.random_order])
    assert sorted(trained.random_order.tolist()) == list(range(20))


def test_the_beginning_of_the_random_order_is_a_fair_sample() -> None:
    trained = random_network("mlp_1x4", 0, num_train=2000)
    direction = torch.randn(36, generator=seeded_generator(0, "order"), dtype=torch.float64)
    projections = trained.inputs.flatten(1) @ direction
    sample = projections[trained.random_order[:400]]
    assert abs(float(sample.mean() - projections.mean())) < 4 * float(projections.std()) / 20
    assert float(sample.std() / projections.std()) == pytest.approx(1, abs=0.15)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.integers(1, 30))
def test_a_sample_is_the_beginning_of_the_random_order_with_its_labels(seed: int, count: int) -> None:
    trained = random_network("mlp_1x4", seed)
    inputs, labels = trained.sample(count)
    assert len(inputs) == len(labels) == min(count, 20)
    for place, (x, y) in enumerate(zip(inputs, labels, strict=True)):
        example = int(trained.random_order[place])
        assert torch.equal(x, trained.inputs[example])
        assert y == trained.labels[example]


@pytest.mark.parametrize("values", [1, 2, 1000])
def test_the_random_order_has_equal_inputs_with_the_same_labels_however_they_are_stored(values: int) -> None:
    """Of few values most inputs are equal to others, with other labels; with a thousand none is."""
    trained, generator = random_network("mlp_1x4", 0), torch.Generator().manual_seed(0)
    inputs = torch.randint(values, (20, 2), generator=generator).double() / 3
    trained = dataclasses.replace(
        trained,
        inputs=torch.cat([inputs, torch.ones(20, 34, dtype=torch.float64)], dim=1).view(20, 1, 6, 6),
        labels=torch.arange(20) % 3,
    )
    stored = torch.randperm(20, generator=generator)
    shuffled = dataclasses.replace(trained, inputs=trained.inputs[stored], labels=trained.labels[stored])
    for one, other in zip(trained.sample(20), shuffled.sample(20), strict=True):
        assert torch.equal(one, other)


def test_the_random_order_of_inputs_that_all_differ_is_that_of_their_projections() -> None:
    """To the bit: values that are recorded depend on it."""
    trained = random_network("mlp_1x4", 0)
    direction = torch.randn(36, generator=(generator := seeded_generator(0, "order")), dtype=torch.float64)
    ranked = torch.argsort(trained.inputs.flatten(1) @ direction)
    assert torch.equal(trained.random_order, ranked[torch.randperm(20, generator=generator)])


@pytest.mark.parametrize("count", [1, 5, 20])
def test_a_sample_is_of_the_same_examples_however_they_are_stored(count: int) -> None:
    trained = random_network("mlp_1x4", 0)
    stored = torch.randperm(20, generator=torch.Generator().manual_seed(1))
    shuffled = dataclasses.replace(trained, inputs=trained.inputs[stored], labels=trained.labels[stored])
    for one, other in zip(trained.sample(count), shuffled.sample(count), strict=True):
        assert len(one) == count
        assert torch.equal(one, other)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=5), st.integers(0, 2))
def test_a_margin_is_the_label_s_logit_less_the_largest_of_the_others(logits: list[list[int]], label: int) -> None:
    expected = [row[label] - max(row[:label] + row[label + 1 :]) for row in logits]
    found = margins_of(torch.tensor(logits, dtype=torch.float64), torch.full((len(logits),), label))
    assert found.tolist() == expected


def test_another_seed_gives_another_random_order() -> None:
    trained = random_network("mlp_1x4", 0)
    assert not torch.equal(trained.random_order, dataclasses.replace(trained, seed=1).random_order)


def test_snapshots_are_networks_and_leave_init_alone() -> None:
    trained = random_network("convnet_bn", 0)
    before = flat_state(trained.init)
    snapped = with_snapshots(trained, trained.init, trained.model)
    (one, first), (two, last) = snapped.snapshots
    assert (one, two) == (1, 2)
    assert torch.equal(first(trained.inputs), trained.init(trained.inputs))
    assert torch.equal(last(trained.inputs), trained.model(trained.inputs))
    assert torch.equal(flat_state(trained.init), before)
    assert trained.snapshots == ()


def test_a_snapshot_that_float16_could_not_hold_is_said() -> None:
    trained = random_network("convnet_bn", 0)
    history = with_snapshots(trained, trained.init, trained.model).history
    history.snapshots[1, :2] = torch.tensor(1e5).half()
    snapped = dataclasses.replace(trained, history=history)
    with pytest.raises(NotApplicable, match=r"end of epoch 2, 2 of \d+ numbers are not finite: .* float16"):
        _ = snapped.snapshots


def test_hidden_features_are_what_each_layer_but_the_first_receives() -> None:
    trained = random_network("mlp_2x5", 0)
    flatten, first, relu, second, _, last = trained.model
    one = relu(first(flatten(trained.inputs)))
    two = relu(second(one))
    assert [features.tolist() for features in trained.hidden_features] == [one.tolist(), two.tolist()]
    assert torch.equal(trained.hidden_features[-1], trained.features)
    assert torch.equal(last(trained.features), trained.logits)


def test_large_feature_maps_are_averaged_to_4x4() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(108, 2))
    inputs = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    maps, flat = trained_model(network, inputs, torch.zeros(5, dtype=torch.int64)).hidden_features
    expected = F.avg_pool2d(network[:2](inputs), 2).flatten(1)
    torch.testing.assert_close(maps, expected.detach())
    assert flat.shape == (5, 108)
