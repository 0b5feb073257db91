"""Table 2's rows: settings, the loop against a plain one, resumption, several processes, what is written."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner, Result
from safetensors.torch import load_file
from torch import Tensor, nn

from harness.__main__ import main
from harness.errors import HarnessError
from harness.image_stream import ImageStream, random_labels, training_batches
from harness.image_tree import read_tree
from harness.paper import imagenet_train
from harness.paper.imagenet import ROWS, chosen_rows, toggles
from harness.paper.imagenet_processes import Processes, own_device
from harness.paper.imagenet_result import Data, as_table, result_row
from harness.paper.imagenet_setting import Setting, inception_v3, learning_rate, optimizer
from harness.paper.imagenet_state import Accuracies, RowState
from tests.image_training import (
    ALONE,
    EVERYTHING,
    SETTING,
    SIZE,
    make_tree,
    normalized_network,
    plain_network,
    run,
)

IMAGENET = Data(1000, 1_281_167, 50_000, "a" * 64)
REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(tmp_path_factory.mktemp("tree"))


class Constant(nn.Module):
    """The same logits for every image, which training leaves (almost) as they are; counts what it is shown."""

    def __init__(self, logits: list[float]):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))
        self.shown: dict[str, int] = {"training": 0, "measuring": 0}

    def forward(self, x: Tensor) -> Tensor:
        self.shown["training" if self.training else "measuring"] += len(x)
        return self.logits.expand(len(x), -1)


STILL = dataclasses.replace(SETTING, learning_rate=1e-30, epochs=1)


def constant_network(logits: list[float]) -> Callable[..., nn.Module]:
    return lambda num_classes, image_size, dropout, seed: Constant(logits)


def state_bytes(path: Path) -> dict[str, bytes]:
    """A kept state's tensors, the seconds left out."""
    tensors = load_file(path)
    about = json.loads(bytes(tensors.pop("about").tolist()))
    del about["seconds"]
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()} | {"about": json.dumps(about).encode()}


# Settings


def test_the_rows_are_those_of_the_paper_by_name() -> None:
    assert list(ROWS) == [
        "inception_v3-augmentation-dropout-decay",
        "inception_v3-augmentation",
        "inception_v3-decay",
        "inception_v3",
        "inception_v3-dropout-decay-random",
        "inception_v3-dropout-random",
        "inception_v3-random",
    ]
    assert toggles("inception_v3-dropout-random") == {
        "row": "inception_v3-dropout-random",
        "augmentation": False,
        "dropout": True,
        "weight_decay": False,
        "labels": "random",
    }
    assert chosen_rows("inception_v3,inception_v3-decay", quick=False) == ["inception_v3", "inception_v3-decay"]
    assert chosen_rows(None, quick=False) == list(ROWS)


def test_the_rate_warms_up_over_five_epochs_and_falls_after_every_other() -> None:
    """Ten steps an epoch; a peak of 0.1 · 512 / 256."""
    setting = dataclasses.replace(SETTING, learning_rate=0.1, batch_size=512)
    rates = [learning_rate(setting, step, 10) for step in range(100)]
    assert rates[0] == pytest.approx(0.2 / 50)
    assert rates[24] == pytest.approx(0.2 * 25 / 50 * 0.94)
    assert rates[49] == pytest.approx(0.2 * 0.94**2)
    assert rates[50:60] == pytest.approx([0.2 * 0.94**2] * 10)
    assert rates[60:80] == pytest.approx([0.2 * 0.94**3] * 20)
    assert rates[99] == pytest.approx(0.2 * 0.94**4)


def test_weight_decay_is_on_weights_alone_and_on_none_when_it_is_off() -> None:
    model = normalized_network(3, SIZE, 0.0, 0)
    for on, expected in ((True, 4e-5), (False, 0.0)):
        decay = {
            id(parameter): group["weight_decay"]
            for group in optimizer(model, dataclasses.replace(SETTING, weight_decay=on)).param_groups
            for parameter in group["params"]
        }
        for name, parameter in model.named_parameters():
            assert decay[id(parameter)] == (expected if name in ("0.weight", "6.weight") else 0.0)


def test_inception_v3_has_its_auxiliary_classifier_where_the_images_are_large_enough() -> None:
    with torch.device("meta"):
        large, small = inception_v3(7, 299, 0.2, 0), inception_v3(7, 298, 0.0, 0)
    assert large.AuxLogits is not None
    assert small.AuxLogits is None
    assert (large.dropout.p, small.dropout.p) == (0.2, 0.0)
    assert large.fc.out_features == large.AuxLogits.fc.out_features == 7
    assert not large.transform_input
    assert sum(each.numel() for each in inception_v3_weights_of_the_original()) == 27_161_264
    with pytest.raises(HarnessError, match="--image-size is 74; inception_v3 needs 75 or more"):
        inception_v3(7, 74, 0.0, 0)


def inception_v3_weights_of_the_original() -> list[Tensor]:
    with torch.device("meta"):
        return list(inception_v3(1000, 299, 0.2, 0).parameters())


@pytest.mark.slow
def test_inception_v3_starts_from_the_seed_and_leaves_the_global_stream_alone() -> None:
    state = torch.get_rng_state()
    first, again, other = (inception_v3(3, 75, 0.0, seed).fc.weight for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_auxiliary_loss_counts_two_fifths() -> None:
    logits, auxiliary = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 0, 1])
    by_hand = [-(each.log_softmax(dim=1)[range(5), labels]).mean() for each in (logits, auxiliary)]
    assert imagenet_train._loss((logits, auxiliary), labels) == pytest.approx(by_hand[0] + 0.4 * by_hand[1])
    assert imagenet_train._loss(logits, labels) == pytest.approx(by_hand[0])


@pytest.mark.parametrize(("name", "dropout"), [("inception_v3", 0.0), ("inception_v3-dropout-random", 0.2)])
def test_the_network_is_built_for_the_row(name: str, dropout: float, root: Path) -> None:
    asked = []

    def network(*arguments: Any) -> nn.Module:
        asked.append(arguments)
        return plain_network(*arguments)

    run(root, dataclasses.replace(STILL, **toggles(name), seed=4), network=network)
    assert asked == [(3, SIZE, dropout, 4)]


# The loop


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


class Unconnected(Processes):
    """One of several processes, whose others are not there."""

    def parallel(self, model: nn.Module) -> nn.Module:
        return model

    def total(self, counts: Tensor) -> Tensor:
        return counts

    def wait(self) -> None:
        pass

    def average(self, tensors: object) -> None:
        pass


FIRST, SECOND = (Unconnected(rank, 2, ALONE.device) for rank in (0, 1))


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


# Resumption


class Killed(BaseException):
    pass


def killed_after(epochs: int) -> Callable[[str], None]:
    def say(text: str) -> None:
        if f"epoch {epochs}/" in text:
            raise Killed

    return say


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_that_was_killed_goes_on_to_the_same_bytes(precision: Any, root: Path, tmp_path: Path) -> None:
    setting = dataclasses.replace(EVERYTHING, precision=precision)
    run(root, setting, tmp_path / "whole", normalized_network)
    for epochs in (1, 2):
        with pytest.raises(Killed):
            run(root, setting, tmp_path / "killed", normalized_network, say=killed_after(epochs))
        torch.manual_seed(epochs)  # whatever else has been drawn by then
    assert RowState(tmp_path / "killed", setting.of_every_epoch()).epochs == 2
    run(root, setting, tmp_path / "killed", normalized_network)
    whole, killed = state_bytes(tmp_path / "whole"), state_bytes(tmp_path / "killed")
    assert {"momentum.0.weight", "model.1.running_var", "about"} < set(whole)
    assert killed == whole


def test_the_first_process_alone_writes(root: Path, tmp_path: Path) -> None:
    run(root, path=tmp_path / "state", processes=SECOND)
    assert list(tmp_path.iterdir()) == []
    run(root, path=tmp_path / "state", processes=FIRST)
    assert list(tmp_path.iterdir()) == [tmp_path / "state"]


def test_a_run_that_is_whole_is_not_trained_again(root: Path, tmp_path: Path) -> None:
    _, first = run(root, path=tmp_path / "state")
    contents = (tmp_path / "state").read_bytes()

    def never(*arguments: Any) -> nn.Module:
        raise AssertionError("a network was built")

    state = RowState(tmp_path / "state", SETTING.of_every_epoch())
    stream = ImageStream(read_tree(root), image_size=SIZE, seed=0)
    imagenet_train.train(SETTING, stream, ALONE, state, never)
    assert state.history == first.history
    assert state.seconds == first.seconds
    assert (tmp_path / "state").read_bytes() == contents


def test_more_epochs_go_on_from_there_and_fewer_are_refused(root: Path, tmp_path: Path) -> None:
    run(root, path=tmp_path / "at_once")
    run(root, dataclasses.replace(SETTING, epochs=2), tmp_path / "state")
    run(root, path=tmp_path / "state")
    assert state_bytes(tmp_path / "state") == state_bytes(tmp_path / "at_once")
    with pytest.raises(HarnessError, match="--epochs is 2, but inception_v3 was trained for 3 already"):
        run(root, dataclasses.replace(SETTING, epochs=2), tmp_path / "state")


def test_seconds_add_up_over_interruptions(tmp_path: Path) -> None:
    write_untrained(tmp_path / "state", seconds=100.0)
    state = RowState(tmp_path / "state", SETTING.of_every_epoch())
    assert (state.epochs, state.seconds) == (1, 100)
    for passed in (5.0, 9.0):
        state.note(HISTORY[0], passed)
        assert state.seconds == 100 + passed


@pytest.mark.parametrize("damage", ["a byte", "the end", "everything"])
def test_a_damaged_state_is_one_sentence(damage: str, root: Path, tmp_path: Path) -> None:
    path = tmp_path / "state"
    run(root, path=path)
    contents = path.read_bytes()
    flipped = contents[:-5] + bytes([contents[-5] ^ 1]) + contents[-4:]
    path.write_bytes({"a byte": flipped, "the end": contents[:-100], "everything": b"\0" * 50}[damage])
    with pytest.raises(HarnessError) as problem:
        run(root, path=path)
    assert str(problem.value) == f"the checkpoint {path} is damaged; remove it to train this row anew"


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(Setting) if each.name != "epochs"])
def test_a_state_of_another_setting_is_one_sentence_with_what_differs(name: str, root: Path, tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_untrained(path)
    value = getattr(SETTING, name)
    other = not value if isinstance(value, bool) else value + 1 if isinstance(value, (int, float)) else f"other{value}"
    with pytest.raises(HarnessError) as problem:
        RowState(path, dataclasses.replace(SETTING, **{name: other}).of_every_epoch())
    assert f"is of another setting ({name} {value} there, {other} now)" in str(problem.value)


def write_untrained(path: Path, seconds: float = 1.0) -> None:
    """A state of SETTING after an epoch that changed nothing."""
    model = nn.Linear(1, 1)
    sgd = optimizer(model, SETTING)
    for parameter in model.parameters():
        sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    state = RowState(path, SETTING.of_every_epoch())
    state.note(HISTORY[0], seconds)
    state.write(model, sgd)


# Results


def fake_state(*history: Accuracies) -> RowState:
    state = RowState(Path("not there"), {})
    state.history = list(history)
    return state


HISTORY = (
    Accuracies(10, 50.0, 80.0, 60.0, 90.5),
    Accuracies(20, 99.0, 100.0, 59.0, 91.0),
    Accuracies(30, 99.5, 100, 58, 80),
)


def test_the_best_test_accuracies_are_those_of_any_epoch_each_by_itself() -> None:
    assert fake_state(*HISTORY).best() == (60.0, 91.0)


def test_on_imagenet_the_differences_are_those_to_the_paper() -> None:
    setting = dataclasses.replace(SETTING, row="inception_v3", image_size=299)
    row = result_row(ROWS["inception_v3"], setting, IMAGENET, fake_state(*HISTORY))
    assert row["comparable"] == "yes"
    assert row["auxiliary_classifier"] is True
    assert row["train_top1"] == {"ours": 99.5, "paper": 99.53, "difference": -0.03}
    assert row["test_top1"] == {"ours": 58.0, "paper": 59.80, "difference": -1.8}
    assert row["best_top5"] == {"ours": 91.0, "paper": 84.49, "difference": 6.51}
    assert row["history"] == [dataclasses.asdict(each) for each in HISTORY]
    assert list(row["history"][0]) == ["steps", "train_top1", "train_top5", "test_top1", "test_top5"]


@pytest.mark.parametrize(
    ("data", "image_size", "reason"),
    [
        (dataclasses.replace(IMAGENET, num_classes=999), 299, "no: 999 classes, 1,281,167 training and 50,000 test"),
        (dataclasses.replace(IMAGENET, num_train=1_281_166), 299, "are not ImageNet, which has 1,000, 1,281,167 and"),
        (dataclasses.replace(IMAGENET, num_test=49_999), 299, "49,999 test images are not ImageNet"),
        (IMAGENET, 224, "no: images of 224 pixels; the paper's have 299"),
    ],
)
def test_on_anything_else_no_difference_is_given_and_the_reason_is(data: Data, image_size: int, reason: str) -> None:
    setting = dataclasses.replace(SETTING, image_size=image_size)
    row = result_row(ROWS["inception_v3"], setting, data, fake_state(*HISTORY))
    assert reason in row["comparable"]
    pairs = [value for value in row.values() if isinstance(value, dict)]
    assert len(pairs) == 6
    assert all(pair["difference"] is None and pair["ours"] is not None for pair in pairs)
    assert as_table([row]).splitlines()[-1].endswith("| no |")


def test_the_table_has_ours_beside_the_papers() -> None:
    setting = dataclasses.replace(SETTING, image_size=299)
    rows = [
        result_row(ROWS[name], dataclasses.replace(setting, row=name), IMAGENET, fake_state(*HISTORY))
        for name in ("inception_v3", "inception_v3-random")
    ]
    assert as_table(rows).splitlines()[2:] == [
        "| `inception_v3` | 99.50 / 100.00 | 99.53 / 100.00 | 58.00 / 80.00 (60.00 / 91.00) | "
        "59.80 / 80.38 (63.16 / 84.49) | yes |",
        "| `inception_v3-random` | 99.50 / 100.00 | 95.20 / 99.14 | 58.00 / 80.00 (60.00 / 91.00) | "
        "0.11 / 0.56 (- / -) | yes |",
    ]


# The command


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["paper", "imagenet", *map(str, arguments)])


def test_the_command_is_imported_without_torch() -> None:
    code = "import sys, harness.paper.imagenet; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY).returncode == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--rows", "inception_v3-crop"], "Error: --rows inception_v3-crop is no row of the ImageNet table; known: "),
        (["--image-size", "60"], "Error: --image-size is 60; inception_v3 needs 75 or more"),
        ([], "Error: --batch-size is 256, but there are 18 training images; lower it"),
        (["--data-dir", "/proc/nowhere"], "Error: /proc/nowhere has no train/ and val/ (or test/)"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(options: list[str], sentence: str, root: Path, tmp_path: Path) -> None:
    common = ["--data-dir", root, "--cache-dir", tmp_path, "--out", tmp_path, "--workers", 0]
    if "60" in options:
        common += ["--batch-size", 6]
    result = invoke(*common, *options)
    assert result.exit_code == 2
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_every_option_reaches_the_training(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[tuple[Setting, ImageStream, RowState]] = []

    def noted(setting: Setting, stream: ImageStream, processes: Processes, state: RowState, say: Any) -> None:
        trained.append((setting, stream, state))
        state.history = list(HISTORY)

    monkeypatch.setattr(imagenet_train, "train", noted)
    common = ["--data-dir", root, "--cache-dir", tmp_path / "cache", "--out", tmp_path]
    options = ["--rows", "inception_v3-augmentation", "--epochs", 7, "--batch-size", 8, "--image-size", 80, "--seed", 3]
    more = ["--learning-rate", 0.5, "--precision", "bfloat16", "--workers", 0]
    assert invoke(*common, *options, *more).exit_code == 0
    assert invoke(*common, "--rows", "inception_v3-dropout-decay-random").exit_code == 0
    assert invoke(*common, "--quick").exit_code == 0

    sha256 = read_tree(root).sha256()
    fixed = {"listing_sha256": sha256, "processes": 1}
    asked = {"epochs": 7, "batch_size": 8, "image_size": 80, "seed": 3, "learning_rate": 0.5, "precision": "bfloat16"}
    usual = {"epochs": 100, "batch_size": 256, "image_size": 299, "seed": 0, "learning_rate": 0.1}
    quick = {**usual, "epochs": 2, "batch_size": 16, "image_size": 75}
    float32 = {"precision": "float32"}
    assert [setting for setting, _, _ in trained] == [
        Setting(**fixed, **asked, **toggles("inception_v3-augmentation")),
        Setting(**fixed, **usual, **float32, **toggles("inception_v3-dropout-decay-random")),
        Setting(**fixed, **quick, **float32, **toggles("inception_v3")),
        Setting(**fixed, **quick, **float32, **toggles("inception_v3-random")),
    ]
    assert [stream.augmentation for _, stream, _ in trained] == [True, False, False, False]
    labels = [stream._loader.dataset.labels["train"].tolist() for _, stream, _ in trained]  # type: ignore[attr-defined]
    true, random = read_tree(root).train.labels.tolist(), random_labels(18, 3, 0).tolist()
    assert labels == [true, random, true, random]
    assert [state.path.name for _, _, state in trained][:2] == [
        f"inception_v3-augmentation-80px-seed3-{sha256[:12]}.safetensors",
        f"inception_v3-dropout-decay-random-299px-seed0-{sha256[:12]}.safetensors",
    ]


def test_quick_takes_a_part_of_the_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        imagenet_train, "train", lambda setting, stream, processes, state, say: state.history.extend(HISTORY)
    )
    large = make_tree(tmp_path / "tree", classes=12, train=17, test=9)
    arguments = ["--data-dir", large, "--cache-dir", tmp_path / "cache", "--out", tmp_path, "--workers", 0, "--quick"]
    assert invoke(*arguments).exit_code == 0
    for row in json.loads((tmp_path / "imagenet.json").read_text())["rows"]:
        assert (row["num_classes"], row["num_train"], row["num_test"]) == (10, 160, 80)
        assert row["comparable"].startswith("no")


def of_command(root: Path, folder: Path, *options: object) -> list[str]:
    common = ["--data-dir", root, "--cache-dir", folder / "cache", "--out", folder, "--image-size", 75, "--workers", 0]
    return [str(each) for each in ["-m", "harness", "paper", "imagenet", *common, "--batch-size", 6, *options]]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def kept_state(folder: Path) -> Path:
    (found,) = (folder / "cache" / "imagenet").glob("*.safetensors")
    return found


@pytest.mark.slow
def test_the_command_trains_inception_v3_and_writes_every_row(root: Path, tmp_path: Path) -> None:
    rows = "inception_v3-augmentation-dropout-decay,inception_v3-random"
    options = ["--rows", rows, "--epochs", 1, "--workers", 1]
    first = invoke(*of_command(root, tmp_path, *options)[4:])
    assert first.exit_code == 0, first.output
    content = json.loads((tmp_path / "imagenet.json").read_text())
    assert [row["row"] for row in content["rows"]] == rows.split(",")
    for row in content["rows"]:
        assert (row["num_classes"], row["num_train"], row["num_test"]) == (3, 18, 9)
        assert row["listing_sha256"] == read_tree(root).sha256()
        assert row["comparable"].startswith("no: 3 classes")
        assert [each["steps"] for each in row["history"]] == [3]
        assert row["test_top1"]["paper"] == ROWS[row["row"]].test_top1
        assert row["test_top1"]["difference"] is None
    assert [row["dropout"] for row in content["rows"]] == [0.2, 0.0]
    assert "| `inception_v3-random` |" in first.output

    again = invoke(*of_command(root, tmp_path, *options)[4:])
    assert again.exit_code == 0
    assert "epoch" not in again.stderr
    assert json.loads((tmp_path / "imagenet.json").read_text())["rows"] == content["rows"]


@pytest.mark.slow
def test_images_of_299_pixels_train_the_auxiliary_classifier_as_well(root: Path) -> None:
    def network(*arguments: Any) -> nn.Module:
        model = inception_v3(*arguments)
        before.append(model.AuxLogits.fc.weight.clone())
        return model

    before: list[Tensor] = []
    setting = dataclasses.replace(SETTING, image_size=299, batch_size=2, epochs=1, learning_rate=0.1)
    small = read_tree(root).part(2, 1, 1)
    stream = ImageStream(small, image_size=299, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        state = RowState(Path(folder) / "state", setting.of_every_epoch())
        imagenet_train.train(setting, stream, ALONE, state, network)
        after = load_file(state.path)["model.AuxLogits.fc.weight"]
    assert not torch.equal(after, before[0])


@pytest.mark.slow
def test_rows_of_separate_runs_come_together_in_the_papers_order(root: Path, tmp_path: Path) -> None:
    for name in ("inception_v3-random", "inception_v3"):
        assert invoke(*of_command(root, tmp_path, "--rows", name, "--epochs", 1)[4:]).exit_code == 0
    rows = json.loads((tmp_path / "imagenet.json").read_text())["rows"]
    assert [row["row"] for row in rows] == ["inception_v3", "inception_v3-random"]


@pytest.mark.slow
def test_a_process_that_was_killed_goes_on_to_the_same_bytes(root: Path, tmp_path: Path) -> None:
    options = ["--rows", "inception_v3-dropout-decay-random", "--epochs", 3]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(
        [sys.executable, *of_command(root, whole, *options)], check=True, env=environment(), capture_output=True
    )
    process = subprocess.Popen(
        [sys.executable, *of_command(root, killed, *options)], env=environment(), stderr=subprocess.DEVNULL
    )
    place = killed / "cache" / "imagenet" / kept_state(whole).name
    while process.poll() is None and not place.exists():
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert len(json.loads(bytes(load_file(place)["about"].tolist()))["history"]) < 3
    subprocess.run(
        [sys.executable, *of_command(root, killed, *options)], check=True, env=environment(), capture_output=True
    )
    assert state_bytes(place) == state_bytes(kept_state(whole))


# Several processes


def test_cuda_is_the_gpu_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert [own_device(name) for name in ("cpu", "cuda", "cuda:3")] == ["cpu", "cuda:0", "cuda:3"]
    monkeypatch.setenv("LOCAL_RANK", "5")
    assert [own_device(name) for name in ("cpu", "cuda", "cuda:3")] == ["cpu", "cuda:5", "cuda:3"]


def torchrun(processes: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return subprocess.run(
        [*command, *map(str, arguments)], cwd=REPOSITORY, env=environment(), capture_output=True, text=True, timeout=600
    )


@pytest.fixture(scope="module")
def trained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What tests.image_training leaves, in one process and in two."""
    folder = tmp_path_factory.mktemp("processes")
    for processes in (1, 2):
        done = torchrun(processes, "-m", "tests.image_training", root, folder)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_without_batch_normalization_two_processes_train_the_network_of_one(trained: Path) -> None:
    alone = load_file(trained / "plain-of-1" / "rank0")
    first, second = (load_file(trained / "plain-of-2" / f"rank{rank}") for rank in (0, 1))
    for name, tensor in alone.items():
        assert torch.equal(first[name], second[name])
        assert torch.allclose(first[name], tensor, atol=1e-5)
        assert not torch.allclose(tensor, plain_network(3, SIZE, 0.0, 0).state_dict()[name], atol=1e-3)


@pytest.mark.slow
def test_with_batch_normalization_both_processes_end_with_the_same_weights_and_statistics(trained: Path) -> None:
    """Each normalizes its own half of a batch, so that one process alone trains another network."""
    first, second = (load_file(trained / "normalized-of-2" / f"rank{rank}") for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert first["1.num_batches_tracked"] == 9
    kept = load_file(trained / "normalized-of-2" / "at_once")
    assert all(torch.equal(kept[f"model.{name}"], tensor) for name, tensor in first.items())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain-of-2", "normalized-of-2", "normalized-of-1"])
def test_processes_that_were_stopped_go_on_to_the_same_bytes(name: str, trained: Path) -> None:
    assert state_bytes(trained / name / "resumed") == state_bytes(trained / name / "at_once")


@pytest.mark.slow
def test_torchrun_trains_inception_v3_in_two_processes(root: Path, tmp_path: Path) -> None:
    done = torchrun(2, *of_command(root, tmp_path, "--rows", "inception_v3-augmentation", "--epochs", 1))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("written to") == 1
    assert done.stderr.count("epoch 1/1") == 1
    assert "Warning" not in done.stderr
    (row,) = json.loads((tmp_path / "imagenet.json").read_text())["rows"]
    assert row["processes"] == 2
    assert [each["steps"] for each in row["history"]] == [3]
    assert row["train_top5"]["ours"] == row["test_top5"]["ours"] == 100
    assert row["test_top1"]["ours"] in [pytest.approx(100 * hits / 9, abs=1e-3) for hits in range(10)]
