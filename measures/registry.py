"""The @measure decorator: a function becomes a registered Measure, or an error that names its file and line."""

import contextlib
import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from measures.errors import NotApplicable, RegistrationError

if TYPE_CHECKING:
    from measures.trained_model import TrainedModel

__all__ = ["Estimate", "NotApplicable", "RegistrationError", "measure"]

Cost = Literal["fast", "slow", "retrain"]
COSTS: tuple[Cost, ...] = get_args(Cost)
"""What a measure may declare to cost, cheapest first.

- "fast": up to a few forward and backward passes over the training set.
- "slow": more than that.
- "retrain": it trains networks of its own (TrainedModel.retrain).
"""

INVARIANCES = ("layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift")
"""What leaves the function unchanged and a measure may declare not to see.

- "layer_rescaling": one layer's weights times α > 0, those of the next divided by it, with a ReLU between them.
- "unit_permutation": the hidden units of a layer in another order.
- "batch_norm_folding": a batch normalization folded into the layer before it.
- "logit_shift": one number added to all logits of an example.
"""

PACKAGE = Path(__file__).parent


class Estimate(float):
    """A float with the standard error that it has as an estimate: what other draws would move it by.

    Wherever a float is wanted it is one, and what is computed of it is a plain float. A measure that draws may return
    one: the record keeps the standard error beside the value, and no verdict depends on it.

    >>> from measures import Estimate
    >>> mean = Estimate(2.0, standard_error=0.1)
    >>> mean, mean.standard_error, mean + 1
    (2.0, 0.1, 3.0)

    The standard error of a function of it, by its derivative:

    >>> squared = mean.through(mean**2, derivative=2 * mean)
    >>> squared, squared.standard_error
    (4.0, 0.4)
    """

    standard_error: float

    def __new__(cls, value: float, standard_error: float) -> "Estimate":
        estimate = super().__new__(cls, value)
        estimate.standard_error = float(standard_error)
        return estimate

    def __reduce__(self) -> tuple[type["Estimate"], tuple[float, float]]:
        return Estimate, (float(self), self.standard_error)

    def through(self, value: float, derivative: float) -> "Estimate":
        """The `value` of a function of this estimate, whose derivative there this is, to first order."""
        return Estimate(value, abs(derivative) * self.standard_error)


@dataclasses.dataclass(frozen=True)
class Measure:
    """A registered measure: its function and what it declares. Calling it calls the function.

    - `name`: the function's name; no two registered measures share one.
    - `function`: from a TrainedModel to one float, larger where a larger generalization gap is predicted.
    - `family`: the folder under measures/ that its file stands in; "external" where it stands outside.
    - `source`: paper and equation.
    - `version`: 1, 2, ...; values of different versions are never mixed.
    - `cost`: one of COSTS. `invariant_to`: some of INVARIANCES.
    - `bound`: whether it claims an upper limit on the test error, a fraction.
    - `origin`: where it comes from, in the form that loads it again in another process: a dotted module or the
      absolute path of a file. `file` and `line` are where the function stands.

    >>> from measures import Measure, measure
    >>> @measure(source="a paper, eq. 1", cost="slow", invariant_to={"logit_shift"})
    ... def number_of_examples(trained):
    ...     return float(len(trained.labels))
    >>> isinstance(number_of_examples, Measure)
    True
    >>> number_of_examples.name, number_of_examples.family, number_of_examples.cost
    ('number_of_examples', 'external', 'slow')
    >>> number_of_examples(trained)
    4.0
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


@dataclasses.dataclass(frozen=True)
class Wrong:
    """The function of a measure that cannot be registered: why, in a sentence that names file and line."""

    problem: str

    def __call__(self, trained: "TrainedModel") -> float:
        """Raises RegistrationError."""
        raise RegistrationError(self.problem)


registered: dict[str, Measure] = {}
_executions: dict[str, tuple[object, object]] = {}  # by name, of which execution of its module each is
_waiting: list[None] = []  # not empty: a wrong function does not keep its file's others from being registered


@contextlib.contextmanager
def wrong_ones_wait() -> Iterator[None]:
    """Within the block, a function that cannot be registered becomes a Measure with a Wrong function, and no error."""
    _waiting.append(None)
    try:
        yield
    finally:
        _waiting.pop()


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

    - `source`: paper and equation.
    - `version`: raise it when the formula changes: recorded values of different versions are never mixed.
    - `cost`: one of COSTS.
    - `invariant_to`: the changes (INVARIANCES) that leave the network's function, and the value, as they are.
    - `bound`: for a measure that claims an upper limit on the test error itself, a fraction.

    Returns what makes the function a Measure. Raises RegistrationError, with file and line, where an argument is none
    of these, where the function does not take exactly one argument, and where its name is taken.

    >>> from measures import measure
    >>> @measure(source="a paper, eq. 2")
    ... def sum_of_squares(trained):
    ...     return sum(float(weight.detach().square().sum()) for weight in trained.model.parameters())
    >>> sum_of_squares(trained)
    4.0
    """
    if undecorated is not None:
        name = getattr(undecorated, "__name__", undecorated)
        bare = RegistrationError(f"{name} is decorated with a bare @measure; write @measure(source='...')")
        return _wrong(undecorated, bare)  # type: ignore[return-value]

    def register(function: Callable[["TrainedModel"], float]) -> Measure:
        try:
            new = measure_of(function, source, version, cost, invariant_to, bound)
        except RegistrationError as problem:
            return _wrong(function, problem)
        other = registered.get(new.name)
        if other and (other.file, other.line) != (new.file, new.line) and not _is_run_again(other, new, function):
            raise RegistrationError(
                f"two measures are named {new.name!r}: {other.file}:{other.line} and {new.file}:{new.line}; "
                "rename one of the functions"
            )
        registered[new.name] = new
        _executions[new.name] = _execution(function)
        return new

    return register


def _is_run_again(other: Measure, new: Measure, function: Any) -> bool:
    """Whether the new one is the other, edited: a notebook's cell, or in a module that was imported again."""
    if other.origin == new.origin == "__main__":
        return True
    before = _executions.get(other.name, (None, None))
    return other.file == new.file and any(a is not b for a, b in zip(before, _execution(function), strict=True))


def _execution(function: Any) -> tuple[object, object]:
    """The namespace of its module, and what that was imported by: a module that is reloaded has the same namespace."""
    namespace = getattr(inspect.unwrap(function), "__globals__", {})
    return namespace, namespace.get("__spec__")


def _wrong(function: Any, problem: RegistrationError) -> Measure:
    """The function with its problem, where that waits; raises it otherwise."""
    if not _waiting or not callable(function) or not getattr(function, "__name__", "").isidentifier():
        raise problem
    of_itself = measure_of(Wrong(str(problem)).__call__, "it cannot be registered")
    file, line = _place(function)
    wrong = dataclasses.replace(
        of_itself,
        name=function.__name__,
        function=Wrong(str(problem)),
        family="external",
        origin=function.__module__,
        file=file,
        line=line,
    )
    registered[wrong.name] = wrong
    _executions[wrong.name] = _execution(function)
    return wrong


def _place(function: Any) -> tuple[Path, int]:
    """Where it stands: under other decorators (torch.no_grad), too; of a class, or an object, where it is decorated."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is not None:
        return Path(code.co_filename).resolve(), code.co_firstlineno
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return (Path(frame.f_code.co_filename).resolve(), frame.f_lineno) if frame is not None else (Path(), 0)


def measure_of(
    function: Callable[["TrainedModel"], float],
    source: str,
    version: int = 1,
    cost: Cost = "fast",
    invariant_to: Iterable[str] = (),
    bound: bool = False,
) -> Measure:
    """The function as a Measure that is not registered. Raises RegistrationError if it cannot be one."""
    file, line = _place(function)
    if getattr(inspect.unwrap(function), "__code__", None) is None:
        what = f"the class {function.__name__}" if isinstance(function, type) else repr(function)
        raise RegistrationError(f"{file}:{line}: {what} is not a function; @measure goes above a function")
    known = (
        [*invariant_to] if isinstance(invariant_to, Iterable) and not isinstance(invariant_to, str) else invariant_to
    )
    if problem := _problem(function, source, version, cost, known, bound):
        raise RegistrationError(f"{file}:{line}: {problem}")
    return Measure(
        name=function.__name__,
        function=function,
        family=file.parent.name if PACKAGE in file.parents else "external",
        source=source,
        version=version,
        cost=cost,
        invariant_to=frozenset(known),
        bound=bound,
        origin=function.__module__,
        file=file,
        line=line,
    )


def _problem(
    function: Callable[..., object], source: str, version: int, cost: str, invariant_to: object, bound: bool
) -> str | None:
    if not function.__name__.isidentifier():
        return f"{function.__name__} is not a name; a measure is a function with a name"
    parameters = [p for p in inspect.signature(function).parameters.values() if p.default is inspect.Parameter.empty]
    if len(parameters) != 1:
        return f"{function.__name__} takes {len(parameters)} arguments; a measure takes one, the trained model"
    if not isinstance(source, str) or not source.strip():
        return f"{function.__name__} has no source; name the paper and its equation, source='...'"
    if type(version) is not int or version < 1:
        return f"{function.__name__} has version={version!r}; expected 1, 2, ..."
    if cost not in COSTS:
        return f"{function.__name__} has cost={cost!r}; expected one of {', '.join(COSTS)}"
    if isinstance(invariant_to, str):
        return f"{function.__name__} is invariant_to={invariant_to!r}, a string; write {{{invariant_to!r}}}"
    if not isinstance(invariant_to, list):
        return f"{function.__name__} is invariant_to={invariant_to!r}; expected some of {', '.join(INVARIANCES)}"
    if unknown := sorted({repr(name) for name in invariant_to if name not in INVARIANCES}):
        return f"{function.__name__} is invariant_to={', '.join(unknown)}; known are {', '.join(INVARIANCES)}"
    if not isinstance(bound, bool):
        return f"{function.__name__} has bound={bound!r}; expected True or False"
    return None


def load_builtin() -> None:
    """Import every measure's file under measures/, so that all of them are registered; files `_*.py` have none."""
    for module in pkgutil.walk_packages([str(PACKAGE)], "measures."):
        if not module.name.rpartition(".")[2].startswith("_"):
            importlib.import_module(module.name)
