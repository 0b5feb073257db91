"""The contract: is it a well-behaved measure? Asked on two tiny trained networks (harness/evaluation/probe.py)."""

import dataclasses
import math

import torch

from harness.calling.call import call_watched, read, read_with_global_seed
from harness.calling.purity import Witness
from harness.calling.reading import Reading
from harness.evaluation.finding import Finding
from harness.evaluation.probe import Clause, Load, Probe
from harness.training.recipe import Recipe
from measures.history import History
from measures.registry import Measure

ROUNDING = 1e-3  # relative; sums of float32 in another order, or on another device, agree to this

RECIPES = tuple(
    Recipe(data_set="digits", network=network, learning_rate=rate, seed=0, num_train=100, batch_size=32)
    for network, rate in (("mlp_2x16", 0.05), ("convnet_bn", 0.05))
)


def returns_one_finite_number(measure: Measure, load: Load) -> Finding:
    """A finite float, or NotApplicable."""
    reading = read(measure, load())
    return Finding(reading.reason if reading.status == "error" else "")


def repeats(measure: Measure, load: Load) -> Finding:
    """The same value from the same model, loaded again."""
    return _compare(read(measure, load()), read(measure, load()), "again", 0.0)


def leaves_everything_as_it_was(measure: Measure, load: Load) -> Finding:
    """Model, data, history, gradients, modes, hooks and global random state are untouched (purity.py)."""
    trained = load()
    return Finding("; ".join(call_watched(measure, trained, Witness(trained)).changes[:3]))


def draws_only_from_its_generator(measure: Measure, load: Load) -> Finding:
    """The global random state does not change the value."""
    first, second = (read_with_global_seed(measure, load(), seed) for seed in (1, 2))
    return _compare(first, second, "with another global seed", 0.0)


def does_not_depend_on_the_order_of_examples(measure: Measure, load: Load) -> Finding:
    """The training set is a set; up to rounding."""
    if measure.cost == "retrain":
        return Finding(skipped="retraining draws held-out examples and batches by their place in the order")
    trained = load()
    order = torch.randperm(len(trained.labels), generator=torch.Generator().manual_seed(0))
    history = {field.name: getattr(trained.history, field.name) for field in dataclasses.fields(History)}
    history["correct"] = history["correct"][:, order]
    shuffled = dataclasses.replace(
        load(), inputs=trained.inputs[order], labels=trained.labels[order], history=History(**history)
    )
    return _compare(read(measure, trained), read(measure, shuffled), "with its examples reordered", ROUNDING)


def does_not_depend_on_the_device(measure: Measure, load: Load) -> Finding:
    """The same value on an accelerator, up to rounding."""
    if not torch.cuda.is_available():
        return Finding(skipped="there is no accelerator here to compare with")
    if measure.cost == "retrain":
        return Finding(skipped="training takes another course on another device")
    trained = load()
    moved = dataclasses.replace(
        trained,
        model=trained.model.to("cuda"),
        init=trained.init.to("cuda"),
        inputs=trained.inputs.to("cuda"),
        labels=trained.labels.to("cuda"),
    )
    return _compare(read(measure, load()), read(measure, moved), "on the accelerator", ROUNDING)


CLAUSES: tuple[Clause, ...] = (
    returns_one_finite_number,
    repeats,
    leaves_everything_as_it_was,
    draws_only_from_its_generator,
    does_not_depend_on_the_order_of_examples,
    does_not_depend_on_the_device,
)

PROBE = Probe("contract", CLAUSES, lambda zoo: RECIPES)


def _compare(first: Reading, second: Reading, when: str, tolerance: float) -> Finding:
    if first.status == second.status != "value":
        return Finding()  # another clause says what is wrong with it, if anything
    a, b = first.value, second.value
    if a is not None and b is not None and math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance * 1e-6):
        return Finding()
    left, right = (reading.value if reading.value is not None else reading.reason for reading in (first, second))
    return Finding(problem=f"it gave {left}, and {right} {when}")
