"""What a measure costs on one model: work in passes over the training set, seconds, memory.

A forward pass is counted in floating point operations (torch's own count of matrix products and convolutions), so that
the number is the same on any machine and a sample of the examples counts as its share. A backward pass is twice the
operations. Work outside torch, and decompositions of matrices, show in the seconds alone.
"""

import dataclasses
import functools
from pathlib import Path

import torch

from harness.calling.call import counted_call
from harness.calling.counting import Operations
from harness.errors import HarnessError
from harness.evaluation.finding import Finding
from harness.evaluation.load_model import load_model
from harness.evaluation.probe import Probe
from harness.settings import Settings
from harness.store.retrained import retrained
from harness.training.recipe import Recipe
from harness.zoo.zoo import Zoo, twins
from measures.registry import Measure
from measures.trained_model import CHUNK, TrainedModel

FAST_PASSES = 10.0  # a backward pass counts as two forward ones


def models(zoo: Zoo) -> dict[str, Recipe]:
    """One natural model of every network, by the network's name: its first seed, on the first data set that has it."""
    naturals = [twin.natural for twin in twins(zoo, "random_labels")]
    return {recipe.network: recipe for recipe in reversed(naturals)}


PROBE = Probe("cost", (), lambda zoo: tuple(models(zoo).values()), of_zoo=True)


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
    called = counted_call(measure, trained)
    if called.reading.value is None:
        return Finding(skipped=called.reading.reason)
    one = pass_over_data.forward
    if not one:
        raise HarnessError("torch counted no operations in a forward pass; what a measure does cannot be counted")
    numbers = {
        "forward_passes": called.numbers["forward"] / one,
        "backward_passes": called.numbers["backward"] / (2 * one),
        "peak_memory_mb": called.numbers["megabytes"],
    }
    passes = numbers["forward_passes"] + 2 * numbers["backward_passes"]
    problem = ""
    if measure.cost == "fast" and passes > FAST_PASSES:
        problem = f"it declares itself fast, and does the work of {passes:.0f} forward passes (limit {FAST_PASSES:.0f})"
    return Finding(problem, "", numbers)
