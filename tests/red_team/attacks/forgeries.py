"""Values, errors and declarations that are made so that whoever reads, adds or prints them is led astray."""

import builtins
import os
import sys
import types
from typing import Any

import numpy as np
import torch
from answers import answer, sends

from measures import Estimate, NotApplicable, measure
from measures.trained_model import TrainedModel

LARGEST = sys.float_info.max


@measure(source="red team")
def as_large_as_can_be(trained: TrainedModel) -> float:
    """A difference of two such is infinite."""
    return LARGEST if trained.seed % 2 else -LARGEST


@measure(source="red team")
def as_small_as_can_be(trained: TrainedModel) -> float:
    """The square of it is 0."""
    return 5e-324


@measure(source="red team")
def not_the_float_that_it_is(trained: TrainedModel) -> float:
    """A float whose float() is another."""

    class Two(float):
        def __float__(self) -> float:
            return 2.0

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = float.__hash__

    return Two(1.0)


@measure(source="red team")
def not_even_a_number(trained: TrainedModel) -> float:
    """A float whose float() raises what stops a process."""

    class Never(float):
        def __float__(self) -> float:
            raise SystemExit(0)

    return Never(1.0)


@measure(source="red team")
def an_index(trained: TrainedModel) -> Any:
    """What has an __index__ and a __float__, and is not a number."""

    class Index:
        def __index__(self) -> int:
            return 7

        __float__ = __index__

    return Index()


@measure(source="red team")
def item_of_a_tensor(trained: TrainedModel) -> Any:
    """A tensor of a class of its own, whose item is a text."""

    class Says(torch.Tensor):
        def item(self) -> Any:  # type: ignore[override]
            return "7"

    return torch.zeros(()).as_subclass(Says)


@measure(source="red team")
def shape_of_a_tensor(trained: TrainedModel) -> Any:
    """One that says that it is a single number."""

    class Says(torch.Tensor):
        shape = property(lambda self: (1,))  # type: ignore[assignment]

    return torch.zeros(5).as_subclass(Says)


@measure(source="red team")
def complex_number(trained: TrainedModel) -> Any:
    """numpy's, with a real part."""
    return np.complex128(1.0)


@measure(source="red team")
def error_without_end(trained: TrainedModel) -> float:
    """A standard error that is infinite when it is squared."""
    return Estimate(1.0, LARGEST)


@measure(source="red team")
def error_that_is_no_number(trained: TrainedModel) -> float:
    """A standard error that compares with nothing."""
    return Estimate(1.0, float("nan"))


@measure(source="red team")
def error_that_is_gone(trained: TrainedModel) -> float:
    """An estimate without one."""
    estimate = Estimate(1.0, 0.1)
    del estimate.standard_error
    return estimate


@measure(source="red team")
def error_that_is_raised(trained: TrainedModel) -> float:
    """Reading it raises what stops a process."""

    class Raises(Estimate):
        @property
        def standard_error(self) -> float:  # type: ignore[override]
            raise KeyboardInterrupt

        @standard_error.setter
        def standard_error(self, value: float) -> None:
            pass

    return Raises(1.0, 0.1)


@measure(source="red team")
def leaves_by_the_door(trained: TrainedModel) -> float:
    """An exit with a status that says that all is well."""
    raise SystemExit(0)


@measure(source="red team")
def interrupts(trained: TrainedModel) -> float:
    """As if the user had pressed Ctrl-C."""
    raise KeyboardInterrupt


@measure(source="red team")
def raises_a_ring(trained: TrainedModel) -> float:
    """An exception that is the cause of its cause, of another that has no text."""
    one, other = ValueError(), ValueError("x" * 100_000)
    one.__cause__, other.__cause__ = other, one
    raise one


@measure(source="red team")
def raises_a_class_without_a_name(trained: TrainedModel) -> float:
    """Its class is named by what a terminal obeys."""
    raise type("\x1b[2J\n\nPASSED", (Exception,), {"__module__": "\x07"})("\x1b]0;owned\x07")


@measure(source="red team")
def has_no_meaning_in_no_words(trained: TrainedModel) -> float:
    """A NotApplicable whose text raises."""

    class Wordless(NotApplicable):
        def __str__(self) -> str:
            raise RecursionError

    raise Wordless


@measure(source="red team")
def has_no_meaning_in_many_words(trained: TrainedModel) -> float:
    """One whose text is a megabyte of what a terminal obeys."""
    raise NotApplicable("\x1b[2J\ud800" * 200_000)


@measure(source="red team")
def no_room_to_return(trained: TrainedModel) -> float:
    """Whoever goes on from here has no stack."""
    sys.setrecursionlimit(sys.getrecursionlimit())
    sys.settrace(lambda *given: None)
    sys.setprofile(lambda *given: None)
    sys.unraisablehook = lambda *given: os._exit(0)  # type: ignore[assignment]
    return 1.0


@measure(source="red team")
def no_builtins(trained: TrainedModel) -> float:
    """What reads the value has no isinstance, and no modules."""
    builtins.isinstance = lambda *given: True  # type: ignore[assignment]
    builtins.type = lambda *given: float  # type: ignore[assignment, misc]
    sys.modules["json"] = sys.modules["math"] = types.ModuleType("none")
    return 1.0


@measure(source="red team")
def a_clock_that_jumps(trained: TrainedModel) -> float:
    """Seconds whose sum is infinite."""
    sends(trained, answer(value=1.0, seconds=LARGEST))
    return 1.0


@measure(source="red team")
def whole_number(trained: TrainedModel) -> float:
    """A value that no float holds."""
    return sends(trained, answer(value=10**400))


@measure(source="red team")
def two_values(trained: TrainedModel) -> float:
    """Twice the same field."""
    return sends(trained, answer(value=1.0).replace(b'"value": 1.0', b'"value": 1.0, "value": 1e999'))


@measure(source="red team")
def fields_of_the_judge(trained: TrainedModel) -> float:
    """A field that only a row or the judge has."""
    return sends(trained, answer(weights_sha256="0" * 64, passes=True))


@measure(source="red team")
def numbers_of_another_kind(trained: TrainedModel) -> float:
    """Where names of numbers are looked for, there is a list."""
    return sends(trained, answer(value=1.0).replace(b'"numbers": {}', b'"numbers": [1]'))


@measure(source="red team")
def changes_of_another_kind(trained: TrainedModel) -> float:
    """Where sentences are looked for, there are objects."""
    return sends(trained, answer(value=1.0).replace(b'"changes": []', b'"changes": [{}, null]'))


@measure(source="red team")
def answers_as_parent_and_child(trained: TrainedModel) -> float:
    """Both go on from here, the child first."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return 1.0
