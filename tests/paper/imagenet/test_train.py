"""The training of a row: against a plain loop, what is measured, what is drawn."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.paper.imagenet import train as imagenet_train
from harness.paper.imagenet.image_stream import ImageStream, random_labels, training_batches
from harness.paper.imagenet.image_tree import read_tree
from harness.paper.imagenet.processes import Processes
from tests.builders.image_training import (
    ALONE,
    EVERYTHING,
    SETTING,
    SIZE,
    make_tree,
    normalized_network,
    plain_network,
    run,
)
from tests.builders.paper.imagenet_rows import FIRST, SECOND, STILL, constant_network


@pytest.mark.parametrize("labels", ["true", "random"])
def test_the_loop_is_sgd_with_momentum_decay_and_rates_written_out(root: Path, labels: str) -> None:
    setting = dataclasses.replace(SETTING, weight_decay=True, labels=labels, learning_rate=40.0)
    model, _ = run(root, setting)

    tree = read_tree(root)
    ((images, _),) = ImageStream(tree, image_size=SIZE, seed=0).plain("train", torch.arange(18), 18)
    inputs = images.double() / 127.5 - 1
    targets = tree.train.labels if labels == "true" else random_labels(18, 3, 0)
    naive = plain_network(3, SIZE, 0.0, 0).double()
    velocity = [torch.zeros_like(each) for each in naive.parameters()]
    for epoch in range(3):
        for number, batch in enumerate(training_batches(18, 6, 0, epoch, 0, 1)):
            loss = F.cross_entropy(naive(inputs[batch]), targets[batch])
            gradients = torch.autograd.grad(loss, list(naive.parameters()))
            rate = 40.0 * 6 / 256 * (3 * epoch + number + 1) / 15 * 0.94 ** (epoch // 2)
            for weight, gradient, moving in zip(naive.parameters(), gradients, velocity, strict=True):
                moving.mul_(0.9).add_(gradient + (4e-5 if weight.ndim > 1 else 0.0) * weight.detach())
                weight.data -= rate * moving

    start = plain_network(3, SIZE, 0.0, 0).parameters()
    for trained, expected, initial in zip(model.parameters(), naive.parameters(), start, strict=True):
        assert torch.allclose(trained.double(), expected, atol=1e-5)
        assert not torch.allclose(trained, initial, atol=1e-3)


def test_accuracies_are_the_shares_of_labels_among_the_best_one_and_five(tmp_path: Path) -> None:
    """Six classes with logits 0, 1, ..., 5: class 5 is the best guess, class 0 alone not among the best five."""
    six = make_tree(tmp_path, classes=6, train=3, test=2)
    _, state = run(six, STILL, network=constant_network([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]))
    sixth = 100 / 6
    assert dataclasses.astuple(state.history[0]) == pytest.approx((3, sixth, 100 - sixth, sixth, 100 - sixth))


def test_train_accuracy_is_on_the_labels_that_were_fitted_and_test_accuracy_on_clean_ones(root: Path) -> None:
    _, state = run(root, dataclasses.replace(STILL, labels="random"), network=constant_network([0.0, 1.0, 0.0]))
    ones = int((random_labels(18, 3, 0) == 1).sum())
    assert ones != 6
    assert state.history[0].train_top1 == pytest.approx(100 * ones / 18)
    assert state.history[0].test_top1 == pytest.approx(100 / 3)
    assert state.history[0].train_top5 == 100


def test_a_sample_of_training_images_is_measured_after_an_epoch_and_all_after_the_last(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, list[int]]] = []
    plain = ImageStream.plain

    def noted(stream: ImageStream, split: Any, indices: Tensor, batch_size: int) -> Any:
        asked.append((split, indices.tolist()))
        return plain(stream, split, indices, batch_size)

    monkeypatch.setattr(imagenet_train, "MEASURED_TRAIN_IMAGES", 5)
    monkeypatch.setattr(ImageStream, "plain", noted)
    run(root)
    of_train = [indices for split, indices in asked if split == "train"]
    assert [len(set(indices)) for indices in of_train] == [5, 5, 18]
    assert of_train[0] == of_train[1] == sorted(of_train[0])
    assert [indices for split, indices in asked if split == "test"] == [list(range(9))] * 3


class Watched(nn.Module):
    """Passes images on to a network, and keeps what it saw, in which mode, and what dropout drew while training."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self.measured: list[Tensor] = []
        self.autocast: dict[str, set[bool]] = {"training": set(), "measuring": set()}
        self.draws: list[tuple[float, ...]] = []

    def forward(self, x: Tensor) -> Tensor:
        self.autocast["training" if self.training else "measuring"].add(torch.is_autocast_enabled("cpu"))
        if self.training:
            self.draws.append(tuple(F.dropout(torch.ones(50), 0.5).tolist()))
        else:
            self.measured.append(x)
        return self.network(x)


def watched(*arguments: Any) -> Watched:
    return Watched(normalized_network(*arguments))


def test_measuring_is_in_float32_without_dropout_on_images_without_augmentation(root: Path) -> None:
    model, _ = run(root, dataclasses.replace(EVERYTHING, precision="bfloat16"), network=watched)
    assert isinstance(model, Watched)
    assert model.autocast == {"training": {True}, "measuring": {False}}
    tree = read_tree(root)
    plain = ImageStream(tree, image_size=SIZE, seed=0)
    once = [*plain.plain("train", torch.arange(18), 6), *plain.plain("test", torch.arange(9), 6)]
    expected = torch.cat([images for images, _ in once]).float() / 127.5 - 1
    assert torch.equal(torch.cat(model.measured), expected.repeat(3, 1, 1, 1))
    assert model.training is False


def test_batch_normalization_learns_its_statistics_while_training_alone(root: Path) -> None:
    model, _ = run(root, SETTING, network=normalized_network)
    assert model.get_buffer("1.num_batches_tracked") == 9  # three epochs of three steps


def test_dropout_draws_are_other_ones_in_every_step_and_process_and_leave_the_global_stream_alone(root: Path) -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    models = [run(root, network=watched, processes=each)[0] for each in (FIRST, FIRST, SECOND)]
    assert torch.equal(torch.get_rng_state(), state)
    first, again, other = (model.draws for model in models if isinstance(model, Watched))
    assert first == again
    assert len({*first, *other}) == 18


@pytest.mark.parametrize(
    ("change", "processes", "sentence"),
    [
        ({"batch_size": 19}, ALONE, "--batch-size is 19, but there are 18 training images; lower it"),
        ({"batch_size": 7}, Processes(0, 2, ALONE.device), "--batch-size is 7 for 2 processes; expected a multiple"),
        ({"batch_size": 2}, Processes(0, 2, ALONE.device), "2 images or more for each of them"),
        ({"learning_rate": 1e38}, ALONE, "inception_v3 diverged in epoch 1 (loss"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(
    change: dict[str, Any], processes: Processes, sentence: str, root: Path
) -> None:
    with pytest.raises(HarnessError) as problem:
        run(root, dataclasses.replace(SETTING, **change), processes=processes)
    assert sentence in str(problem.value)
    assert "\n" not in str(problem.value)


def test_bfloat16_rounds_while_training_and_keeps_weights_in_float32(root: Path) -> None:
    exact, _ = run(root)
    rounded, _ = run(root, dataclasses.replace(SETTING, precision="bfloat16"))
    for one, other in zip(exact.parameters(), rounded.parameters(), strict=True):
        assert other.dtype == torch.float32
        assert not torch.equal(one, other)
        assert torch.allclose(one, other, atol=0.05)


def test_every_epoch_is_told_with_the_time_left(root: Path) -> None:
    said: list[str] = []
    run(root, STILL, network=constant_network([0.0, 1.0, 0.0]), say=said.append)
    assert said == [
        "inception_v3: epoch 1/1, loss 1.218, top-1 33.33% train 33.33% test, top-5 100.00% train 100.00% test; "
        "0 min left"
    ]
    assert imagenet_train._duration(59) == "1 min"
    assert imagenet_train._duration(7260) == "2 h 01 min"
