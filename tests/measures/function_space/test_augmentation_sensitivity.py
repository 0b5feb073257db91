import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from measures import NotApplicable
from measures.function_space.augmentation_sensitivity import PENALTIES, augmentation_sensitivity, augmentations
from tests.builders.equivalent_networks import CHANGES, assert_sees_only
from tests.builders.models import random_network, trained_model
from tests.builders.small_networks import small_network
from tests.measures.left_as_found import assert_leaves_all_as_found


@torch.no_grad()
def naive_sensitivity(trained):
    """The loop of the authors' code: image by image, augmentation by augmentation."""
    low, high = float(trained.inputs.min()), float(trained.inputs.max())
    draws = torch.rand(len(trained.labels), 5, generator=trained.generator()).to(trained.inputs)
    score = 0.0
    for draw, example in zip(draws, trained.random_order.tolist(), strict=True):
        image = trained.inputs[example][None]
        before = trained.model(image)[0].softmax(dim=0)
        for name, augmented in augmentations((image - low) / (high - low), draw[None]).items():
            after = trained.model(low + (high - low) * augmented)[0].softmax(dim=0)
            if int(before.argmax()) == int(after.argmax()):
                score += abs(float(before.max() - after.max()))
            else:
                score += PENALTIES[name]
    return score / len(draws)


def half_against_half(*rows):
    """Grey images of one row; class 0 where the left half is brighter than the right, class 1 where the right is."""
    width = len(rows[0])
    network = nn.Sequential(nn.Flatten(), nn.Linear(width, 2, bias=False)).double()
    sign = torch.tensor([1.0] * (width // 2) + [-1.0] * (width - width // 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.stack([sign, -sign]) * 1000)
    inputs = torch.tensor(rows, dtype=torch.float64).view(len(rows), 1, 1, width)
    return trained_model(network, inputs, torch.zeros(len(rows), dtype=torch.int64))


def test_sides_that_a_flip_exchanges_cost_its_penalties_and_brightness_costs_nothing():
    found = augmentation_sensitivity(half_against_half([1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]))
    # Both flips change the class (6 + 12), saturation, crop and brightness do not. The edge goes down in the middle:
    # (0.5, -0.5, -0.5, 0.5), and both halves are alike, a tie that class 0 wins with probability 1/2 instead of 1. Of
    # an image of one row no rectangle is erased.
    assert found == pytest.approx(6 + 12 + 0.5, rel=1e-12)


def test_a_network_that_gives_all_the_same_is_not_sensitive():
    constant = nn.Sequential(nn.Flatten(), nn.Linear(16, 3)).double()
    with torch.no_grad():
        constant[1].weight.zero_()
    like = random_network("mlp_1x1", seed=0, size=4)
    assert augmentation_sensitivity(trained_model(constant, like.inputs, like.labels)) == 0


@pytest.mark.parametrize("kind", ["mlp", "convnet", "convnet_bn"])
def test_is_the_sum_of_the_authors_code_image_by_image(kind):
    trained = small_network(kind, seed=1)
    assert augmentation_sensitivity(trained) == pytest.approx(naive_sensitivity(trained), rel=1e-9)


def test_is_the_authors_sum_in_colour_as_well():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 18 * 18, 3)).double()
    inputs = torch.rand(6, 3, 20, 20, generator=torch.Generator().manual_seed(0)).double()
    trained = trained_model(network, inputs, torch.zeros(6, dtype=torch.int64))
    assert augmentation_sensitivity(trained) == pytest.approx(naive_sensitivity(trained), rel=1e-9)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.floats(0.01, 100), st.floats(-5, 5))
def test_lies_between_0_and_27_and_the_units_of_the_images_do_not_matter(seed, scale, offset):
    trained = random_network("mlp_2x5", seed, size=4)
    value = augmentation_sensitivity(trained)
    assert 0 <= value <= sum(PENALTIES.values()) == 27
    moved = nn.Sequential(Undone(scale, offset), trained.model)
    other = dataclasses.replace(trained, model=moved, inputs=trained.inputs * scale + offset)
    other.__dict__["random_order"] = trained.random_order
    assert augmentation_sensitivity(other) == pytest.approx(value, rel=1e-6, abs=1e-9)


class Undone(nn.Module):
    """What was scaled and moved, as it was."""

    def __init__(self, scale, offset):
        super().__init__()
        self.scale, self.offset = scale, offset

    def forward(self, x):
        return (x - self.offset) / self.scale


def test_sees_no_change_that_keeps_the_function():
    assert augmentation_sensitivity.invariant_to == CHANGES.keys()
    assert_sees_only(augmentation_sensitivity, set(), seed=1)


def test_leaves_the_model_as_it_was():
    assert_leaves_all_as_found(augmentation_sensitivity, small_network("convnet_bn", seed=0))


def test_needs_images_with_a_range():
    table = nn.Linear(2, 2).double()
    with pytest.raises(NotApplicable, match="not images"):
        augmentation_sensitivity(trained_model(table, torch.eye(2).double(), torch.tensor([0, 1])))
    flat = random_network("mlp_1x1", seed=0, size=4)
    with pytest.raises(NotApplicable, match="one value everywhere"):
        augmentation_sensitivity(dataclasses.replace(flat, inputs=torch.ones_like(flat.inputs)))
