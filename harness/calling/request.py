"""What is asked of a process that calls a stranger's measure, and what may come back: text, read strictly.

Whatever comes back was written by a stranger's code. It is JSON of known fields, or it counts for nothing.
"""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, Literal, get_args

from harness.calling.reading import Reading, RowStatus, is_standard_error
from harness.errors import HarnessError
from harness.files.packed import packed, unpacked
from measures.registry import COSTS, INVARIANCES, Measure
from measures.trained_model import TrainedModel

LONGEST_REASON = 2000  # characters
LONGEST_TRACE = 20_000
MOST_CHANGES = 20
LONGEST_NAME = 200  # bytes: files are named after it
COUNTED = ("forward", "backward", "megabytes")
Task = Literal["declare", "call", "count"]


@dataclasses.dataclass(frozen=True)
class Request:
    """One thing to do with a measure.

    - `task`: "declare": which measures are there? "call": call it on the model. "count": the same, and count its work.
    - `origin`: the module or the absolute path of the file to import; or `function_bytes`, a function that a notebook
      has sent; `function` is its name ("" for all in a file), `called` what a sentence calls it.
    - `search`: where imports are looked for (sys.path); `packages`: what else may be read.
    - `global_seed`: what the global random states are a function of, beside the model's seed.
    - `memory`: bytes that it may use, if that is limited.
    """

    task: Task
    origin: str
    function: str
    called: str
    search: tuple[str, ...]
    packages: tuple[str, ...] = ()
    function_bytes: bytes = b""
    memory: int | None = None
    global_seed: int = 0


@dataclasses.dataclass(frozen=True)
class Called:
    """What came of a call.

    - `changes`: what the measure changed, in sentences. `numbers`: what was counted, where the task was "count".
    - `printed`: what it printed. `ended`: it ended its process and gave nothing.
    """

    reading: Reading
    changes: tuple[str, ...] = ()
    numbers: dict[str, float] = dataclasses.field(default_factory=dict)
    printed: str = ""
    ended: bool = False


class CannotBeSent(HarnessError):
    """A model whose network has something in it that stays in its process: a lock, an open file."""


def pack(trained: TrainedModel) -> bytes:
    """The model for another process, without its way to retrain; classes that no import finds there are sent along.

    Raises CannotBeSent.
    """
    fields = {field.name: vars(trained)[field.name] for field in dataclasses.fields(trained)}
    fields["retrain_function"] = None
    try:
        return packed(fields)
    except Exception as cause:  # whatever the objects in it raise
        raise CannotBeSent(
            "the network cannot be sent to the process in which a measure from outside the project is called "
            f"({type(cause).__name__}: {str(cause).splitlines()[0]}); take that out of the module"
        ) from cause


def unpack(content: bytes) -> TrainedModel:
    """The model that `pack` was given, on the CPU: a process that has used an accelerator cannot be forked.

    It comes from a process of ours, which has checked its networks.
    """
    return with_fields(object.__new__(TrainedModel), unpacked(content))


def with_fields(trained: TrainedModel, fields: dict[str, Any]) -> TrainedModel:
    """The model with these fields set in place: unlike a new TrainedModel, its networks are not checked again."""
    for name, value in fields.items():
        object.__setattr__(trained, name, value)
    return trained


def called_as_json(called: Called) -> bytes:
    """The answer to "call" and "count"."""
    return json.dumps(
        {"reading": dataclasses.asdict(called.reading), "changes": called.changes, "numbers": called.numbers}
    ).encode()


def read_called(content: bytes) -> Called:
    """The answer. HarnessError if it is not one."""
    try:
        given = json.loads(content)
        reading = Reading(**given["reading"])
        if not _is_reading(reading):
            raise ValueError("no reading")
        return Called(
            dataclasses.replace(
                reading,
                seconds=float(reading.seconds),
                reason=plain(reading.reason, LONGEST_REASON),
                traceback=plain(reading.traceback, LONGEST_TRACE),
            ),
            tuple(plain(change, LONGEST_REASON) for change in given["changes"][:MOST_CHANGES]),
            {name: float(given["numbers"][name]) for name in COUNTED if _is_amount(given["numbers"].get(name))},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as cause:
        raise HarnessError(f"its process sent something other than an answer ({type(cause).__name__})") from cause


def declared_as_json(measures: list[Measure]) -> bytes:
    """The answer to "declare"."""
    return json.dumps(
        [
            {
                "name": measure.name,
                "source": measure.source,
                "version": measure.version,
                "cost": measure.cost,
                "invariant_to": sorted(measure.invariant_to),
                "bound": measure.bound,
                "origin": measure.origin,
                "file": str(measure.file),
                "line": measure.line,
            }
            for measure in measures
        ]
    ).encode()


def read_declared(content: bytes) -> list[Measure]:
    """The measures; calling one of them here raises HarnessError. HarnessError if the content is not an answer."""
    try:
        return [_declared(fields) for fields in json.loads(content)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as cause:
        raise HarnessError(f"its process sent something other than measures ({type(cause).__name__})") from cause


def not_called_here(trained: TrainedModel) -> float:
    """The function of a stranger's measure, in every process but its own."""
    raise HarnessError("a measure from outside the project is called in a process of its own: sealed_measure.py")


def _is_reading(reading: Reading) -> bool:
    if not _is_amount(reading.seconds):
        return False
    if reading.status == "value":
        error = reading.standard_error
        known = error is None or is_standard_error(error)
        return type(reading.value) is float and math.isfinite(reading.value) and known
    return reading.status in get_args(RowStatus) and reading.value is None and reading.standard_error is None


def _is_amount(number: object) -> bool:
    return type(number) in (int, float) and math.isfinite(number) and number >= 0  # type: ignore[arg-type, operator]


def _declared(fields: dict[str, Any]) -> Measure:
    texts = [fields[name] for name in ("name", "source", "origin", "file")]
    numbers = [fields[name] for name in ("version", "line")]
    as_expected = (
        all(isinstance(text, str) and "\0" not in text for text in texts)
        and len(fields["name"].encode()) <= LONGEST_NAME
        and fields["name"].isidentifier()
        and all(type(number) is int and number >= 0 for number in numbers)
        and fields["cost"] in COSTS
        and set(fields["invariant_to"]) <= set(INVARIANCES)
        and type(fields["bound"]) is bool
    )
    if not as_expected:
        raise ValueError("no measure")
    fixed = {"family": "external", "function": not_called_here, "file": Path(fields["file"])}
    fixed["source"] = " ".join(plain(fields["source"]).split())  # it is one cell of a table
    return Measure(**{**fields, **fixed, "invariant_to": frozenset(fields["invariant_to"])})


def plain(text: object, longest: int = LONGEST_REASON) -> str:
    """The text without what a terminal would take for a command."""
    if not isinstance(text, str):
        raise TypeError("no text")
    return "".join(sign for sign in text[:longest] if sign.isprintable() or sign in "\n\t")
