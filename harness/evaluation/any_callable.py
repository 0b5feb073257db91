"""Whatever can be called with a trained model, as a measure: a function, a partial, a lambda, an object."""

import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

from harness.errors import HarnessError, shown
from measures.registry import Measure, RegistrationError, measure_of

SOURCE = "a function in a notebook"


def measure_from(given: object) -> Measure:
    """The measure that `given` is, or is made into, with the arguments that it has. HarnessError if it cannot be."""
    if isinstance(given, Measure):
        return given
    if not callable(given):
        raise HarnessError(f"judge got {shown(given)}; expected a measure's name or a function of one trained model")
    if isinstance(given, type) and type(given).__call__ is type.__call__:
        name = given.__name__
        raise HarnessError(f"judge got the class {name}; give an object of it, {name}(), or a function that makes one")
    try:
        if (inspect.isfunction(given) or inspect.ismethod(given)) and given.__name__.isidentifier():
            found = measure_of(given, source=SOURCE)
        else:
            found = measure_of(_as_function(given), source=SOURCE)
    except RegistrationError as problem:
        raise HarnessError(str(problem)) from problem
    try:
        inspect.signature(given).bind(None)
    except TypeError:
        raise HarnessError(
            f"{found.name} takes {inspect.signature(given)}; a measure takes one, the trained model, by its place"
        ) from None
    return found


def _as_function(given: Callable[..., Any]) -> Callable[..., Any]:
    """A function that calls it, with its name, file and line; its parameters are checked as those of a function."""
    try:
        signature = inspect.signature(given)
    except (TypeError, ValueError) as cause:
        raise HarnessError(
            f"{shown(given)} does not say what arguments it takes; write a function around it"
        ) from cause

    def measure(trained: Any) -> Any:
        return given(trained)

    inner = _innermost(given)
    measure.__signature__ = signature  # type: ignore[attr-defined]
    measure.__name__ = measure.__qualname__ = name_of(given)
    measure.__module__ = getattr(inner, "__module__", "__main__")
    code = getattr(inspect.unwrap(inner), "__code__", None) or getattr(type(inner).__call__, "__code__", None)
    if code is not None:
        measure.__code__ = measure.__code__.replace(co_filename=code.co_filename, co_firstlineno=code.co_firstlineno)
    return measure


def name_of(given: object) -> str:
    """The function's name, with the arguments that a partial has given it: `norm_p_3` for `partial(norm, p=3)`."""
    if isinstance(given, functools.partial):
        given_arguments = [*given.args, *(part for item in given.keywords.items() for part in item)]
        return _identifier("_".join([name_of(given.func), *map(str, given_arguments)]))
    name = getattr(given, "__name__", type(given).__name__)
    return "a_lambda" if name == "<lambda>" else _identifier(name)


def _identifier(text: str) -> str:
    return re.sub(r"\W+", "_", text)[:60].strip("_") or "a_measure"


def _innermost(given: Any) -> Any:
    while isinstance(given, functools.partial):
        given = given.func
    return given
