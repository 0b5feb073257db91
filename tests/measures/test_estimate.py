"""A value with its standard error is a float wherever one is wanted."""

import copy
import json
import pickle

import pytest

from measures import Estimate


def test_it_is_the_float_and_what_is_computed_of_it_has_no_standard_error() -> None:
    value = Estimate(2.0, 0.1)
    assert isinstance(value, float)
    assert (value, value.standard_error, repr(value), json.dumps(value)) == (2.0, 0.1, "2.0", "2.0")
    assert {type(each) for each in (value + 1, -value, value**2, float(value), max(value, 1.0) * 1)} == {float}


def test_a_copy_has_it_as_well() -> None:
    for again in (copy.deepcopy(Estimate(2.0, 0.1)), pickle.loads(pickle.dumps(Estimate(2.0, 0.1)))):
        assert (type(again), again, again.standard_error) == (Estimate, 2.0, 0.1)


def test_through_a_function_it_is_the_slope_times_as_large_and_never_negative() -> None:
    inverse = Estimate(2.0, 0.1).through(1 / 2.0, derivative=-1 / 4)
    assert (inverse, inverse.standard_error) == (0.5, pytest.approx(0.025, rel=1e-12))
