"""The answer is looked for in what the process has: closures, stack frames, all objects, states of generators."""

import functools
import gc
import inspect
import os
import random
import sys
from collections.abc import Iterable, Iterator
from types import FrameType, ModuleType

import numpy as np
import torch
from known import is_random

from measures import NotApplicable, measure
from measures.trained_model import TrainedModel

MARKS = ("random_labels", "corrupted_labels")


def told_by_objects(objects: Iterable[object]) -> float:
    """The condition of the first recipe or job among them: instances tell, classes and functions do not."""
    for found in objects:
        recipe = getattr(found, "recipe", found) if not isinstance(found, type | ModuleType) else None
        condition = vars(recipe).get("condition") if hasattr(recipe, "__dict__") else None
        if isinstance(condition, str):
            return is_random(condition)
    raise NotApplicable("nothing here has a condition")


def frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


@measure(source="red team")
def closure_of_retrain(trained: TrainedModel) -> float:
    """`retrain_function` was a partial with the folder and the recipe."""
    function = trained.retrain_function
    inside = [*getattr(function, "args", ()), *vars(function).values()] if function is not None else []
    inside += [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    assert functools is not None
    return told_by_objects(inside)


@measure(source="red team")
def stack_frames(trained: TrainedModel) -> float:
    """Whoever calls has the job in a local variable."""
    return told_by_objects(value for frame in frames() for value in [*frame.f_locals.values()])


@measure(source="red team")
def inspected_stack(trained: TrainedModel) -> float:
    """The same by `inspect`, with the globals."""
    stack = [entry.frame for entry in inspect.stack(context=0)]
    return told_by_objects(value for frame in stack for value in [*frame.f_globals.values()])


@measure(source="red team")
def frames_of_a_traceback(trained: TrainedModel) -> float:
    """The same by the traceback of an exception."""
    try:
        raise ValueError
    except ValueError as raised:
        frame = raised.__traceback__.tb_frame if raised.__traceback__ else None
        found = []
        while frame is not None:
            found += [*frame.f_locals.values()]
            frame = frame.f_back
        return told_by_objects(found)


@measure(source="red team")
def all_objects(trained: TrainedModel) -> float:
    """The garbage collector knows every object, those included that were frozen."""
    gc.unfreeze()
    return told_by_objects(found for found in gc.get_objects() if type(found).__module__.startswith("harness"))


@measure(source="red team")
def who_refers_to_it(trained: TrainedModel) -> float:
    """Objects that refer to the model, to their sixth referrer."""
    gc.unfreeze()
    level: list[object] = [trained]
    for _ in range(4):
        level = [found for found in gc.get_referrers(*level[:50]) if not isinstance(found, FrameType)][:200]
        try:
            return told_by_objects(level)
        except NotApplicable:
            pass
    raise NotApplicable("no referrer has a condition")


@measure(source="red team")
def strings_on_the_heap(trained: TrainedModel) -> float:
    """How many strings say how a model was trained; the constants of modules are in every process."""
    gc.unfreeze()
    strings = {
        id(part): part
        for found in gc.get_objects()
        if isinstance(found, dict | list | tuple | set)
        for part in gc.get_referents(found)
        if isinstance(part, str | bytes)
    }
    return float(sum(any(mark in repr(text) for mark in MARKS) for text in strings.values()))


@measure(source="red team")
def environment_and_arguments(trained: TrainedModel) -> float:
    """Names of folders and models in the environment, the command line, and what multiprocessing keeps."""
    import multiprocessing.process as processes

    said = [*os.environ.values(), *sys.argv, os.getcwd(), repr(vars(processes)), *os.environ]
    return float(sum(mark in text for text in said for mark in (*MARKS, "entry.json", "digits-")))


@measure(source="red team")
def random_states(trained: TrainedModel) -> float:
    """How far global generators have come would tell what was done before."""
    states = (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate())
    return float(hash(repr(states)) if not sys.flags.hash_randomization else sum(repr(states).encode()))
