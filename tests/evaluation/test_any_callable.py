"""Whatever can be called with one trained model is a measure, by a name that says what it is."""

import functools
import math
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.evaluation.any_callable import measure_from
from measures.registry import Measure


def norm(trained: Any, p: float = 2.0, *, scale: float = 1.0) -> float:
    return scale * float(trained) ** p


class Norm:
    def __init__(self, p: float):
        self.p = p

    def __call__(self, trained: Any) -> float:
        return norm(trained, self.p)

    def bound(self, trained: Any) -> float:
        return norm(trained, self.p)


def by_name_alone(*, trained: Any) -> float:
    return 1.0


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        (norm, "norm", 9.0),
        (functools.partial(norm, p=3), "norm_p_3", 27.0),
        (functools.partial(functools.partial(norm, p=3), scale=0.5), "norm_p_3_scale_0_5", 13.5),
        (Norm(3), "Norm", 27.0),
        (Norm(3).bound, "bound", 27.0),
        (lambda trained: trained + 1.0, "a_lambda", 4.0),
        (abs, "abs", 3),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_it_is_called_with_the_arguments_that_it_has(given: Any, name: str, value: float) -> None:
    found = measure_from(given)
    assert (found.name, found(3)) == (name, value)  # type: ignore[arg-type]


@pytest.mark.parametrize("given", [functools.partial(norm, p=3), Norm(3), lambda trained: 1.0])
def test_its_file_is_where_it_was_written(given: Any) -> None:
    assert str(measure_from(given).file) == __file__


def test_a_measure_is_itself() -> None:
    known = measure_from(norm)
    assert isinstance(known, Measure) and measure_from(known) is known


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (3, "judge got 3; expected a measure's name or a function of one trained model"),
        (functools.partial(norm, 1, 2), "norm_1_2 takes 0 arguments; a measure takes one, the trained model"),
        (functools.partial(math.hypot), "does not say what arguments it takes; write a function around it"),
        (max, "does not say what arguments it takes; write a function around it"),
        (Norm, r"^judge got the class Norm; give an object of it, Norm\(\), or a function that makes one$"),
        (
            by_name_alone,
            r"^by_name_alone takes \(\*, trained: Any\) -> float; a measure takes one, the trained model, by its pl",
        ),
        (lambda one, other: 1.0, "a_lambda takes 2 arguments; a measure takes one, the trained model"),
    ],
)
def test_what_cannot_be_called_with_one_is_told_so(given: Any, sentence: str) -> None:
    with pytest.raises(HarnessError, match=sentence):
        measure_from(given)
