"""What follows from a zoo alone is worked out once for each: its recipes, thousands of which a check asks for again."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

KEPT = "_kept"  # in a zoo's __dict__: no field of it, so that zoos are equal, or not, without it

Z = TypeVar("Z")
P = ParamSpec("P")
Found = TypeVar("Found", list[Any], dict[Any, Any])


def once_per_zoo(function: Callable[Concatenate[Z, P], Found]) -> Callable[Concatenate[Z, P], Found]:
    """For a function of a zoo and of hashable arguments: a copy of the list, or dictionary, that it first returned."""

    @functools.wraps(function)
    def kept(zoo: Z, /, *args: P.args, **kwargs: P.kwargs) -> Found:
        found = vars(zoo).setdefault(KEPT, {})
        key = function, args, (*kwargs.items(),)
        if key not in found:
            found[key] = function(zoo, *args, **kwargs)
        return found[key].copy()

    return kept
