"""What measures had retrained is trained once, whole on disk, and found again by its examples alone."""

import dataclasses
import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

import harness.store.retrained
from harness.store.retrained import retrained
from harness.training.recipe import Recipe

RECIPE = Recipe(data_set="digits", network="mlp_1x4", learning_rate=0.3, seed=0, batch_size=8, max_epochs=3)
INPUTS = torch.randn(16, 1, 2, 2, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(16) % 2


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry a training that really ran: the number of its epochs."""
    ran: list[int] = []
    fit = harness.store.retrained.fit

    def counted(*arguments: object) -> object:
        result = fit(*arguments)  # type: ignore[arg-type]
        ran.append(result.history.epochs)
        return result

    monkeypatch.setattr(harness.store.retrained, "fit", counted)
    return ran


def weights(network: nn.Module) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def test_the_second_call_reads_what_the_first_trained(tmp_path: Path, trainings: list[int]) -> None:
    first = retrained(tmp_path, RECIPE, 2, INPUTS, LABELS)
    second = retrained(tmp_path, RECIPE, 2, INPUTS, LABELS)
    assert torch.equal(weights(first), weights(second))
    assert not second.training
    assert trainings == [3]


def test_twins_share_it_and_another_seed_budget_or_label_does_not(tmp_path: Path, trainings: list[int]) -> None:
    retrained(tmp_path, RECIPE, 2, INPUTS, LABELS)
    retrained(tmp_path, dataclasses.replace(RECIPE, condition="random_labels"), 2, INPUTS, LABELS)
    assert len(trainings) == 1
    retrained(tmp_path, dataclasses.replace(RECIPE, seed=1), 2, INPUTS, LABELS)
    retrained(tmp_path, RECIPE, 2, INPUTS, LABELS, 1)
    retrained(tmp_path, RECIPE, 2, INPUTS, 1 - LABELS)
    retrained(tmp_path, RECIPE, 2, -INPUTS, LABELS)
    retrained(tmp_path, RECIPE, 2, INPUTS, LABELS, max_epochs=2)
    assert trainings == [3] * 5 + [2]


def test_of_the_same_examples_attacked_networks_and_those_of_equal_steps_share_it(
    tmp_path: Path, trainings: list[int]
) -> None:
    first = retrained(tmp_path, RECIPE, 2, INPUTS, LABELS)
    attacked = retrained(tmp_path, dataclasses.replace(RECIPE, num_train=16, attack=8), 2, INPUTS, LABELS)
    steps = retrained(tmp_path, dataclasses.replace(RECIPE, steps_of="random_labels"), 2, INPUTS, LABELS)
    assert torch.equal(weights(attacked), weights(first))
    assert torch.equal(weights(steps), weights(first))
    assert len(trainings) == 1


@pytest.mark.parametrize("regularizer", [{"dropout": 0.5}, {"random_crop": 1}, {"weight_decay": 0.1}], ids=str)
def test_it_is_regularized_as_its_network_was(tmp_path: Path, trainings: list[int], regularizer) -> None:
    recipe = dataclasses.replace(RECIPE, **regularizer)
    plain = retrained(tmp_path, RECIPE, 2, INPUTS, LABELS)
    first, again = (retrained(tmp_path, recipe, 2, INPUTS, LABELS) for _ in range(2))
    assert len(trainings) == 2
    assert not torch.equal(weights(first), weights(plain))
    assert torch.equal(first(INPUTS), again(INPUTS))
    assert str(first) == str(again)
    assert not any(module.training for module in again.modules())


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"\xff" + content[1:], lambda _: b""])
def test_a_damaged_file_is_trained_and_written_again(tmp_path: Path, trainings: list[int], damage) -> None:
    first = retrained(tmp_path, RECIPE, 2, INPUTS, LABELS)
    (place,) = tmp_path.rglob("*.safetensors")
    place.write_bytes(damage(place.read_bytes()))
    again = [retrained(tmp_path, RECIPE, 2, INPUTS, LABELS) for _ in range(2)]
    assert all(torch.equal(weights(first), weights(network)) for network in again)
    assert len(trainings) == 2


@pytest.mark.parametrize("damaged", [False, True])
def test_a_file_that_an_earlier_version_wrote_is_read(tmp_path: Path, trainings: list[int], damaged: bool) -> None:
    first = retrained(tmp_path, RECIPE, 2, INPUTS, LABELS)
    (path,) = tmp_path.rglob("*.safetensors")
    content = save_tensors(load_file(path))
    path.write_bytes(content + hashlib.sha256(content + b"?" * damaged).digest())
    again = retrained(tmp_path, RECIPE, 2, INPUTS, LABELS)
    assert torch.equal(weights(first), weights(again))
    assert len(trainings) == 1 + damaged


def test_without_a_place_to_keep_it_the_network_is_trained_all_the_same(tmp_path: Path, trainings: list[int]) -> None:
    file = tmp_path / "a_file"
    file.write_text("no folder")
    for _ in range(2):
        retrained(file, RECIPE, 2, INPUTS, LABELS)
    assert len(trainings) == 2
