"""What a user's own data set gives: tensors that can be trained and tested on, or one sentence that says why not."""

import inspect
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from harness.errors import HarnessError, kind_of
from harness.files.user_module import guarded
from harness.training.declaring import DeclaredDataSet

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
EXPECTED = "(train_inputs, train_labels, test_inputs, test_labels), or (inputs, labels) without a split"


def checked_splits(declared: DeclaredDataSet, data_dir: Path) -> tuple[Tensor, ...]:
    """Inputs and labels, two tensors or four (EXPECTED), on the CPU: inputs float32 or uint8, labels int64.

    HarnessError where the function raises, gives anything else, or what nothing could be learned or tested on.
    """
    what = f"data set {declared.name!r}"

    def read() -> Any:
        try:
            return declared(data_dir)
        except HarnessError:
            raise
        except (Exception, SystemExit) as cause:
            raise HarnessError(f"{what} raises {type(cause).__name__}: {cause}{_line_of(cause, declared)}") from cause

    with torch.random.fork_rng(devices=[]):
        given = guarded(read, what, "raises")
    if not isinstance(given, tuple | list) or len(given) not in (2, 4):
        raise HarnessError(f"{what} gives {_described(given)}; expected {EXPECTED}")
    if absent := [path for path in (declared.files(data_dir) if declared.files else ()) if not os.path.lexists(path)]:
        raise HarnessError(
            f"files of {what}: {absent[0]!s:.200} is not there, now that all are read; name those that it reads, by "
            "which it is known whether what was kept is still what they have"
        )
    names = ("train_inputs", "train_labels", "test_inputs", "test_labels") if len(given) == 4 else ("inputs", "labels")
    parts = dict(
        zip(names, (_tensor(part, f"{name} of {what}") for name, part in zip(names, given, strict=True)), strict=True)
    )
    for problem in _problems(parts):
        raise HarnessError(f"{what}: {problem}")
    return tuple(_as_trained_on(part) if name.endswith("inputs") else part.long() for name, part in parts.items())


def _tensor(part: Any, name: str) -> Tensor:
    if not isinstance(part, Tensor | np.ndarray):
        raise HarnessError(f"the {name} are {_described(part)}; expected a tensor (or an array of numpy)")
    if isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part):
        raise HarnessError(f"the {name} are a masked array, with entries that are not numbers; fill them in (.filled)")
    if isinstance(part, Tensor) and (part.is_nested or part.is_meta):
        raise HarnessError(f"the {name} are a {'nested' if part.is_nested else 'meta'} tensor; expected a plain one")
    try:  # an array is copied: it may be read-only, run backwards, or have its bytes in another order
        tensor = part if isinstance(part, Tensor) else torch.from_numpy(_native(part))
    except (TypeError, ValueError) as cause:
        raise HarnessError(f"the {name} are an array of {part.dtype}; expected numbers") from cause
    return tensor.detach().to_dense().cpu() if tensor.layout != torch.strided else tensor.detach().cpu()


def _native(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="C")


def _problems(parts: dict[str, Tensor]) -> Iterator[str]:
    """What is wrong, a sentence's part each; the first is said."""
    inputs = [part for name, part in parts.items() if name.endswith("inputs")]
    labels = [part for name, part in parts.items() if name.endswith("labels")]
    for name, part in parts.items():
        yield from _problems_of_inputs(name, part) if name.endswith("inputs") else _problems_of_labels(name, part)
    for some, classes in zip(inputs, labels, strict=True):
        if len(some) != len(classes):
            yield f"there are {len(some)} inputs and {len(classes)} labels; expected one label for each input"
    if len({tuple(some.shape[1:]) for some in inputs}) > 1:
        yield f"inputs to train on are {_shape(inputs[0])} each and those to test on {_shape(inputs[1])}; expected one"
    if len({some.dtype for some in inputs}) > 1:
        yield f"inputs to train on are {inputs[0].dtype} and those to test on {inputs[1].dtype}; expected one type"
    yield from _problems_of_classes(labels)
    if len(inputs) == 2 and _all_among(inputs[1], inputs[0]):
        yield (
            "every example to test on is also one to train on: no gap could be seen; test on examples that are not "
            "trained on"
        )


def _problems_of_inputs(name: str, inputs: Tensor) -> Iterator[str]:
    if inputs.ndim < 2:
        yield f"{name} are of shape {tuple(inputs.shape)}; expected (examples, ...)"
    if not len(inputs):
        yield f"{name} are empty"
    elif not inputs.numel():
        yield f"{name} are of shape {tuple(inputs.shape)}; expected one number or more for each example"
    if inputs.dtype not in (*FLOATS, torch.uint8):
        yield f"{name} are {inputs.dtype}; expected floats (or uint8, of 0 to 255)"
    if inputs.is_floating_point() and not inputs.isfinite().all():
        count = int((~inputs.isfinite()).sum())
        yield f"{name} have {count} numbers that are not finite; fill them in, or leave them out"
    elif inputs.dtype == torch.float64 and (count := int((~_as_trained_on(inputs).isfinite()).sum())):
        yield f"{name} have {count} numbers that are too large for float32, in which networks are trained; scale them"
    if name != "test_inputs" and bool((inputs == inputs.flatten()[0]).all()):
        yield f"{name} are all the same number"


def _problems_of_labels(name: str, labels: Tensor) -> Iterator[str]:
    if labels.is_floating_point() or labels.is_complex():
        yield f"{name} are {labels.dtype}; expected integers, a class from 0 for each example (labels.long())"
    if labels.ndim != 1:
        yield f"{name} are of shape {tuple(labels.shape)}; expected (examples,), the number of the class of each"
    if not len(labels):
        yield f"{name} are empty"
    elif (smallest := int(labels.long().min())) < 0:
        yield f"{name} have the class {smallest}; expected classes from 0"


def _problems_of_classes(labels: list[Tensor]) -> Iterator[str]:
    present = {int(label) for label in labels[0].long().unique()}
    every = {int(label) for some in labels for label in some.long().unique()}
    missing = next(label for label in itertools.count() if label not in present)  # and no range: labels may be huge
    if min(every) == 1 and every == set(range(1, max(every) + 1)):
        yield "labels start at 1; expected classes from 0 (labels - 1)"
    if missing <= max(every):
        yield (
            f"no example to train on is of class {missing}, though there are labels up to {max(every)}; number the "
            "classes that there are from 0"
        )
    if len(every) < 2:
        yield "all labels are the same; expected two classes or more"


def _all_among(some: Tensor, others: Tensor) -> bool:
    """Whether each of some inputs is one of the others, to the last bit."""
    known = {hash(row.tobytes()) for row in _as_trained_on(others).contiguous().numpy()}
    return all(hash(row.tobytes()) in known for row in _as_trained_on(some).contiguous().numpy())


def remarks_on(inputs: Tensor) -> Iterator[str]:
    """What of a data set's inputs may be so on purpose, and mostly is not."""
    if repeated := len(inputs) - len({hash(row.tobytes()) for row in inputs.numpy()}):
        yield (
            f"{repeated} of its {len(inputs)} inputs equal an earlier one; where random labels of equal inputs differ, "
            "no network fits them: leave the repeated ones out"
        )
    if inputs.ndim == 4:
        side, width, last = inputs.shape[1:]
        if side == width > last and last in (1, 3, 4):
            where = f"give (n, {last}, {side}, {side})"
            yield f"its first dimension, of {side}, is that of channels; where they are last, {where}"
    if inputs.ndim == 3 and inputs.shape[1] == inputs.shape[2] > 1:
        side = inputs.shape[1]
        yield f"its first dimension, of {side}, is that of channels; images of one channel are (n, 1, {side}, {side})"


def _as_trained_on(inputs: Tensor) -> Tensor:
    return inputs if inputs.dtype == torch.uint8 else inputs.to(torch.float32)


def _shape(inputs: Tensor) -> str:
    return "x".join(map(str, inputs.shape[1:]))


def _described(given: Any) -> str:
    if isinstance(given, tuple | list):
        return f"{kind_of(given)} of {len(given)}"
    return kind_of(given)


def _line_of(cause: BaseException, declared: DeclaredDataSet) -> str:
    """The last line of the function's own file that was executed."""
    file, trace, line = inspect.unwrap(declared.function).__code__.co_filename, cause.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = f" at {file}:{trace.tb_lineno}"
        trace = trace.tb_next
    return line
