"""A measure called once: whatever it does becomes a Reading."""

import dataclasses
import math
import multiprocessing
import time
import traceback
from pathlib import Path
from typing import Literal

import numpy as np
from torch import Tensor

from harness.errors import kind_of, said_by, shown
from measures.registry import Estimate, Measure, NotApplicable
from measures.trained_model import TrainedModel

NO_REASON = "it gave no reason"
LONGEST_SHOWN = 60  # characters
RowStatus = Literal["value", "not_applicable", "error", "timeout"]


@dataclasses.dataclass(frozen=True)
class Reading:
    """What came of calling a measure once: a row before it has its address (rows.py).

    `value` is finite where the status is "value", else None and `reason` says why; `seconds` are those of the call.
    `standard_error` is the value's, at least 0 and finite, where the measure tells it (measures.Estimate).
    """

    status: RowStatus
    value: float | None
    reason: str
    seconds: float
    traceback: str = ""
    standard_error: float | None = None

    def failed(self, reason: str) -> "Reading":
        """The same call as an error for this reason: without a value, nor a standard error of one."""
        return dataclasses.replace(self, status="error", value=None, standard_error=None, reason=reason)


def read_here(measure: Measure, trained: TrainedModel) -> Reading:
    """Call the measure once in this process; whatever comes of it becomes a Reading. (call.py: where it belongs.)"""
    started = time.perf_counter()
    try:
        returned = measure(trained)
    except NotApplicable as reason:
        seconds = time.perf_counter() - started
        return Reading("not_applicable", None, said_by(reason) if said_by(reason).strip() else NO_REASON, seconds)
    except BaseException as problem:  # pytest.skip and sys.exit do not raise an Exception; Ctrl-C is the parent's
        if isinstance(problem, KeyboardInterrupt) and multiprocessing.parent_process() is None:
            raise  # in the user's own process it is the user's
        return Reading("error", None, *_said_of(problem, measure.file, time.perf_counter() - started))
    seconds = time.perf_counter() - started
    value, problem_with_it = as_number(returned)
    if problem_with_it:
        return Reading("error", None, problem_with_it, seconds)
    if not isinstance(returned, Estimate):
        return Reading("value", value, "", seconds)
    error = getattr(returned, "standard_error", None)
    if not is_standard_error(error):
        problem_with_it = (
            f"it returned an estimate with a standard error of {shown(error, LONGEST_SHOWN)}, not from 0 on"
        )
        return Reading("error", None, problem_with_it, seconds)
    return Reading("value", value, "", seconds, standard_error=error)


def is_standard_error(number: object) -> bool:
    """Whether it is a float from 0 on, and finite."""
    return type(number) is float and math.isfinite(number) and number >= 0


def _said_of(problem: BaseException, file: Path, seconds: float) -> tuple[str, float, str]:
    """What a measure raised, with the last line of its own file that was executed; the seconds; the traceback from its
    function on."""
    trace = problem.__traceback__
    while trace is not None and Path(trace.tb_frame.f_code.co_filename).resolve() != file:
        trace = trace.tb_next
    frames = traceback.extract_tb(trace or problem.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).resolve() == file]
    where = (own or frames)[-1]
    lines = traceback.format_exception(type(problem), problem, trace or problem.__traceback__)
    text = f"it raised {type(problem).__name__}: {said_by(problem)} ({where.filename}:{where.lineno})"
    return text, seconds, "".join(lines)


def as_number(returned: object) -> tuple[float | None, str]:
    """The returned object as a finite float, or what is wrong with it; what that raises is wrong with it, too."""
    try:
        return _as_number(returned)
    except Exception as problem:
        first = next(iter(said_by(problem).splitlines()), "")
        how = f"{type(problem).__name__}: {first:.{LONGEST_SHOWN}}".removesuffix(": ")
        return None, f"it returned {kind_of(returned)} that is not read as a number ({how}); return one float"


def _as_number(returned: object) -> tuple[float | None, str]:
    if isinstance(returned, Tensor | np.ndarray) and math.prod(returned.shape) != 1:
        kind = "tensor" if isinstance(returned, Tensor) else "array"
        shape = tuple(returned.shape)
        return (
            None,
            f"it returned a {kind} of shape {shape}; a measure returns one number (did you forget .max()?)",
        )
    if isinstance(returned, Tensor | np.ndarray | np.generic):
        returned = returned.item()
    if isinstance(returned, bool) or not isinstance(returned, int | float):
        return None, f"it returned {shown(returned, LONGEST_SHOWN)}, {kind_of(returned)}; a measure returns one float"
    try:
        value = float(returned)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        return None, f"it returned {value}; return a finite float, or raise NotApplicable with a reason"
    return value, ""
