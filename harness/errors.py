"""The errors that are meant for the user's eyes, and checks of what a caller gave, which raise one."""

import numbers
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin


class HarnessError(Exception):
    """Something the user can act on: what happened, what was expected, what to do next.

    Front doors (pytest, the command line) print its sentence without a traceback; in Python it is raised.

    >>> from harness import HarnessError, judge
    >>> try:
    ...     judge("l2_norm", zoo="digts")
    ... except HarnessError as problem:
    ...     print(problem)
    unknown zoo 'digts'; did you mean 'digits'? known: digits, ...
    """


INTERRUPTED = (
    "interrupted: the networks that are trained and the values that are measured are kept; the same command goes on "
    "from there"
)


class NoVerdict(Exception):
    """The premise of a suite does not hold, or its models could not be had: no measure is judged."""


_KINDS: dict[Any, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    type(None): "None",
}
_KINDS |= {Mapping: "a dict", Iterable: "a list", Sequence: "a list"}
NO_VALUE = "is given without a value; name one, or leave it out (an unset variable?)"


def check_given(
    to: Callable[..., object], given: Mapping[str, Any], called: Callable[[str], str] = lambda name: name
) -> None:
    """HarnessError for the first argument that is not of the kind that the function, or the class, annotates.

    What is not annotated, or by a text alone, is not looked at. `called`: how a sentence names an argument.
    """
    annotations = to.__annotations__
    for name, value in given.items():
        kind = annotations.get(name, Any)
        if not _is_of(value, kind):
            what = type(value).__name__
            raise HarnessError(f"{called(name)} is {shown(value)} (of type {what}); expected {_described(kind)}")


def check_not_empty(given: Mapping[str, Any], called: Callable[[str], str] = lambda name: name) -> None:
    """HarnessError for the first that is an empty text, or a list with one: what it was to say is not known."""
    for name, value in given.items():
        if any(isinstance(each, str) and not each.strip() for each in (value if _is_list(value) else [value])):
            raise HarnessError(f"{called(name)} {NO_VALUE}")


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _is_of(value: object, kind: Any) -> bool:
    """Whether it may stand where this is annotated; what is in a collection is not looked at."""
    origin = get_origin(kind)
    if kind is Any or isinstance(kind, str):
        return True
    if origin in (Union, types.UnionType):
        return any(_is_of(value, each) for each in get_args(kind))
    if origin is Literal:
        return any(type(value) is type(each) and value == each for each in get_args(kind))  # an array is not one
    if kind is None:
        return value is None
    if kind in (int, float):
        number = numbers.Integral if kind is int else numbers.Real
        return isinstance(value, number) and not isinstance(value, bool)
    wanted = origin or kind
    return isinstance(value, wanted) and not (isinstance(value, str) and wanted is not str)


def _listed(words: Iterable[str]) -> str:
    *before, last = words
    return f"{', '.join(before)} or {last}" if before else last


def _described(kind: Any) -> str:
    if get_origin(kind) in (Union, types.UnionType):
        return _listed(dict.fromkeys(map(_described, get_args(kind))))
    if get_origin(kind) is Literal:
        return _listed(map(repr, get_args(kind)))
    kind = type(None) if kind is None else get_origin(kind) or kind
    if kind is Callable or getattr(kind, "__name__", "") == "Callable":
        return "a function"
    return _KINDS.get(kind) or f"a {kind.__name__}"


def shown(value: object, most: int = 60) -> str:
    """For a sentence: what it says of itself, on one line, and no more than so many letters of it.

    An object may be unable to say what it is, and a number have too many digits.

    >>> shown([1, 2, 3], most=4)
    '[1, '
    """
    try:
        return re.sub(r"\s*\n\s*", " ", repr(value))[:most]
    except Exception as problem:
        return f"what cannot be shown ({type(problem).__name__})"


def kind_of(value: object) -> str:
    """Its type, with the article.

    >>> kind_of(3), kind_of([])
    ('an int', 'a list')
    """
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeio' else 'a'} {name}"


def said_by(problem: BaseException) -> str:
    """Its text, or that it has none: whoever wrote it may have made that raise."""
    try:
        return str(problem)
    except Exception as cause:
        return f"(its text cannot be had: {type(cause).__name__})"
