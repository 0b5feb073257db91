"""What comes back from a stranger's process is known fields of known types, or it is refused."""

import dataclasses
import json
import math
from typing import Any

import pytest
import torch
from torch.nn.utils import parametrizations

from harness.calling.handed_out import handed_out
from harness.calling.reading import Reading
from harness.calling.request import (
    LONGEST_REASON,
    LONGEST_TRACE,
    MOST_CHANGES,
    Called,
    called_as_json,
    declared_as_json,
    pack,
    plain,
    read_called,
    read_declared,
    unpack,
)
from harness.errors import HarnessError
from measures.norms.l2_norm import l2_norm
from tests.builders.models import random_network

VALUE = Reading("value", 0.1 + 0.2, "", 0.5)
CALLED = Called(VALUE, ("it changed the inputs",), {"forward": 12.0})


def changed(**fields: Any) -> bytes:
    """The answer with other fields of the reading."""
    content = json.loads(called_as_json(CALLED))
    return json.dumps({**content, "reading": {**content["reading"], **fields}}).encode()


def test_an_answer_comes_back_bit_for_bit() -> None:
    assert read_called(called_as_json(CALLED)) == CALLED
    nothing = Called(Reading("not_applicable", None, "no layers", 0.0))
    assert read_called(called_as_json(nothing)) == nothing
    estimate = Called(Reading("value", 0.1 + 0.2, "", 0.5, standard_error=0.1 / 3))
    assert read_called(called_as_json(estimate)) == estimate


@pytest.mark.parametrize(
    "fields",
    [
        {"value": math.nan},
        {"value": math.inf},
        {"value": "1.0"},
        {"value": True},
        {"value": None},
        {"value": [1.0]},
        {"status": "error"},
        {"status": "passed", "value": None},
        {"status": None},
        {"seconds": math.inf},
        {"seconds": math.nan},
        {"seconds": -1.0},
        {"seconds": "0.5"},
        {"reason": None},
        {"reason": ["x"]},
        {"traceback": 7},
        {"standard_error": math.nan},
        {"standard_error": -0.1},
        {"standard_error": True},
        {"standard_error": "0.1"},
        {"standard_error": 0.1, "status": "not_applicable", "value": None},
        {"weight": 1.0},
    ],
)
def test_an_answer_with_another_field_is_none(fields: dict[str, Any]) -> None:
    with pytest.raises(HarnessError, match="sent something other than an answer"):
        read_called(changed(**fields))


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"reading": {}}', b"1" * 10_000]
)
def test_what_is_no_answer_is_refused(content: bytes) -> None:
    with pytest.raises(HarnessError, match="sent something other than an answer"):
        read_called(content)


def test_texts_are_cut_and_have_nothing_that_a_terminal_obeys() -> None:
    long = "\x1b[31m" + "x" * 50_000
    called = read_called(changed(status="error", value=None, reason=long, traceback=long))
    assert called.reading.reason == "[31m" + "x" * (LONGEST_REASON - 5)
    assert called.reading.traceback == "[31m" + "x" * (LONGEST_TRACE - 5)
    content = json.loads(called_as_json(CALLED)) | {"changes": ["\x07changed"] * 100}
    assert read_called(json.dumps(content).encode()).changes == ("changed",) * MOST_CHANGES


def test_numbers_that_are_none_are_left_out() -> None:
    numbers = {"forward": 3, "backward": math.nan, "megabytes": -1, "verdicts": 7}
    content = json.loads(called_as_json(CALLED)) | {"numbers": numbers}
    assert read_called(json.dumps(content).encode()).numbers == {"forward": 3.0}


@pytest.mark.parametrize(("text", "left"), [("a\x1b]0;b\x07c", "a]0;bc"), ("ä\n\tb", "ä\n\tb"), ("\u202ea\x00", "a")])
def test_plain_text(text: str, left: str) -> None:
    assert plain(text) == left


def test_a_declared_measure_is_read_without_its_function() -> None:
    (measure,) = read_declared(declared_as_json([l2_norm]))
    same = ("name", "source", "version", "cost", "invariant_to", "bound", "origin", "file", "line")
    assert all(getattr(measure, field) == getattr(l2_norm, field) for field in same)
    assert measure.family == "external"
    with pytest.raises(HarnessError, match="is called in a process of its own"):
        measure(random_network("mlp_1x8", 0))


def test_a_source_is_one_line_that_a_terminal_does_not_obey() -> None:
    (content,) = json.loads(declared_as_json([l2_norm]))
    declared = json.dumps([content | {"source": "a\x1b]0;b\x07 paper,\n  eq. 1\n"}]).encode()
    assert read_declared(declared)[0].source == "a]0;b paper, eq. 1"


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "no name"},
        {"name": 1},
        {"name": "n" * 201},
        {"file": "/a\0.py"},
        {"origin": "a\0.py"},
        {"version": "1"},
        {"version": True},
        {"line": -1},
        {"cost": "free"},
        {"invariant_to": ["everything"]},
        {"bound": 1},
        {"file": None},
        {"family": 3, "secret": 1},
    ],
)
def test_a_declaration_with_another_field_is_none(fields: dict[str, Any]) -> None:
    (content,) = json.loads(declared_as_json([l2_norm]))
    with pytest.raises(HarnessError, match="sent something other than measures"):
        read_declared(json.dumps([content | fields]).encode())


def test_a_model_arrives_as_it_was_without_its_way_to_retrain() -> None:
    trained = dataclasses.replace(random_network("mlp_1x8", 0), retrain_function=lambda *given: None)
    given = handed_out(trained)
    arrived = unpack(pack(given))
    assert arrived.retrain_function is None
    assert torch.equal(arrived.inputs, given.inputs) and torch.equal(arrived.labels, given.labels)
    assert (arrived.seed, arrived.num_classes) == (given.seed, given.num_classes)
    assert torch.equal(arrived.logits, given.logits)
    assert torch.equal(arrived.history.train_loss, given.history.train_loss)


@pytest.mark.parametrize("norm", [parametrizations.weight_norm, parametrizations.spectral_norm])
def test_a_model_with_parametrized_weights_arrives_and_a_measure_has_its_value_there(norm: Any) -> None:
    trained = random_network("mlp_1x8", 0)
    for network in (trained.model, trained.init):
        for layer in [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)]:
            norm(layer)
        network.eval()
    arrived = unpack(pack(handed_out(trained)))
    assert l2_norm(arrived) == l2_norm(trained)
    assert [name for name, _ in arrived.init.named_parameters()] == [
        name for name, _ in trained.init.named_parameters()
    ]
