"""Registration validates at once, and names file and line."""

import copy
import functools
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from measures import Estimate, Measure, RegistrationError, measure

pytestmark = pytest.mark.usefixtures("own_registry")


def test_a_registered_measure_knows_what_it_declared_and_can_be_called() -> None:
    @measure(source="a paper, eq. 1", version=2, cost="slow", invariant_to={"logit_shift"})
    def registered_here(trained: Any) -> float:
        return 1.0

    assert isinstance(registered_here, Measure)
    assert (registered_here.name, registered_here.version, registered_here.cost) == ("registered_here", 2, "slow")
    assert registered_here.family == "external"
    assert registered_here(None) == 1.0  # type: ignore[arg-type]


def one(trained: Any) -> float:
    return 1.0


def two(trained: Any, other: Any) -> float:
    return 1.0


def none() -> float:
    return 1.0


@pytest.mark.parametrize(
    ("function", "arguments", "problem"),
    [
        (two, {"source": "x"}, "two takes 2 arguments; a measure takes one"),
        (none, {"source": "x"}, "none takes 0 arguments"),
        (one, {"source": " "}, "one has no source; name the paper"),
        (one, {"source": "x", "version": 0}, "version=0; expected 1, 2"),
        (one, {"source": "x", "cost": "cheap"}, "cost='cheap'; expected one of fast, slow, retrain"),
        (one, {"source": "x", "invariant_to": {"time"}}, "known are layer_rescaling"),
        (one, {"source": "x", "invariant_to": "logit_shift"}, "'logit_shift', a string; write {'logit_shift'}"),
        (lambda trained: 1.0, {"source": "x"}, "<lambda> is not a name"),
    ],
)
def test_a_bad_registration_is_refused_with_file_and_line(
    function: Any, arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(RegistrationError) as caught:
        measure(**arguments)(function)
    assert problem in str(caught.value)
    assert f"test_registry.py:{function.__code__.co_firstlineno}" in str(caught.value)


def test_under_another_decorator_the_file_and_line_are_the_functions_own() -> None:
    @measure(source="x")
    @torch.no_grad()
    def decorated_twice(trained: Any) -> float:
        return 1.0

    assert decorated_twice.file == Path(__file__).resolve()


def test_a_bare_decorator_is_refused_with_what_to_write() -> None:
    with pytest.raises(RegistrationError, match="one is decorated with a bare @measure; write @measure"):
        measure(one)


def test_what_is_not_a_function_is_refused() -> None:
    with pytest.raises(RegistrationError, match="is not a function"):
        measure(source="x")(functools.partial(one))  # type: ignore[arg-type]


def test_two_measures_of_one_name_are_refused_naming_both() -> None:
    def namesake(trained: Any) -> float:
        return 1.0

    first = namesake
    measure(source="x")(first)

    def namesake(trained: Any) -> float:  # type: ignore[no-redef]
        return 2.0

    with pytest.raises(RegistrationError, match="two measures are named 'namesake'") as caught:
        measure(source="x")(namesake)
    assert str(caught.value).count("test_registry.py:") == 2


def test_it_is_the_float_and_what_is_computed_of_it_has_no_standard_error() -> None:
    value = Estimate(2.0, 0.1)
    assert isinstance(value, float)
    assert (value, value.standard_error, repr(value), json.dumps(value)) == (2.0, 0.1, "2.0", "2.0")
    assert {type(each) for each in (value + 1, -value, value**2, float(value), max(value, 1.0) * 1)} == {float}


def test_a_copy_has_it_as_well() -> None:
    again = copy.deepcopy(Estimate(2.0, 0.1))
    assert (type(again), again, again.standard_error) == (Estimate, 2.0, 0.1)


def test_through_a_function_it_is_the_slope_times_as_large_and_never_negative() -> None:
    inverse = Estimate(2.0, 0.1).through(1 / 2.0, derivative=-1 / 4)
    assert (inverse, inverse.standard_error) == (0.5, pytest.approx(0.025, rel=1e-12))
