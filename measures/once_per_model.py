"""Quantities that several measures need, computed once per model.

The result stays with the TrainedModel and every measure that asks gets the same object, so nobody may change it
(the harness looks). Arguments beside the model are part of what is remembered, with their types (True is not 1), and
must be hashable.
"""

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from measures.trained_model import TrainedModel

P = ParamSpec("P")
T = TypeVar("T")


def once_per_model(
    function: Callable[Concatenate["TrainedModel", P], T],
) -> Callable[Concatenate["TrainedModel", P], T]:
    """Remember the function's result with the TrainedModel that it is called with; what it raises is not remembered.

    `function` takes a TrainedModel and any further arguments, which must be hashable. What is returned takes the same.
    An argument by position, by name or by its default is the same argument. A function that is defined again, edited or
    with other variables around it, is another.

    >>> from measures import once_per_model
    >>> @once_per_model
    ... def loss_at(trained, temperature=1.0):
    ...     print("computed")
    ...     logits = trained.logits / temperature
    ...     return float(-logits.log_softmax(dim=1).gather(1, trained.labels[:, None]).mean())
    >>> loss_at(trained) == loss_at(trained, 1.0) == loss_at(trained, temperature=1.0)
    computed
    True
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def remembered(trained: "TrainedModel", /, *args: P.args, **kwargs: P.kwargs) -> T:
        bound = signature.bind(trained, *args, **kwargs)
        bound.apply_defaults()  # a default that is written out is the same question
        arguments = [(name, given, _type_of(given)) for name, given in list(bound.arguments.items())[1:]]
        key = (function.__module__, function.__qualname__, function, *arguments)  # closures may share their names
        if key not in trained.shared:
            from measures.fixed_modes import fixed_modes  # it imports torch; who only declares measures need not

            with fixed_modes():
                trained.shared[key] = function(trained, *args, **kwargs)
        return cast(T, trained.shared[key])

    return remembered


def _type_of(given: object) -> object:
    return tuple(map(_type_of, given)) if type(given) is tuple else type(given)
