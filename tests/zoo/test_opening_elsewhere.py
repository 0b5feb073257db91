"""What a zoo declares is found by its name in other processes, and on other machines, or they refuse."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.files.user_module import import_file
from harness.settings import Settings
from harness.training.networks.building import build_for, network_named
from harness.training.recipe import Recipe
from harness.workers.pool import Limits
from harness.workers.remote import Caller, RemoteJob, end_kept, run_remotely, versions
from harness.zoo.build import build
from harness.zoo.opening import open_zoo, opened
from harness.zoo.train_jobs import TrainJob, train_job
from harness.zoo.zoo import Zoo, recipes

Write = Callable[..., Path]


# Other processes


@pytest.mark.slow
@pytest.mark.parametrize("door", ["file", "module"])
def test_workers_find_what_the_zoo_declares(
    door: str, write: Write, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(name="a_zoo_for_workers.py")
    monkeypatch.setattr(sys, "path", [*sys.path, str(path.parent)])
    zoo, settings = opened(str(path) if door == "file" else "a_zoo_for_workers:zoo", settings)
    wanted = [recipe for recipe in recipes(zoo, ["random_labels"]) if recipe.seed in (0, 5)]
    models = build(wanted, settings, progress=False)
    assert {recipe.network for recipe in models} == {"own", "mlp_1x32"}
    assert all(model.outcome.fitted for model in models.values())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (
            "(24, classes)",
            "(24, classes, bias=False)",
            "the network own is not what it was when the run was started, or",
        ),
        (
            "manual_seed(0)",
            "manual_seed(1)",
            "the data set mine is not what it was when the run was started, or is another on this machine",
        ),
        ("zoo = Zoo", "zoo = 3 and Zoo", None),
        ("import torch", "import torch, nowhere_at_all", "cannot be imported: ModuleNotFoundError"),
    ],
)
def test_workers_refuse_a_file_that_changed_while_they_run(
    before: str, after: str, sentence: str | None, write: Write, settings: Settings
) -> None:
    path = write()
    zoo, settings = opened(str(path), settings)
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))
    natural = zoo.natural("own", 0)
    if sentence is None:  # what it computes is the same
        assert build([natural], settings, progress=False)[natural].outcome.fitted
    else:
        with pytest.raises(HarnessError, match=sentence):
            build([natural], settings, progress=False)


@pytest.mark.slow
def test_a_worker_refuses_data_that_are_drawn_without_a_seed(write: Write, settings: Settings) -> None:
    path = write()
    path.write_text(path.read_text().replace("generator=torch.Generator().manual_seed(0)", ""))
    zoo, settings = opened(str(path), settings)
    with pytest.raises(HarnessError, match=r"mine now gives .*; does it draw without a seed, or is what it reads"):
        build([zoo.natural("own", 0)], settings, progress=False)


@pytest.mark.slow
def test_a_file_that_is_gone_is_one_sentence_in_a_worker(write: Write, settings: Settings) -> None:
    path = write()
    zoo, settings = opened(str(path), settings)
    path.unlink()
    with pytest.raises(HarnessError, match=f"there is no file {path}"):
        build([zoo.natural("own", 0)], settings, progress=False)


def test_a_network_is_named_by_what_this_process_has_opened(write: Write, settings: Settings) -> None:
    recipe = Recipe(data_set="mine", network="own", learning_rate=0.1, seed=0)
    with pytest.raises(HarnessError, match="unknown network 'own'"):
        build_for(recipe, (6,), 3)
    opened(str(write()), settings)
    assert network_named("own").name == "own"


# Given as it is


def test_a_zoo_that_was_imported_is_found_by_others_in_its_file(write: Write, settings: Settings) -> None:
    path = write()
    given = vars(import_file(path, "a user's file"))["zoo"]
    assert given.where == ""
    found, theirs = open_zoo(given, settings)
    assert found.where == theirs.declared_in == f"{path}::zoo"


def test_a_zoo_that_stands_in_no_file_is_refused(write: Write, settings: Settings) -> None:
    module = vars(import_file(write(), "a user's file"))
    with pytest.raises(HarnessError, match=r"the zoo 'another' stands in no file of its networks and data"):
        open_zoo(Zoo("another", module["mine"], {module["own"]: 0.1}), settings)
    ours, theirs = open_zoo(Zoo("another", "digits", {"mlp_1x8": 0.1}), settings)
    assert ours.where == theirs.declared_in == ""


@pytest.mark.slow
def test_another_machine_has_the_same_file_or_refuses(
    write: Write, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not see the caller's cache folder; each run gets a worker of its own there."""
    monkeypatch.setenv("SHATTERPROOF_CACHE", str(tmp_path / "remote"))
    path = write()
    zoo, settings = opened(str(path), settings)

    def events(run: str, seed: int) -> tuple[tuple[Any, Any], ...]:
        job, caller = TrainJob(zoo.natural("own", seed), settings), Caller(Path("/nowhere") / run, versions())
        return run_remotely(RemoteJob(train_job, job, Limits(60), caller)).events

    try:
        ((kind, _),) = events("the same file", 0)
        assert kind == "done"
        text = path.read_text()
        path.write_text(text.replace("labels[100:]", "labels[100:].clone()"))
        ((kind, sentence),) = events("another data set", 2)
        assert kind == "refused"
        assert sentence.startswith("the data set mine is not what it was when the run was started, or is another on")
        path.write_text(text.replace("24", "25"))
        ((kind, sentence),) = events("another file", 1)
        assert kind == "refused"
        assert sentence.startswith("the network own is not what it was when the run was started, or is another on this")
        path.unlink()
        assert events("no file", 3) == (("refused", f"--zoo={path}::zoo: there is no file {path}"),)
    finally:
        end_kept()
