"""What a measure costs on one model: work in passes over the training set, seconds, memory.

A forward pass is counted in floating point operations (torch's own count of matrix products and convolutions), so that
the number is the same on any machine and a sample of the examples counts as its share. A backward pass is twice the
operations. Work outside torch, and decompositions of matrices, show in the seconds alone.
"""

import dataclasses
import functools
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from harness.checklist import Checklist, Finding
from harness.errors import HarnessError
from harness.evaluate import load_model, read
from harness.recipe import Recipe
from harness.retrained import retrained
from harness.settings import Settings
from harness.trained_model import CHUNK, TrainedModel
from harness.zoo import Zoo, twins
from measures._registry import Measure

FAST_PASSES = 10.0  # a backward pass counts as two forward ones
SAMPLING_SECONDS = 0.002


def models(zoo: Zoo) -> dict[str, Recipe]:
    """One natural model of every network, by the network's name: its first seed."""
    naturals = [twin.natural for twin in twins(zoo, "random_labels")]
    return {recipe.network: recipe for recipe in reversed(naturals)}


CHECKLIST = Checklist("cost", (), lambda zoo: tuple(models(zoo).values()))


def fresh(recipe: Recipe, settings: Settings, folder: Path) -> TrainedModel:
    """The model with nothing computed yet, whose retrained networks go to `folder`, not to the store."""
    trained = load_model(recipe, settings)
    retrain = functools.partial(retrained, folder, recipe, trained.num_classes)
    return dataclasses.replace(trained, retrain_function=retrain)


def work(measure: Measure, trained: TrainedModel) -> Finding:
    """The passes and the peak memory of one call; a problem if they belie the tier that the measure declares."""
    with Operations() as pass_over_data, torch.no_grad():
        for x in trained.inputs.split(CHUNK):
            trained.model(x)
    with PeakMemory() as memory, Operations() as operations:
        reading = read(measure, trained)
    if reading.value is None:
        return Finding(skipped=reading.reason)
    one = pass_over_data.forward
    if not one:
        raise HarnessError("torch counted no operations in a forward pass; what a measure does cannot be counted")
    numbers = {
        "forward_passes": operations.forward / one,
        "backward_passes": operations.backward / (2 * one),
        "peak_memory_mb": memory.megabytes,
    }
    passes = numbers["forward_passes"] + 2 * numbers["backward_passes"]
    problem = ""
    if measure.cost == "fast" and passes > FAST_PASSES:
        problem = f"it declares itself fast, and does the work of {passes:.0f} forward passes (limit {FAST_PASSES:.0f})"
    return Finding(problem, "", numbers)


class Operations(TorchDispatchMode):
    """Counts floating point operations of matrix products and convolutions, those of backward passes apart."""

    def __init__(self) -> None:
        super().__init__()
        self.forward = self.backward = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            number = count(*args, **(kwargs or {}), out_val=result)
            if torch._C._current_graph_task_id() == -1:  # no backward pass is running
                self.forward += number
            else:
                self.backward += number
        return result


class PeakMemory:
    """The highest resident memory of this process inside a `with`, above what it was at the beginning.

    Looked at every SAMPLING_SECONDS, so that a shorter peak can be missed.
    """

    def __enter__(self) -> "PeakMemory":
        self.process = psutil.Process(os.getpid())
        self.start = self.peak = self.process.memory_info().rss
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, kind: type | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.done.set()
        self.thread.join()
        self._look()

    @property
    def megabytes(self) -> float:
        return (self.peak - self.start) / 2**20

    def _watch(self) -> None:
        while not self.done.is_set():
            self._look()
            time.sleep(SAMPLING_SECONDS)

    def _look(self) -> None:
        self.peak = max(self.peak, self.process.memory_info().rss)
