"""The @measure decorator: a function becomes a registered Measure, or an error that names its file and line."""

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from harness.trained_model import TrainedModel

Cost = Literal["fast", "slow", "retrain"]
COSTS: tuple[Cost, ...] = get_args(Cost)  # cheapest first

INVARIANCES = ("layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift")
"""What leaves the function unchanged and a measure may declare not to see."""

PACKAGE = Path(__file__).parent


class NotApplicable(Exception):
    """Raised by a measure that has no meaning for a model; the reason is kept in the row."""


class RegistrationError(Exception):
    """A function that cannot be registered as a measure: what is wrong, and where."""


@dataclasses.dataclass(frozen=True)
class Measure:
    """A registered measure: its function and what it declares. Calling it calls the function.

    `origin` is where it comes from, in the form that loads it again in another process: a dotted module or the
    absolute path of a file. `file` and `line` are where the function stands.
    """

    name: str
    function: Callable[["TrainedModel"], float]
    family: str
    source: str
    version: int
    cost: Cost
    invariant_to: frozenset[str]
    bound: bool
    origin: str
    file: Path
    line: int

    def __call__(self, trained: "TrainedModel") -> float:
        return self.function(trained)


registered: dict[str, Measure] = {}


def measure(
    undecorated: object = None,
    /,
    *,
    source: str = "",
    version: int = 1,
    cost: Cost = "fast",
    invariant_to: Iterable[str] = (),
    bound: bool = False,
) -> Callable[[Callable[["TrainedModel"], float]], Measure]:
    """Register a function of one TrainedModel that returns one float; the function's name is the measure's.

    `source` is paper and equation. Raise `version` when the formula changes: recorded values of another version
    are never mixed. `cost` is "fast" (up to a few forward and backward passes), "slow" or "retrain".
    `invariant_to` names the function-preserving changes (INVARIANCES) that leave the value unchanged. `bound`
    is for a measure that claims an upper limit on the test error itself.

    Raises RegistrationError, with file and line, for anything else.
    """
    if undecorated is not None:
        name = getattr(undecorated, "__name__", undecorated)
        raise RegistrationError(f"{name} is decorated with a bare @measure; write @measure(source='...')")

    def register(function: Callable[["TrainedModel"], float]) -> Measure:
        entry = measure_of(function, source, version, cost, invariant_to, bound)
        other = registered.get(entry.name)
        run_again = other is not None and other.origin == entry.origin == "__main__"  # a notebook's cell, edited
        if other and (other.file, other.line) != (entry.file, entry.line) and not run_again:
            raise RegistrationError(
                f"two measures are named {entry.name!r}: {other.file}:{other.line} and {entry.file}:{entry.line}; "
                "rename one of the functions"
            )
        registered[entry.name] = entry
        return entry

    return register


def measure_of(
    function: Callable[["TrainedModel"], float],
    source: str,
    version: int = 1,
    cost: Cost = "fast",
    invariant_to: Iterable[str] = (),
    bound: bool = False,
) -> Measure:
    """The function as a Measure that is not registered. Raises RegistrationError if it cannot be one."""
    # Under other decorators (torch.no_grad) the file and line are still the function's own.
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        raise RegistrationError(f"{function!r} is not a function; @measure goes above a function")
    problem = _problem(function, source, version, cost, invariant_to)
    if problem:
        raise RegistrationError(f"{code.co_filename}:{code.co_firstlineno}: {problem}")
    file = Path(code.co_filename).resolve()
    return Measure(
        name=function.__name__,
        function=function,
        family=file.parent.name if PACKAGE in file.parents else "external",
        source=source,
        version=version,
        cost=cost,
        invariant_to=frozenset(invariant_to),
        bound=bound,
        origin=function.__module__,
        file=file,
        line=code.co_firstlineno,
    )


def _problem(
    function: Callable[..., object], source: str, version: int, cost: str, invariant_to: Iterable[str]
) -> str | None:
    if not function.__name__.isidentifier():
        return f"{function.__name__} is no name; a measure is a function with a name"
    parameters = [p for p in inspect.signature(function).parameters.values() if p.default is inspect.Parameter.empty]
    if len(parameters) != 1:
        return f"{function.__name__} takes {len(parameters)} arguments; a measure takes one, the trained model"
    if not isinstance(source, str) or not source.strip():
        return f"{function.__name__} has no source; name the paper and its equation, source='...'"
    if not isinstance(version, int) or version < 1:
        return f"{function.__name__} has version={version!r}; expected 1, 2, ..."
    if cost not in COSTS:
        return f"{function.__name__} has cost={cost!r}; expected one of {', '.join(COSTS)}"
    if isinstance(invariant_to, str):
        return f"{function.__name__} is invariant_to={invariant_to!r}, a string; write {{{invariant_to!r}}}"
    if unknown := sorted(set(invariant_to) - set(INVARIANCES)):
        return f"{function.__name__} is invariant_to={unknown}; known are {', '.join(INVARIANCES)}"
    return None


def load_builtin() -> None:
    """Import every measure's file under measures/, so that all of them are registered."""
    for module in pkgutil.walk_packages([str(PACKAGE)], "measures."):
        importlib.import_module(module.name)
