"""Mixed and moved inputs: which examples they are made of, and how."""

import dataclasses

import hypothesis.strategies as st
import torch
from hypothesis import given, settings

from measures.quantities.mixup import class_pairs, mixed_within_classes, moved_by_a_pixel
from tests.builders.models import random_network


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_every_example_with_company_in_its_class_is_first_of_one_pair_and_second_of_one(seed: int) -> None:
    trained = random_network("mlp_1x4", seed)
    pairs = class_pairs(trained)
    counts = trained.labels.bincount()
    paired = {i for i, label in enumerate(trained.labels.tolist()) if counts[label] > 1}
    assert {*pairs[:, 0].tolist()} == {*pairs[:, 1].tolist()} == paired
    assert len(pairs) == len(paired)
    assert torch.equal(trained.labels[pairs[:, 0]], trained.labels[pairs[:, 1]])
    assert not (pairs[:, 0] == pairs[:, 1]).any()


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_pairs_are_the_same_however_the_examples_are_stored_and_fewer_are_the_first_of_them(seed: int) -> None:
    trained = random_network("mlp_1x4", seed)
    stored = torch.randperm(20, generator=torch.Generator().manual_seed(seed))
    shuffled = dataclasses.replace(trained, inputs=trained.inputs[stored], labels=trained.labels[stored])
    assert torch.equal(class_pairs(trained), stored[class_pairs(shuffled)])
    assert torch.equal(class_pairs(trained, 5), class_pairs(trained)[:5])


def test_without_two_of_a_class_there_is_no_pair() -> None:
    trained = random_network("mlp_1x4", 0, num_train=3)
    assert class_pairs(dataclasses.replace(trained, labels=torch.arange(3))).shape == (0, 2)


def test_a_mix_of_a_quarter_lies_a_quarter_of_the_way() -> None:
    trained = random_network("mlp_1x4", 0)
    inputs, labels = mixed_within_classes(trained, 0.25)
    first, second = class_pairs(trained)[3].tolist()
    torch.testing.assert_close(inputs[3], 0.25 * trained.inputs[first] + 0.75 * trained.inputs[second])
    assert labels[3] == trained.labels[first]


def test_a_moved_example_is_shifted_by_one_pixel_and_its_edge_repeated() -> None:
    trained = random_network("mlp_1x4", 0)
    inputs, labels = moved_by_a_pixel(trained)
    first, second, third, fourth = trained.inputs[trained.random_order[:4]]
    assert torch.equal(inputs[0][:, 1:], first[:, :-1])  # its upper row twice: the image moved down
    assert torch.equal(inputs[0][:, 0], first[:, 0])
    assert torch.equal(inputs[1][:, :-1], second[:, 1:])
    assert torch.equal(inputs[2][:, :, 1:], third[:, :, :-1])
    assert torch.equal(inputs[3][:, :, :-1], fourth[:, :, 1:])
    assert torch.equal(labels, trained.labels[trained.random_order])
