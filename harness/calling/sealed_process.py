"""The life of a process that calls a stranger's measure once: it shuts itself in, imports, calls, answers, and is gone.

It is forked from the host (host.py), which has the model and knows nothing else; whatever the measure does to modules,
modes, defaults, environment or disk ends with it.
"""

import contextlib
import copy
import gc
import json
import os
import pickle
import random
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import psutil
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from harness.calling.confinement import Confinement, end_with_parent
from harness.calling.counting import Operations
from harness.calling.imports import ImportFailed, measure_in, measures_in
from harness.calling.purity import Witness
from harness.calling.reading import Reading, read_here
from harness.calling.request import Called, Request, called_as_json, declared_as_json, with_fields
from harness.errors import HarnessError
from measures.networks.copying import in_evaluation
from measures.registry import Measure, NotApplicable, measure_of

LARGEST_FILE = 1 << 30  # bytes
ANSWER, REFUSAL, UNUSABLE, RETRAIN, LACKING = b"a", b"r", b"u", b"t", b"l"
"""What the first byte of a message says: it is an answer, a sentence why there is none (UNUSABLE: the import failed;
LACKING: the model came without what is asked for), or it asks for a network."""


def live(
    request: Request,
    witness: Witness | None,
    pipe: Connection,
    output: int,
    confinement: Confinement,
    begin: Callable[[], object] = lambda: None,
    own: Path | None = None,
) -> NoReturn:
    """In a process that was just forked: do what is requested, send it through the pipe, and end.

    `begin` is called when this process is shut in, and before anything of the measure is; `own` is a folder to be in.
    """
    status = 1
    try:
        answer(request, witness, pipe, output, confinement, begin=begin, own=own)
        status = 0
    except BaseException:
        _flush()
        traceback.print_exc()  # to where its prints go
    finally:
        os._exit(status)  # nothing that was registered to run at the end is run


def answer(
    request: Request,
    witness: Witness | None,
    pipe: Connection,
    output: int,
    confinement: Confinement,
    kept: tuple[int, ...] = (),
    begin: Callable[[], object] = lambda: None,
    own: Path | None = None,
) -> None:
    """Shut this process in for good, do what is requested, and send what came of it. `kept`: descriptors that stay."""
    _shut_in(request, (pipe.fileno(), *kept), output, confinement, own)
    begin()
    try:
        message = ANSWER + _answer(request, witness, pipe)
    except ImportFailed as problem:
        message = UNUSABLE + str(problem).encode(errors="replace")
    except HarnessError as problem:
        message = REFUSAL + str(problem).encode(errors="replace")
    _flush()
    pipe.send_bytes(message)


def _flush() -> None:
    """What it printed is where the host looks for it; a measure may have put anything in the place of these."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _shut_in(request: Request, kept: tuple[int, ...], output: int, confinement: Confinement, own: Path | None) -> None:
    gc.freeze()  # what the host has is not garbage, and looking for some would write to every page
    gc.enable()
    if hasattr(os, "setsid"):
        os.setsid()  # what it starts ends with it
    end_with_parent()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    stay = sorted({*kept, confinement.fileno()} - {-1})
    for first, last in zip([2, *stay], [*stay, os.sysconf("SC_OPEN_MAX")], strict=True):
        os.closerange(first + 1, last)
    _limit_files()
    sys.path[:] = request.search
    if own is not None:
        os.chdir(own)
        os.environ.update(HOME=str(own), TMPDIR=str(own))
    confinement.apply(own)


def _answer(request: Request, witness: Witness | None, pipe: Connection) -> bytes:
    if request.task == "declare":
        return declared_as_json(measures_in(request.origin, request.function, request.called))
    assert witness is not None
    trained = witness.trained
    _seed_everything(trained.seed + request.global_seed)
    with_fields(trained, {"retrain_function": AskParent(vars(trained)["init"] or trained.model, pipe)})
    try:
        measure = _measure(request)
    except HarnessError as problem:
        return called_as_json(Called(Reading("error", None, str(problem), 0.0)))
    witness.look_again()
    if request.task == "count":
        before = _highest_memory()
        with Operations() as operations:
            reading = read_here(measure, trained)
        numbers = operations.numbers() | {"megabytes": (_highest_memory() - before) / 2**20}
        return called_as_json(Called(reading, tuple(witness.changes()), numbers))
    reading = read_here(measure, trained)
    return called_as_json(Called(reading, tuple(witness.changes())))


def _seed_everything(seed: int) -> None:
    """Global random states are a function of the model: they tell nothing of what was done before the call."""
    torch.default_generator.manual_seed(seed)  # torch.manual_seed would look for accelerators
    np.random.seed(seed % 2**32)
    random.seed(seed)


def _measure(request: Request) -> Measure:
    if not request.function_bytes:
        return measure_in(request.origin, request.function)
    try:
        function = pickle.loads(request.function_bytes)  # the user's own, sent from their notebook
    except Exception as cause:
        raise HarnessError(f"{request.called} cannot be made again in its process: {cause}") from cause
    return function if isinstance(function, Measure) else measure_of(function, source="a function in a notebook")


class AskParent:
    """`retrain_function` of a model whose way to train stays with the parent: it is asked for the network."""

    def __init__(self, like: nn.Module, pipe: Connection):
        self.like, self.pipe = like, pipe

    def __call__(self, inputs: Tensor, labels: Tensor, reseed: int = 0, **budget: Any) -> nn.Module:
        options = {name: str(int(value)) for name, value in {"reseed": reseed, **budget}.items()}
        examples = {"inputs": inputs.detach().cpu().contiguous(), "labels": labels.detach().cpu().contiguous()}
        self.pipe.send_bytes(RETRAIN + save_tensors(examples, options))
        answer = self.pipe.recv_bytes()
        if answer[:1] == REFUSAL:
            raise ValueError(answer[1:].decode())
        if answer[:1] == LACKING:
            raise NotApplicable(answer[1:].decode())
        network = copy.deepcopy(self.like)
        network.load_state_dict(load_tensors(answer[1:]))
        return in_evaluation(network.to(inputs.device))


def asked_for(message: bytes) -> tuple[Tensor, Tensor, dict[str, int]]:
    """Of a message that asks for a network: examples and options. ValueError if it is anything else."""
    try:
        length = int.from_bytes(message[1:9], "little")
        header = json.loads(message[9 : 9 + length])
        options = {name: int(value) for name, value in header.get("__metadata__", {}).items()}
        tensors = load_tensors(message[1:])
        if not set(options) <= {"reseed", "max_epochs"}:
            raise ValueError(f"unknown options {sorted(options)}")
        return tensors["inputs"], tensors["labels"], options
    except Exception as cause:  # it was written by a stranger's code
        raise ValueError(f"what to retrain on could not be read ({type(cause).__name__}: {cause})") from cause


def _limit_files() -> None:
    """Nothing that it writes is larger than LARGEST_FILE, and it leaves no core. Not on Windows."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _highest_memory() -> int:
    """Bytes: the most that this process has had resident, which when it is forked is what it has."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def folder_of(request: Request) -> Path | None:
    """The folder of the file that is imported."""
    return Path(request.origin).parent if request.origin.endswith(".py") else None
