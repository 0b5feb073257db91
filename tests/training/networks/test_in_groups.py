"""Networks of today's kinds are trained together as one by one, or are not trained together."""

import dataclasses
from collections.abc import Iterator

import pytest
import torch

from harness.training.batches import Examples
from harness.training.group_training import fit_group, groups
from harness.training.network_stack import NetworkStack
from harness.training.networks.building import build
from harness.training.train import fit
from tests.builders.group_recipes import examples, recipes
from tests.builders.operands import Operands

NETWORKS = ["residual_mlp_1x64", "resnet_small", "resnet_small_gn", "vit_small"]


@pytest.fixture
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("network", NETWORKS)
def test_two_epochs_together_are_those_one_by_one(network: str, float64: None) -> None:
    few = recipes(network, num_train=40, batch_size=16, max_epochs=2)
    data = [examples(recipe) for recipe in few]
    together = fit_group(few, data, 10)
    for ours, recipe, each in zip(together, few, data, strict=True):
        reference = fit(recipe, Examples(*each, 10))
        for name, tensor in reference.model.state_dict().items():
            torch.testing.assert_close(ours.model.state_dict()[name], tensor, rtol=1e-8, atol=1e-9)
        assert torch.equal(ours.history.correct, reference.history.correct)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_every_product_of_a_stack_has_the_recipes_precision_and_waits_for_nothing(network: str, precision: str) -> None:
    recipe = recipes(network, precision=precision)[0]
    stack = NetworkStack([build(network, (1, 8, 8), 10, seed) for seed in range(2)], recipe)
    with Operands() as operands:
        stack.step(torch.randn(2, 16, 1, 8, 8), torch.randint(10, (2, 16)), 0.1)
    assert set(operands.types) == {getattr(torch, precision)}
    assert operands.waits == 0


@pytest.mark.parametrize("network", NETWORKS)
def test_with_dropout_each_is_trained_by_itself(network: str) -> None:
    some = recipes(network, seeds=2, conditions=("true_labels",))
    assert [len(group) for group in groups(some, 8)] == [2]
    assert [len(group) for group in groups([dataclasses.replace(each, dropout=0.5) for each in some], 8)] == [1, 1]
