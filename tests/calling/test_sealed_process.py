"""A call in a process of its own gives what a call here gives, also where the platform cannot confine it."""

import multiprocessing
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from harness.calling import confinement
from harness.calling.confinement import Confinement
from harness.calling.handed_out import handed_out
from harness.calling.purity import Witness
from harness.calling.readable import readable
from harness.calling.request import Called, Request, read_called
from harness.calling.sealed_process import ANSWER, asked_for, live
from measures.norms.l2_norm import l2_norm
from measures.outputs.brier_score import brier_score
from tests.builders.models import random_network


def called_in_a_fork(name: str, origin: str, confined: Confinement, folder: Path) -> Called:
    """What `live` sends of a measure on a small network."""
    request = Request("call", origin, name, name, tuple(map(str, [folder])))
    ours, theirs = multiprocessing.Pipe()
    witness = Witness(handed_out(random_network("mlp_1x8", 0)))
    witness.look()
    pid = os.fork()
    if pid == 0:
        live(request, witness, theirs, os.open(os.devnull, os.O_WRONLY), confined)
    theirs.close()
    message = ours.recv_bytes()
    os.waitpid(pid, 0)
    assert message[:1] == ANSWER
    return read_called(message[1:])


@pytest.mark.parametrize("version", [0, None])
@pytest.mark.parametrize("measure", [l2_norm, brier_score])
def test_the_value_is_the_same_with_and_without_landlock(
    version: int | None, measure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if version is not None:
        monkeypatch.setattr(confinement, "_landlock_version", lambda: version)
    confined = Confinement(*readable([str(tmp_path)]), tmp_path)
    assert (confined.fileno() == -1) >= (version == 0)
    called = called_in_a_fork(measure.name, measure.origin, confined, tmp_path)
    assert called.reading.value == measure(handed_out(random_network("mlp_1x8", 0)))
    assert called.changes == ()


def test_what_is_asked_of_the_parent_is_read_strictly() -> None:
    inputs, labels = torch.randn(3, 1, 2, 2), torch.tensor([0, 1, 0])
    message = b"t" + save({"inputs": inputs, "labels": labels}, {"reseed": "1", "max_epochs": "7"})
    there, given, options = asked_for(message)
    assert torch.equal(there, inputs) and torch.equal(given, labels)
    assert options == {"reseed": 1, "max_epochs": 7}


@pytest.mark.parametrize(
    "message",
    [
        b"t",
        b"t" + b"\xff" * 64,
        b"t" + save({"inputs": torch.zeros(2)}),
        b"t" + save({"inputs": torch.zeros(2), "labels": torch.zeros(2)}, {"folder": "1"}),
        b"t" + save({"inputs": torch.zeros(2), "labels": torch.zeros(2)}, {"reseed": "one"}),
    ],
)
def test_what_cannot_be_read_is_a_sentence(message: bytes) -> None:
    with pytest.raises(ValueError, match="what to retrain on could not be read"):
        asked_for(message)
