"""On a repeated model each measure is called twice, and must give the same whatever was computed before it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.calling import handed_out
from harness.calling.reading import Reading
from harness.evaluation import load_model
from harness.evaluation.evaluate_job import EvaluateJob, evaluate_model
from harness.evaluation.measure_reference import MeasureReference
from harness.settings import make_settings
from harness.zoo.build import build
from harness.zoo.zoo import recipes
from measures.registry import Measure, measure_of
from measures.trained_model import TrainedModel
from tests.builders.models import random_network, trained_model
from tests.builders.odd_networks.plain import Calling
from tests.conftest import TINY

CALLS: list[str] = []


def reads_the_logits(trained: TrainedModel) -> float:
    CALLS.append("reads_the_logits")
    return float(trained.logits.sum())


def sees_what_others_computed(trained: TrainedModel) -> float:
    CALLS.append("sees_what_others_computed")
    return float("logits" in vars(trained))


def counts(trained: TrainedModel) -> float:
    CALLS.append("counts")
    return float(len(trained.labels))


def readings(functions: list[Callable[[TrainedModel], float]], cache: Path, repeat: bool) -> dict[str, Reading]:
    """In this process, as measures of this project; what was reported of each."""
    CALLS.clear()
    settings = make_settings(cache_dir=str(cache), workers=1)
    recipe = recipes(TINY, ["random_labels"])[0]
    build([recipe], settings, progress=False)
    own = {
        function.__name__: dataclasses.replace(measure_of(function, source="a test"), family="controls")
        for function in functions
    }
    references = tuple(MeasureReference(name, origin="a test", source_sha256="") for name in own)

    def find(reference: MeasureReference) -> Measure:
        return own[reference.name]

    found: dict[str, Reading] = {}

    def report(payload: Any) -> None:
        if isinstance(payload, tuple):
            name, reading = payload
            assert name not in found, "reported twice"
            found[name] = reading

    evaluate_model(EvaluateJob(recipe, references, repeat, settings), find, report)
    return found


def test_a_repeated_model_is_gone_through_forwards_and_then_backwards(shared_cache: Path) -> None:
    found = readings([counts, reads_the_logits], shared_cache, repeat=True)
    assert CALLS == ["counts", "reads_the_logits", "reads_the_logits", "counts"]
    assert {reading.status for reading in found.values()} == {"value"}


def test_others_are_gone_through_once(shared_cache: Path) -> None:
    readings([counts, reads_the_logits], shared_cache, repeat=False)
    assert CALLS == ["counts", "reads_the_logits"]


@pytest.mark.parametrize(
    "order", [[sees_what_others_computed, reads_the_logits], [reads_the_logits, sees_what_others_computed]]
)
def test_a_value_that_depends_on_what_was_computed_before_is_an_error(
    order: list[Callable[[TrainedModel], float]], shared_cache: Path
) -> None:
    found = readings(order, shared_cache, repeat=True)
    assert found["sees_what_others_computed"].reason.startswith("it is not deterministic")
    assert found["reads_the_logits"].status == "value"


def sealed_readings(load: Callable[[], TrainedModel], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The status that is reported of a measure of the project, a stranger's, and another of the project."""
    monkeypatch.setattr(load_model, "load_model", lambda recipe, settings, report: load())
    families = {"own": "controls", "strange": "external", "later": "controls"}
    known = {
        name: dataclasses.replace(measure_of(counts, source="a test"), name=name, family=family)
        for name, family in families.items()
    }
    references = tuple(MeasureReference(name, origin="a test", source_sha256="") for name in known)
    job = EvaluateJob(recipes(TINY, ["random_labels"])[0], references, True, make_settings(workers=1))
    found: dict[str, str] = {}

    def report(payload: Any) -> None:
        if isinstance(payload, tuple):
            found[payload[0]] = payload[1].status

    evaluate_model(job, lambda reference: known[reference.name], report)
    return found


def test_a_model_that_a_stranger_cannot_have_costs_the_strangers_measure_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = random_network("mlp_1x8", 0)
    monkeypatch.setattr(handed_out, "seed_of", lambda init: {}["no such tensor"])
    assert sealed_readings(lambda: trained, monkeypatch) == {"strange": "error", "own": "value", "later": "value"}


def test_a_measure_is_not_applicable_to_a_network_that_noise_on_its_inputs_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inputs = torch.rand(8, 4)
    network = Calling(lambda self, x: (x * 1e7).sin()).eval()
    trained = trained_model(network, inputs, torch.arange(8) % 4, num_classes=4)
    found = sealed_readings(lambda: trained, monkeypatch)
    assert found == {"strange": "not_applicable", "own": "value", "later": "value"}


def test_a_network_whose_class_is_declared_again_as_it_is_loaded_again_is_not_changed_by_a_measure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Own(torch.nn.Linear):
        pass

    def load() -> TrainedModel:
        Own.forward = lambda self, x: torch.nn.Linear.forward(self, x)
        return trained_model(Own(3, 2).eval(), torch.rand(4, 3), torch.tensor([0, 1, 0, 1]), num_classes=2)

    assert set(sealed_readings(load, monkeypatch).values()) == {"value"}
