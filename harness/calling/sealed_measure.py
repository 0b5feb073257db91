"""A stranger's measure as seen from a process that knows the answers: it is called in another, and gives a number.

A host (host.py) is started once for this process. It is sent a model and then what to call on it.
"""

import dataclasses
import importlib.util
import multiprocessing.util
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as save_tensors
from torch import nn

from harness.calling.forked_call import PRINTED
from harness.calling.host import MODEL, READY, host, host_without_fork
from harness.calling.own_networks import addressed
from harness.calling.reading import Reading
from harness.calling.request import (
    Called,
    CannotBeSent,
    Request,
    Task,
    pack,
    plain,
    read_called,
    read_declared,
)
from harness.calling.sealed_process import ANSWER, LACKING, REFUSAL, RETRAIN, UNUSABLE, asked_for
from harness.errors import HarnessError
from harness.files.sealed_tensors import each_by_itself
from harness.files.search_path import search_now
from harness.workers.multiprocessing_config import without_main
from harness.workers.pool import process_context
from harness.workers.retrying import ATTEMPTS
from measures.registry import PACKAGE, Estimate, Measure, NotApplicable
from measures.trained_model import NO_RETRAINING, TrainedModel


@dataclasses.dataclass(frozen=True)
class SealedFunction:
    """The function of a stranger's measure: called with a TrainedModel, it is called in a process of its own.

    - `measure`: as it was declared. `function_bytes`: a function that a notebook has sent, and no file has.
    - `search`: where imports are looked for, beside this process's own sys.path. `memory`: bytes that a call may use.
    """

    measure: Measure
    search: tuple[str, ...] = ()
    function_bytes: bytes = b""
    memory: int | None = None

    def __call__(self, trained: TrainedModel) -> float:
        """The value. Raises NotApplicable where the measure does, and HarnessError for anything else than a value."""
        reading = self.call(trained).reading
        if reading.status == "not_applicable":
            raise NotApplicable(reading.reason)
        if reading.value is None:
            raise HarnessError(f"{self.measure.name}: {reading.reason}")
        return reading.value if reading.standard_error is None else Estimate(reading.value, reading.standard_error)

    def call(self, trained: TrainedModel, task: Task = "call", global_seed: int = 0) -> Called:
        """What comes of it. One that ends its process is tried again. Of `global_seed` random states are a function."""
        request = Request(
            task=task,
            origin=self.measure.origin,
            function=self.measure.name,
            called=str(self.measure.file),
            search=search_now((*self.search, "")),
            packages=_packages(self.measure.origin),
            function_bytes=self.function_bytes,
            memory=self.memory,
            global_seed=global_seed,
        )
        how = printed = ""
        for _ in range(ATTEMPTS):
            started = time.perf_counter()
            try:
                answer, how, printed = _ask(request, trained)
            except CannotBeSent as problem:
                return Called(Reading("error", None, str(problem), 0.0))
            if answer is not None:
                called = _called(answer)
                seconds = min(called.reading.seconds, time.perf_counter() - started)  # its own word, up to our wait
                reading = dataclasses.replace(called.reading, seconds=seconds)
                return dataclasses.replace(called, reading=reading, printed=plain(printed))
        ended = Reading("error", None, f"it ended its process {ATTEMPTS} times: {how}", 0.0)
        return Called(ended, printed=plain(printed), ended=True)


class CannotBeImported(HarnessError):
    """A stranger's file or module raised when it was imported, ended its process, or changed what torch does."""


def declare(origin: str, function: str, called: str) -> list[Measure]:
    """The measures that a file or a module declares (imports.py), imported in a process of its own.

    Raises CannotBeImported, and HarnessError for what is not a measure, with one sentence.
    """
    request = Request("declare", origin, function, called, search_now([""]), _packages(origin))
    answer, how, printed = _ask(request, None)
    if answer is None:
        said = f" It printed: {plain(printed)}" if printed else ""
        raise CannotBeImported(f"{called} cannot be imported: {how}.{said}")
    if answer[:1] != ANSWER:
        kind = CannotBeImported if answer[:1] == UNUSABLE else HarnessError
        raise kind(plain(answer[1:].decode(errors="replace")))
    declared = read_declared(answer[1:])
    for measure in declared:
        _check_file(measure, called)
    return declared


def _check_file(measure: Measure, called: str) -> None:
    """HarnessError if it says that its source is another file than the one that is imported to call it.

    The digest of that file goes into the record, and a name that is taken is free for the file that has it.
    """
    file, origin = measure.file, measure.origin
    if origin.endswith(".py"):
        stands_there = file == Path(origin)
    else:  # of a module outside this project only an import would tell the file
        own = PACKAGE in file.parents and ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
        stands_there = not own or own == origin
    if not stands_there:
        raise HarnessError(f"{called}: the source of {measure.name} is said to be {file}, which is not {origin}")
    if file.suffix != ".py" or not file.is_file():  # it is read here, and a device has no end
        raise HarnessError(f"{called}: the source of {measure.name} is said to be {file}, which is not a Python file")


def _called(answer: bytes) -> Called:
    try:
        if answer[:1] == ANSWER:
            return read_called(answer[1:])
        problem = answer[1:].decode(errors="replace")
    except HarnessError as refusal:
        problem = str(refusal)
    return Called(Reading("error", None, plain(problem), 0.0))


def _packages(origin: str) -> tuple[str, ...]:
    """Where the package of a module stands, which an installation may have linked to another place."""
    if origin.endswith(".py"):
        return ()
    try:
        spec = importlib.util.find_spec(origin.partition(".")[0])  # of the outermost: nothing is imported
    except (ImportError, ValueError, AttributeError):
        return ()
    if spec is not None and spec.origin is None:
        return ()  # a folder without __init__.py: whoever adds to it would have all that is in it
    places = [] if spec is None else [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.origin else [])]
    return tuple(place for place in places if Path(place).exists())


class _Host:
    """The host of this process and the pipe to it."""

    def __init__(self) -> None:
        context = process_context()
        self.connection, theirs = context.Pipe()
        self.once = sys.platform != "linux"  # it is the process of the call, and ends with it
        target: Callable[..., None] = host_without_fork if self.once else host
        self.scratch = Path(tempfile.mkdtemp(prefix="measure-")).resolve()
        self.process = context.Process(target=target, args=(theirs, self.scratch))
        with without_main():
            self.process.start()
        theirs.close()
        self.pid = os.getpid()
        self.model: TrainedModel | None = None

    def is_ready(self) -> None:
        """Wait until it has started."""
        self.connection.send(READY)
        self.connection.recv_bytes()

    def give(self, trained: TrainedModel | None) -> None:
        """Have it hold this model."""
        if trained is not None and trained is not self.model:
            packed = addressed(pack(trained))
            self.connection.send(MODEL)
            self.connection.send_bytes(packed)  # as it is: pickled, it would be copied twice
            self.model = trained

    def end(self) -> None:
        self.connection.close()
        self.process.join(timeout=5)
        self.process.kill()
        self.process.join()
        shutil.rmtree(self.scratch, ignore_errors=True)


_hosts: list[_Host] = []
_ended_at_exit_of: set[int] = set()


def end_host() -> None:
    """End the host of this process, if there is one; the next call starts another."""
    while _hosts:
        _hosts.pop().end()


def start_host() -> None:
    """Start the host of this process, if there is none."""
    _host().is_ready()


def _host() -> _Host:
    if _hosts and _hosts[0].pid != os.getpid():
        _hosts.clear()  # the parent's
    elif _hosts and not _hosts[0].process.is_alive():
        end_host()
    if not _hosts:
        _hosts.append(_Host())
    if os.getpid() not in _ended_at_exit_of:
        multiprocessing.util.Finalize(None, end_host, exitpriority=10)
        _ended_at_exit_of.add(os.getpid())
    return _hosts[0]


def _ask(request: Request, trained: TrainedModel | None) -> tuple[bytes | None, str, str]:
    """The answer, or None; how the process ended; what it printed."""
    there = _host()
    answer: bytes | None = None
    try:
        there.give(trained)
        there.connection.send(request)
        while True:
            message = there.connection.recv_bytes()
            if message[:1] == RETRAIN:
                assert trained is not None
                there.connection.send_bytes(_retrained(message, trained))
            elif message[:1] == PRINTED:
                how, _, printed = message[1:].decode(errors="replace").partition("\n")
                if there.once:
                    end_host()
                return answer, how, printed
            elif answer is None:
                answer = message
    except (EOFError, OSError):
        end_host()
        return answer, "its process ended", ""


def _retrained(message: bytes, trained: TrainedModel) -> bytes:
    """The weights of the network that was asked for, or why there are none."""
    if trained.retrain_function is None:
        return LACKING + NO_RETRAINING.encode()
    try:
        inputs, labels, options = asked_for(message)
        _check_examples(inputs, labels, trained)
        network: nn.Module = trained.retrain(
            inputs.to(trained.inputs.device), labels.to(trained.labels.device), **options
        )
    except (ValueError, RuntimeError) as problem:
        return REFUSAL + str(problem).encode()
    except Exception as problem:  # its text may name the recipe
        return REFUSAL + f"the network cannot be trained on other examples ({type(problem).__name__})".encode()
    return ANSWER + save_tensors(each_by_itself(network.state_dict()))


def _check_examples(inputs: Any, labels: Any, trained: TrainedModel) -> None:
    shape, dtype = tuple(trained.inputs.shape[1:]), trained.inputs.dtype
    if inputs.dtype != dtype or tuple(inputs.shape[1:]) != shape or len(inputs) != len(labels) or not len(inputs):
        raise ValueError(f"retrain takes inputs (m, {', '.join(map(str, shape))}) of {dtype} and m labels, m above 0")
    if (
        labels.dtype != torch.int64
        or labels.ndim != 1
        or not 0 <= int(labels.min()) <= int(labels.max()) < trained.num_classes
    ):
        raise ValueError(f"retrain takes labels (m,) of int64 from 0 to {trained.num_classes - 1}")
