"""A measure called where it belongs: one of this project in this process, a stranger's in a process of its own."""

import dataclasses
import random

import numpy as np
import torch

from harness.calling.counting import Operations
from harness.calling.purity import Witness
from harness.calling.reading import Reading, read_here
from harness.calling.request import COUNTED, Called
from harness.calling.sealed_measure import SealedFunction, start_host
from harness.workers.peak_memory import PeakMemory
from measures.registry import Measure
from measures.trained_model import TrainedModel


def read(measure: Measure, trained: TrainedModel) -> Reading:
    """Call the measure once; whatever comes of it becomes a Reading."""
    if isinstance(measure.function, SealedFunction):
        return measure.function.call(trained).reading
    return read_here(measure, trained)


def read_with_global_seed(measure: Measure, trained: TrainedModel, seed: int) -> Reading:
    """The same with the global random states of torch, numpy and Python seeded before."""
    if isinstance(measure.function, SealedFunction):
        return measure.function.call(trained, global_seed=seed).reading
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    return read_here(measure, trained)


def call_watched(measure: Measure, trained: TrainedModel, witness: Witness) -> Called:
    """The same, with what the measure changed; `witness` is of `trained`."""
    if isinstance(measure.function, SealedFunction):
        return measure.function.call(trained)
    witness.look()
    reading = read_here(measure, trained)
    return Called(reading, tuple(witness.changes()))


def counted_call(measure: Measure, trained: TrainedModel) -> Called:
    """The same with `numbers`: operations of the `forward` and `backward` passes, and `megabytes` at the peak."""
    if isinstance(measure.function, SealedFunction):
        called = measure.function.call(trained, "count")
        if called.reading.status == "value" and called.numbers.keys() != {*COUNTED}:
            return dataclasses.replace(called, reading=called.reading.failed("its process did not count its work"))
        return called
    with PeakMemory() as memory, Operations() as operations:
        reading = read_here(measure, trained)
    return Called(reading, numbers=operations.numbers() | {"megabytes": memory.megabytes})


def make_ready(measure: Measure) -> None:
    """Start what a call of the measure takes, if it takes anything, so that it is not part of the call."""
    if isinstance(measure.function, SealedFunction):
        start_host()
