"""A training that was killed and started again ends where one that was left alone does, bit for bit."""

import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from harness.settings import Settings, make_settings
from harness.store.secret_folder import found_in
from harness.store.store import Store
from harness.training.checkpoint import Checkpoint
from harness.training.log import TrainingLog
from harness.training.recipe import Recipe
from harness.training.train import Fit, Outcome, train
from harness.workers.pool import process_context
from harness.workers.worker_process import Report
from harness.zoo.build import build
from harness.zoo.train_jobs import TrainJob, train_job
from tests.builders.image_folders import write_cifar10

pytestmark = pytest.mark.slow

PLAIN = Recipe(data_set="digits", network="mlp_1x32", learning_rate=0.1, seed=0, num_train=100, batch_size=25)
CROPPED = {"data_set": "cifar10", "num_train": 0, "crop": 8, "standardisation": "each_image", "learning_rate": 0.01}

# What is trained, and the step (of four an epoch) at which it is killed.
CASES: dict[str, tuple[dict[str, object], int]] = {
    "dropout and random crops": ({"dropout": 0.5, "random_crop": 1, "max_epochs": 10}, 23),
    "bfloat16 convolutions with batch normalization": (
        {"network": "convnet_bn", "precision": "bfloat16", "learning_rate": 0.05, "max_epochs": 6},
        15,
    ),
    "a rate that decays, no momentum": (
        {"learning_rate_decay_per_epoch": 0.7, "weight_decay": 1e-3, "momentum": 0.0, "max_epochs": 6},
        13,
    ),
    "AdamW, warming up, along a cosine, clipped": (
        {"optimizer": "adamw", "learning_rate": 0.003, "weight_decay": 0.1, "clip_norm": 0.5, "max_epochs": 6}
        | {"warmup_epochs": 2, "cosine_epochs": 6, "stop_loss": 0.0},
        14,
    ),
    "Adam with batch normalization": (
        {"network": "convnet_bn", "optimizer": "adam", "learning_rate": 0.003, "max_epochs": 5},
        13,
    ),
    "an attack": ({"attack": 50, "max_epochs": 8, "batch_size": 40}, 18),
    "a loss of which the looks are under way": ({"condition": "random_labels"}, -1),
    "all epochs, test errors watched": ({"network": "convnet", "stop_loss": 0.0, "max_epochs": 6}, 17),
    "images augmented": ({**CROPPED, "augmentation": "crop_flip_colour", "stop_loss": 0.0, "max_epochs": 8}, 11),
}


class Killer:
    """Ends the process with SIGKILL in the middle of a training step."""

    def __init__(self, step: int):
        self.step, original = step, TrainingLog.step

        def step_or_die(log: TrainingLog, *arguments: object) -> None:
            if len(log.rates) == self.step - 1:
                os.kill(os.getpid(), signal.SIGKILL)
            original(log, *arguments)  # type: ignore[arg-type]

        TrainingLog.step = step_or_die  # type: ignore[method-assign, assignment]


def train_and_die(recipe: Recipe, data_dir: Path, path: Path, step: int) -> None:
    Killer(step)
    torch.set_num_threads(1)
    train(recipe, data_dir, checkpoint=Checkpoint(path, seconds_between=0))


def killed(function: Callable[..., object], *arguments: object) -> None:
    """Call it in a process of its own, which has to end by SIGKILL."""
    process = process_context().Process(target=function, args=arguments)
    process.start()
    process.join(timeout=120)
    assert process.exitcode == -signal.SIGKILL


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cifar10(tmp_path_factory.mktemp("cifar10"), train=10, test=2, size=10)


def assert_the_same(ours: tuple[Fit, Outcome, object], theirs: tuple[Fit, Outcome, object]) -> None:
    for name in ("model", "init"):
        states = [getattr(fit, name).state_dict() for fit, _, _ in (ours, theirs)]
        assert states[0].keys() == states[1].keys()
        assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    for field in dataclasses.fields(ours[0].history):
        assert torch.equal(getattr(ours[0].history, field.name), getattr(theirs[0].history, field.name)), field.name
    assert torch.equal(ours[0].test_errors, theirs[0].test_errors)
    assert dataclasses.replace(ours[1], seconds=0) == dataclasses.replace(theirs[1], seconds=0)


def step_to_die_at(recipe: Recipe, steps: int) -> int:
    """In the last epoch of all, when the training loss has been looked at for a while."""
    return steps - 1 if steps % 4 != 1 else steps - 2


QUICK = ("dropout and random crops", "bfloat16 convolutions with batch normalization")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in CASES]
)
def test_a_killed_training_goes_on_to_the_same_end_bit_for_bit(name: str, tmp_path: Path, folders: Path) -> None:
    changes, step = CASES[name]
    recipe = dataclasses.replace(PLAIN, **changes)  # type: ignore[arg-type]
    alone = train(recipe, folders)
    looking = step < 0
    if looking:
        step = step_to_die_at(recipe, alone[1].steps)
        assert alone[1].fitted
    path = tmp_path / "a.checkpoint"
    killed(train_and_die, recipe, folders, path, step)
    kept = Checkpoint(path).load()
    assert kept is not None
    done = int(kept["so_far/epochs"])
    assert 2 <= done == (step - 1) // 4 < alone[1].epochs
    assert (kept["stop/looks"][0] > 0) == looking
    epochs: list[int] = []
    resumed = train(
        recipe,
        folders,
        checkpoint=Checkpoint(path, seconds_between=0),
        after_epoch=lambda epoch, loss: epochs.append(epoch),
    )
    assert_the_same(resumed, alone)
    assert epochs == list(range(done + 1, alone[1].epochs + (not alone[1].fitted)))
    assert resumed[1].seconds > kept["so_far/seconds"].item() > 0
    assert len(resumed[0].test_errors) == (0 if recipe.stop_loss else alone[1].epochs)


def test_a_number_of_steps_is_counted_over_the_kill(tmp_path: Path) -> None:
    path = tmp_path / "a.checkpoint"
    killed(train_and_die, PLAIN, tmp_path, path, 14)
    assert_the_same(
        train(PLAIN, tmp_path, steps=18, checkpoint=Checkpoint(path)),
        train(PLAIN, tmp_path, steps=18),
    )


def test_a_training_killed_again_goes_on_and_leaves_the_global_random_state_alone(tmp_path: Path) -> None:
    recipe, path = dataclasses.replace(PLAIN, dropout=0.5, max_epochs=5), tmp_path / "a.checkpoint"
    for step, done in ((6, 1), (19, 4)):
        killed(train_and_die, recipe, tmp_path, path, step)
        kept = Checkpoint(path).load()
        assert kept is not None and int(kept["so_far/epochs"]) == done
    state = torch.get_rng_state()
    resumed = train(recipe, tmp_path, checkpoint=Checkpoint(path))
    assert torch.equal(torch.get_rng_state(), state)
    assert_the_same(resumed, train(recipe, tmp_path))


def test_keeping_checkpoints_changes_nothing(tmp_path: Path) -> None:
    recipe = dataclasses.replace(PLAIN, network="convnet_bn", dropout=0.5, random_crop=1, max_epochs=4)
    kept = train(recipe, tmp_path, checkpoint=Checkpoint(tmp_path / "a.checkpoint", seconds_between=0))
    assert_the_same(kept, train(recipe, tmp_path))


def test_a_damaged_checkpoint_is_ignored_and_training_starts_afresh(tmp_path: Path) -> None:
    recipe, path = dataclasses.replace(PLAIN, max_epochs=4), tmp_path / "a.checkpoint"
    train(dataclasses.replace(recipe, max_epochs=3), tmp_path, checkpoint=Checkpoint(path, seconds_between=0))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    epochs: list[int] = []
    again = train(recipe, tmp_path, checkpoint=Checkpoint(path), after_epoch=lambda epoch, loss: epochs.append(epoch))
    assert epochs == [1, 2, 3, 4]
    assert_the_same(again, train(recipe, tmp_path))


def test_where_there_is_no_room_for_a_checkpoint_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(state: dict[str, Tensor], path: str, metadata: dict[str, str]) -> None:
        raise OSError(28, "No space left on device")

    recipe = dataclasses.replace(PLAIN, max_epochs=3)
    alone = train(recipe, tmp_path)
    monkeypatch.setattr("harness.files.sealed_tensors.save_file", full)
    assert_the_same(train(recipe, tmp_path, checkpoint=Checkpoint(tmp_path / "a", seconds_between=0)), alone)
    assert not list(tmp_path.glob("a*"))


# Through the store and the workers


STORED = dataclasses.replace(PLAIN, max_epochs=6, dropout=0.5)


def always_due(checkpoint: Checkpoint) -> bool:
    return True


def job_that_dies(recipe: Recipe, settings: Settings, step: int) -> None:
    Checkpoint.due = always_due  # type: ignore[method-assign]
    Killer(step)
    torch.set_num_threads(1)
    train_job(TrainJob(recipe, settings), lambda payload: None)


def job_that_dies_once(job: tuple[Recipe, Settings], report: Report) -> str:
    """In a worker: the first attempt is killed in its fourth epoch, the second notes the epochs that it trains."""
    marker = job.settings.cache_dir / "epochs"
    if not marker.exists():
        marker.touch()
        job_that_dies(job.recipe, job.settings, step=14)
    original = TrainingLog.end_epoch

    def noted(log: TrainingLog) -> float:
        with open(marker, "a") as file:
            file.write(f"{len(log.losses) + 1} ")
        return original(log)

    TrainingLog.end_epoch = noted  # type: ignore[method-assign]
    return train_job(job, report)


def weights(settings: Settings, recipe: Recipe) -> bytes:
    return (Store(settings.cache_dir).folder(recipe) / "model.safetensors").read_bytes()


@pytest.fixture
def undisturbed(tmp_path: Path) -> Settings:
    """Where the recipe was trained in one go."""
    settings = make_settings(cache_dir=str(tmp_path / "undisturbed"), workers=1)
    train_job(TrainJob(STORED, settings), lambda payload: None)
    return settings


def test_a_worker_that_was_killed_is_followed_by_one_that_goes_on(
    settings: Settings, undisturbed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.zoo.build.train_job", job_that_dies_once)
    found = build([STORED], settings, progress=False)
    assert (settings.cache_dir / "epochs").read_text().split() == ["4", "5", "6"]
    assert weights(settings, STORED) == weights(undisturbed, STORED)
    assert found[STORED].outcome.epochs == 6
    assert not list((found_in(settings.cache_dir) / "tmp").iterdir())


def test_the_next_run_takes_up_what_a_killed_one_left_for_this_recipe_alone_and_leaves_nothing_behind(
    settings: Settings, undisturbed: Settings
) -> None:
    other, store = dataclasses.replace(STORED, weight_decay=0.1), Store(settings.cache_dir)
    killed(job_that_dies, STORED, settings, 14)
    (left,) = (found_in(settings.cache_dir) / "tmp").iterdir()
    assert left == store.checkpoint(STORED).path
    for recipe in (STORED, other):
        train_job(TrainJob(recipe, undisturbed), lambda payload: None)
        train_job(TrainJob(recipe, settings), lambda payload: None)
        assert weights(settings, recipe) == weights(undisturbed, recipe)
    assert weights(settings, STORED) != weights(settings, other)
    assert not list(store.temporary.iterdir())


def test_a_checkpoint_of_a_model_that_is_stored_already_is_removed(settings: Settings) -> None:
    train_job(TrainJob(STORED, settings), lambda payload: None)
    checkpoint = Store(settings.cache_dir).checkpoint(STORED)
    checkpoint.save({"so_far/epochs": torch.tensor(3)})
    assert train_job(TrainJob(STORED, settings), lambda payload: None) is not None
    assert not checkpoint.path.exists()


@pytest.mark.parametrize("change", ["another network", "a part less", "another stream"])
def test_a_state_that_does_not_fit_is_ignored_and_training_starts_afresh(change: str, tmp_path: Path) -> None:
    recipe, checkpoint = dataclasses.replace(PLAIN, max_epochs=3), Checkpoint(tmp_path / "a", seconds_between=0)
    other = dataclasses.replace(recipe, network="mlp_1x9") if change == "another network" else recipe
    train(dataclasses.replace(other, max_epochs=2), tmp_path, checkpoint=checkpoint)
    state = checkpoint.load()
    assert state is not None
    if change == "a part less":
        del state["stop/looks"]
    if change == "another stream":
        state["stream/0"] = state["stream/0"][:-1]
    checkpoint.save(state)
    epochs: list[int] = []
    again = train(recipe, tmp_path, checkpoint=checkpoint, after_epoch=lambda epoch, loss: epochs.append(epoch))
    assert epochs == [1, 2, 3]
    assert_the_same(again, train(recipe, tmp_path))
