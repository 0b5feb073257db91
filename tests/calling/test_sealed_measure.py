"""A stranger's measure as seen from here: its value, what it asks for, and what is wrong with it, in a sentence."""

import dataclasses
import threading
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from harness.calling.handed_out import handed_out
from harness.calling.sealed_measure import CannotBeImported, SealedFunction, _packages, declare
from harness.errors import HarnessError
from measures import Estimate
from measures.errors import NotApplicable
from measures.norms.l2_norm import l2_norm
from measures.trained_model import NO_HISTORY, NO_INIT, NO_RETRAINING, TrainedModel
from tests.builders.models import random_network

LACKING = {"size_of_init": NO_INIT, "number_of_epochs": NO_HISTORY, "retrained_once": NO_RETRAINING}
SOURCE = """
import torch
from measures import Estimate, NotApplicable, measure

@measure(source="a test")
def largest_logit(trained):
    return float(trained.logits.max())

@measure(source="a test")
def estimated(trained):
    return Estimate(float(trained.logits.mean()), standard_error=0.25)

@measure(source="a test")
def size_of_init(trained):
    return float(sum(1 for _ in trained.init.parameters()))

@measure(source="a test")
def number_of_epochs(trained):
    return float(trained.history.epochs)

@measure(source="a test")
def retrained_once(trained):
    return float(trained.retrain(trained.inputs, trained.labels).training)

@measure(source="a test")
def retrained_twice(trained):
    one = trained.retrain(trained.inputs[:5], trained.labels[:5])
    two = trained.retrain(trained.inputs[:7], trained.labels[:7], reseed=3, max_epochs=2)
    assert one is not two and not one.training
    return float(sum(part.detach().sum() for network in (one, two) for part in network.parameters()))

@measure(source="a test")
def retrained_wrongly(trained):
    problems = []
    for inputs, labels, options in (
        (trained.inputs[:0], trained.labels[:0], {}),
        (trained.inputs[:5], trained.labels[:4], {}),
        (trained.inputs[:5].float(), trained.labels[:5], {}),
        (trained.inputs[:5, :, :2], trained.labels[:5], {}),
        (trained.inputs[:5], trained.labels[:5].double(), {}),
        (trained.inputs[:5], trained.labels[:5] + 100, {}),
        (trained.inputs[:5], trained.labels[:5] - 1, {"reseed": 10**30}),
    ):
        try:
            trained.retrain(inputs, labels, **options)
        except ValueError as problem:
            problems.append(str(problem))
    print("\\n".join(problems))
    return float(len(problems))

@measure(source="a test")
def fails_at_the_parent(trained):
    try:
        trained.retrain(trained.inputs[:5], trained.labels[:5], reseed=666)
    except ValueError as problem:
        print(problem)
    return float(next(trained.retrain(trained.inputs[:5], trained.labels[:5]).parameters()).detach().sum())

@measure(source="a test")
def applies_never(trained):
    raise NotApplicable("it never does")

@measure(source="a test")
def breaks(trained):
    return 1 / 0

@measure(source="a test")
def draws(trained):
    return float(torch.rand(()))

@measure(source="a test")
def keeps_its_prints(trained):
    import sys
    sys.stdout.reconfigure(write_through=False, line_buffering=False)  # as where PYTHONUNBUFFERED is not set
    print("not flushed")
    return 1.0

@measure(source="a test")
def ends_its_process(trained):
    print("on its way", flush=True)
    return Strange()

class Strange:
    def __repr__(self):
        raise SystemExit("the reason")

def bare(trained):
    return 1.0
"""
SECRET = "digits-mlp_1x8-random_labels-seed0"


class Trainer:
    """A way to retrain that gives a network for each number of examples, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int, dict[str, int]]] = []

    def __call__(self, inputs: Tensor, labels: Tensor, reseed: int = 0, **budget: int) -> nn.Module:
        self.asked.append((len(labels), reseed, budget))
        if reseed == 666:
            raise KeyError(SECRET)
        return random_network("mlp_1x8", len(labels)).model


@pytest.fixture
def trainer() -> Trainer:
    return Trainer()


@pytest.fixture
def trained(trainer: Trainer) -> TrainedModel:
    return handed_out(dataclasses.replace(random_network("mlp_1x8", 0), retrain_function=trainer))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stranger") / "mine.py"
    path.write_text(SOURCE)
    return path


def sealed(file: Path, name: str) -> SealedFunction:
    (measure,) = declare(str(file), name, f"{file}::{name}")
    return SealedFunction(measure)


def test_several_networks_are_asked_for_in_one_call(file: Path, trained: TrainedModel, trainer: Trainer) -> None:
    networks = [random_network("mlp_1x8", count).model for count in (5, 7)]
    expected = float(sum(part.detach().sum() for network in networks for part in network.parameters()))
    assert sealed(file, "retrained_twice")(trained) == expected
    assert trainer.asked == [(5, 0, {}), (7, 3, {"max_epochs": 2})]


def test_of_a_network_that_came_without_its_beginning_only_who_asks_for_that_is_not_applicable(file: Path) -> None:
    whole = random_network("mlp_1x8", 0)
    fields = {field.name: vars(whole)[field.name] for field in dataclasses.fields(whole)}
    bare = handed_out(TrainedModel(**fields | dict.fromkeys(("init", "history", "retrain_function"))))
    called = {name: sealed(file, name).call(bare) for name in ("largest_logit", *LACKING)}
    assert called.pop("largest_logit").reading.value == float(bare.logits.max())
    for name, reason in LACKING.items():
        assert (called[name].reading.status, called[name].reading.reason) == ("not_applicable", reason)
        assert not called[name].changes


def test_the_standard_error_of_an_estimate_comes_back_from_its_process(file: Path, trained: TrainedModel) -> None:
    function = sealed(file, "estimated")
    reading = function.call(trained).reading
    assert (reading.status, reading.standard_error) == ("value", 0.25)
    value = function(trained)
    assert isinstance(value, Estimate)
    assert (value, value.standard_error) == (reading.value, 0.25)
    assert sealed(file, "largest_logit").call(trained).reading.standard_error is None


def test_a_class_that_no_import_finds_is_sent_along(file: Path) -> None:
    class Own(nn.Sequential):
        pass

    network = random_network("mlp_1x8", 0)
    here = dataclasses.replace(network, model=Own(*network.model))
    assert sealed(file, "largest_logit").call(here).reading.value == float(here.logits.max())


def test_a_network_that_cannot_be_sent_is_a_sentence(file: Path, trained: TrainedModel) -> None:
    trained.model.lock = threading.Lock()
    reading = sealed(file, "largest_logit").call(trained).reading
    assert reading.status == "error"
    assert reading.reason.startswith("the network cannot be sent to the process in which a measure from outside")
    assert "cannot pickle '_thread.lock' object" in reading.reason


def test_what_cannot_be_retrained_on_is_a_sentence_to_the_measure(
    file: Path, trained: TrainedModel, trainer: Trainer
) -> None:
    called = sealed(file, "retrained_wrongly").call(trained)
    assert (called.reading.value, trainer.asked) == (7.0, []), called
    said = called.printed.splitlines()
    assert said[:4] == ["retrain takes inputs (m, 1, 6, 6) of torch.float64 and m labels, m above 0"] * 4
    assert said[4:] == ["retrain takes labels (m,) of int64 from 0 to 2"] * 3


def test_an_error_of_the_training_does_not_say_which_model_it_is(
    file: Path, trained: TrainedModel, trainer: Trainer
) -> None:
    called = sealed(file, "fails_at_the_parent").call(trained)
    assert called.printed == "the network cannot be trained on other examples (KeyError)\n"
    assert called.reading.value == float(next(random_network("mlp_1x8", 5).model.parameters()).detach().sum())
    assert trainer.asked == [(5, 666, {}), (5, 0, {})]


def test_the_function_raises_what_the_measure_raised(file: Path, trained: TrainedModel) -> None:
    with pytest.raises(NotApplicable, match="it never does"):
        sealed(file, "applies_never")(trained)
    with pytest.raises(HarnessError, match="breaks: it raised ZeroDivisionError: division by zero"):
        sealed(file, "breaks")(trained)


def test_what_a_process_printed_before_it_ended_is_told(file: Path, trained: TrainedModel) -> None:
    called = sealed(file, "ends_its_process").call(trained)
    assert called.ended
    assert called.reading.reason == "it ended its process 3 times: its process ended with exit status 1"
    assert called.printed.startswith("on its way\n")
    assert "SystemExit: the reason" in called.printed


def test_what_it_printed_is_told_also_where_it_was_not_flushed(file: Path, trained: TrainedModel) -> None:
    assert sealed(file, "keeps_its_prints").call(trained).printed == "not flushed\n"


def test_global_generators_begin_alike_on_every_call_and_on_twins(file: Path, trained: TrainedModel) -> None:
    function = sealed(file, "draws")
    torch.manual_seed(1)
    one = function.call(trained)
    torch.manual_seed(2)
    other = function.call(trained)
    assert one.changes == other.changes == ("it changed torch's global random state",)
    assert one.reading.value == other.reading.value is not None


def test_a_file_declares_all_its_measures(file: Path) -> None:
    names = {measure.name for measure in declare(str(file), "", str(file))}
    assert names == {
        "largest_logit",
        "estimated",
        *LACKING,
        "retrained_twice",
        "retrained_wrongly",
        "fails_at_the_parent",
        "applies_never",
        "breaks",
        "draws",
        "keeps_its_prints",
    } | {"ends_its_process"}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("bare", "bare is not decorated; write @measure"), ("brakes", "there is no measure 'brakes' in it")],
)
def test_what_is_no_measure_is_a_sentence(name: str, sentence: str, file: Path) -> None:
    with pytest.raises(HarnessError, match=sentence):
        declare(str(file), name, "what was typed")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name' at .*:1"),
        ("import os; os._exit(3)", "its process ended with exit status 3"),
        ("import torch; torch.set_default_dtype(torch.float64)", "changes torch's default dtype"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("print('first'); import os; os.kill(os.getpid(), 11)", "ended by SIGSEGV. It printed"),
    ],
)
def test_what_cannot_be_imported_is_a_sentence(line: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text(line + "\n")
    with pytest.raises(CannotBeImported, match=sentence):
        declare(str(path), "", str(path))


TWO = """from measures import measure

@measure(source="a test")
def good(trained):
    return 1.0

@measure
def bare(trained):
    return 1.0

@measure(source="")
def no_source(trained):
    return 1.0
"""


def test_a_wrong_function_does_not_block_its_files_others(tmp_path: Path, trained: TrainedModel) -> None:
    path = tmp_path / "two.py"
    path.write_text(TWO)
    (good,) = declare(str(path), "good", "two.py::good")
    assert good.name == "good"
    with pytest.raises(HarnessError, match=rf"{path}:11: no_source has no source; name the paper"):
        declare(str(path), "no_source", "two.py::no_source")
    assert {measure.name for measure in declare(str(path), "", "two.py")} == {"good", "bare", "no_source"}
    assert sealed(path, "good").call(trained).reading.value == 1.0
    reading = SealedFunction(dataclasses.replace(good, name="bare")).call(trained).reading
    assert (reading.status, reading.reason) == (
        "error",
        "bare is decorated with a bare @measure; write @measure(source='...')",
    )


def test_the_seconds_of_a_call_are_no_more_than_were_waited_for(tmp_path: Path, trained: TrainedModel) -> None:
    """Sums of what a measure says of its time would be infinite, and no record can be written with that."""
    path = tmp_path / "slow.py"
    path.write_text(
        "import time\nfrom measures import measure\ntime.perf_counter = iter([0.0, 1e308]).__next__\n"
        "@measure(source='a test')\ndef endless(trained):\n    return 1.0\n"
    )
    called = sealed(path, "endless").call(trained)
    assert called.reading.value == 1.0
    assert called.reading.seconds < 600


def test_a_measure_of_this_project_may_be_named_by_a_strangers_file(tmp_path: Path, trained: TrainedModel) -> None:
    path = tmp_path / "again.py"
    path.write_text("from measures.norms.l2_norm import l2_norm\n")
    assert sealed(path, "l2_norm")(trained) == l2_norm(trained)


def test_a_folder_without_init_is_no_package_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python merges such folders of one name: baselines/ of this project, and baselines/ of a stranger's."""
    (tmp_path / "merged").mkdir()
    (tmp_path / "whole").mkdir()
    (tmp_path / "whole" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert _packages("merged.module") == ()
    assert _packages("whole.module")[0] == str(tmp_path / "whole")
    assert _packages(str(tmp_path / "file.py")) == ()
